"""``make theory [N=20000]``: the services, a recursion of twenty lines, and Erlang's formulas, load by load.

Each load's first N calls go through the real services on real PostgreSQL under a moved clock, and through the
recursion: every call must wait as long in both, to a millisecond. The recursion alone then runs over twenty million
calls of the load, whose measures must be the formula's to 2 %. Two cases of pooled skills go the same way beside
ciw, an independent simulation. Exit status 1 when anything differs by more. What was found goes to
``var/bench/theory.json``; ``--write`` puts the table and the plot into ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from config import checkout
from tests.moved import pages, place
from tests.theory.compared import Compared, compare_services, long_run
from tests.theory.loads import LOADS
from tests.theory.long_run import BOUND, LongRun
from tests.theory.report import complaints, plot, table

REPORT = checkout.STATE / "bench" / "theory.json"
LONG_RUN = 20_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make theory", description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="calls of each load for the services (N=)")
    parser.add_argument("--long-run", type=int, default=LONG_RUN, help="calls of each load for the recursion alone")
    parser.add_argument("--loads", nargs="*", default=[load.name for load in LOADS], help="only these")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="loads at a time")
    parser.add_argument("--write", action="store_true", help="write table and plot into docs/")
    options = parser.parse_args()
    found = services(options.loads, calls=options.calls, workers=options.workers)
    long = recursions(options.loads, calls=options.long_run, workers=options.workers)
    wrong = complaints(found, long)
    checkout.write_json(
        REPORT,
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "bound": BOUND,
            "services": {name: asdict(one) for name, one in found.items()},
            "recursion": {name: asdict(one) for name, one in long.items()},
            "wrong": wrong,
        },
    )
    say(table(found, long))
    if options.write:
        pages.write_part("theory", table(found, long))
        pages.write_image("theory.svg", plot(found, long))
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def services(names: Sequence[str], *, calls: int, workers: int) -> dict[str, Compared]:
    """The loads through the services."""
    found: dict[str, Compared] = {}
    with place.services():
        one: Compared
        for one in place.in_children(compare_services, [(name, calls) for name in names], workers=workers):
            found[one.load] = one
            say(
                f"{one.load}: {one.services.calls} calls in {one.seconds:.0f} s, {one.differing} with another wait than"
                f" in the recursion, at most {one.most_us} µs apart"
            )
    return found


def recursions(names: Sequence[str], *, calls: int, workers: int) -> dict[str, LongRun]:
    """The loads through the recursion alone."""
    return dict(place.in_children(long_run, [(name, calls) for name in names], workers=workers))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
