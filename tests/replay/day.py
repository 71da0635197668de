"""One day of the record through the services: its calls, its staff as inferred, its head start."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.moved.place import own_database
from tests.replay import presence, record
from tests.replay.record import Call

ZONE = ZoneInfo("Asia/Jerusalem")

Told = tuple[bool, float]
"""Of a call: whether it was served, and how many seconds it waited for that or in vain."""


@dataclass(frozen=True)
class Day:
    """A day as recorded and, call by call, as told by the services; and who was there."""

    day: date
    calls: Sequence[Call]
    staff: Sequence[presence.Member]
    told: Sequence[Told]

    @classmethod
    def of(cls, day: date, calls: Sequence[Call], told: Sequence[Told]) -> Day:
        """Put a day together with its staff."""
        return cls(day, calls, presence.infer(calls), told)


def replay(path: Path, day: date) -> tuple[date, list[Told], float]:
    """Play one day of the record in a child process and a database of its own; with the seconds that it took."""
    calls = record.read(path)[day]
    began = datetime.now(ZONE)
    with own_database(f"replay{day:%m%d}", start=datetime.combine(day, time.min, ZONE)) as clock:
        # Not before: it needs Django, whose settings are the environment as it is only now.
        stage = importlib.import_module("tests.replay.stage")
        told: list[Told] = stage.play(clock, calls, presence.infer(calls), zone=ZONE)
    return day, told, (datetime.now(ZONE) - began).total_seconds()
