"""Identifiers follow the database's clock where this machine's is wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tenants import ids
from tenants.ids import TIMESTAMP_SHIFT, follow_clock, uuid7

pytestmark = pytest.mark.nodb


@pytest.fixture(autouse=True)
def _own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_ahead_ns", 0)
    monkeypatch.setattr(ids, "_last", 0)


def seconds_of(made: UUID) -> float:
    return (made.int >> TIMESTAMP_SHIFT) / 1000


def hear(told: datetime, *, took_ns: int = 1_000_000) -> None:
    now = time.time_ns()
    follow_clock(told, asked_ns=now - took_ns, heard_ns=now)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_wrong_is_not_used(hours: int) -> None:
    before = uuid7()
    hear(datetime.now(UTC) + timedelta(hours=hours))
    made = [uuid7() for _ in range(5)]
    assert made == sorted(made)
    assert abs(seconds_of(made[0]) - seconds_of(before) - 3600 * hours) < 0.1


def test_a_clock_that_is_right_is_used_as_it_is_so_that_one_machines_processes_agree() -> None:
    hear(datetime.now(UTC) + timedelta(milliseconds=20))
    assert ids._ahead_ns == 0


def test_an_answer_that_took_long_says_nothing() -> None:
    hear(datetime.now(UTC) + timedelta(hours=1), took_ns=80_000_000)
    assert ids._ahead_ns == 0
