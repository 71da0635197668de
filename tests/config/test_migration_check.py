"""New migrations must be safe while the old code runs."""

import pytest

from config.migration_check import findings

pytestmark = pytest.mark.nodb

INDEX = 'BEGIN;\nCREATE INDEX "slow" ON "routing_contact" ("state");\nCOMMIT;\n'


def test_an_index_that_blocks_writers_of_an_old_table_is_reported() -> None:
    (problem,) = findings(INDEX)
    assert "new-migrations.sql:2: require-concurrent-index-creation" in problem


def test_anything_may_be_done_to_a_table_that_is_new_itself() -> None:
    assert findings('BEGIN;\nCREATE TABLE "routing_contact" ("state" text);\nCOMMIT;\n' + INDEX) == []
