"""What beat sends exists."""

import pytest

from billing.schedule import SCHEDULE
from config.celery import app

pytestmark = pytest.mark.nodb


def test_beat_sends_only_tasks_that_the_worker_knows() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in SCHEDULE.values()} <= set(app.tasks)
    assert SCHEDULE.items() <= app.conf.beat_schedule.items()
