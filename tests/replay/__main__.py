"""``make replay FILE=…``: a real telephone centre's record, day by day, through the services under a moved clock.

Arrivals, services and patience are the record's, the staff is inferred (`tests.replay.record` and
`tests.replay.presence` say how), priority customers have a head start of 90 s. Prints waits, abandonment and
occupancy by type and hour beside the record's. Results are kept in ``var/bench/replay.json`` and told again by
``--stored``; ``--write`` puts table and plot into ``docs/``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from config import checkout
from tests.moved import pages, place
from tests.moved.svg import Panel, Series, draw
from tests.replay import record
from tests.replay.day import Day, Told, replay
from tests.replay.figures import Side, by_hour, table

KEPT = checkout.STATE / "bench" / "replay.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument("file", type=Path, help="the record (FILE=); its form is in tests/replay/record.py")
    parser.add_argument("--days", nargs="*", type=date.fromisoformat, help="only these; all of the record otherwise")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="days at a time")
    parser.add_argument("--stored", action="store_true", help="play nothing: tell what came of it before")
    parser.add_argument("--write", action="store_true", help="write table and plot into docs/")
    options = parser.parse_args()
    try:
        recorded = record.read(options.file)
    except (OSError, record.RecordError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    wanted = options.days or sorted(recorded)
    kept = _kept()
    if not options.stored:
        for day, told in play(options.file, wanted, workers=options.workers):
            kept[day] = told
            _keep(kept)
    days = [Day.of(day, recorded[day], kept[day]) for day in wanted if day in kept]
    say(table(days))
    if options.write:
        pages.write_part("replay", table(days))
        pages.write_image("replay.svg", plot(days))
    return 0


def play(path: Path, days: Sequence[date], *, workers: int) -> Iterator[tuple[date, list[Told]]]:
    """The days through the services, as they are done."""
    with place.services():
        for day, told, seconds in place.in_children(replay, [(path, day) for day in days], workers=workers):
            say(f"{day}: {len(told):,} calls in {seconds:.0f} s")
            yield day, told


def plot(days: Sequence[Day]) -> str:
    """Waits, abandonment and occupancy by the hour, the record's as a line, the replay's as dots."""
    lines = by_hour(days)
    hours = [int(line.name[:2]) for line in lines]

    def panel(title: str, figure: str) -> Panel:
        def points(sides: Sequence[Side]) -> list[tuple[float, float]]:
            return [(hour + 0.5, getattr(side, figure)) for hour, side in zip(hours, sides, strict=True)]

        return Panel(
            title,
            "hour of the day",
            [
                Series("record", points([line.record for line in lines]), colour=0),
                Series("replay", points([line.replay for line in lines]), colour=1, dots=True),
            ],
        )

    figures = {"mean wait, s": "wait_s", "gave up": "gave_up", "occupancy": "occupancy"}
    return draw([panel(title, figure) for title, figure in figures.items()], columns=3)


def _kept() -> dict[date, list[Told]]:
    days = checkout.read_json(KEPT)
    return {date.fromisoformat(day): [(served, wait) for served, wait in told] for day, told in days.items()}


def _keep(days: dict[date, list[Told]]) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    checkout.write_json(KEPT, {day.isoformat(): told for day, told in days.items()})


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
