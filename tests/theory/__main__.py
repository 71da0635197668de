"""``make theory [N=20000]``: the services, a recursion of twenty lines, and Erlang's formulas, load by load.

Each load's first N calls go through the real services on real PostgreSQL under a moved clock, and through the
recursion: every call must wait as long in both, to a millisecond. The recursion alone then runs over twenty million
calls of the load, whose measures must be the formula's to 2 %. What was found is kept in ``var/bench/theory.json``, and
told again by ``--stored``; ``--write`` puts table and plot into ``docs/``. Exit status 1 when anything differs by more.

Two cases of pooled skills go the same way beside ciw, an independent simulation.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.moved import pages, place
from tests.theory.compared import compare_case, compare_services, long_run
from tests.theory.loads import LOADS
from tests.theory.pooling import CASES
from tests.theory.report import Report

CALLS = 20_000
LONG_RUN = 20_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make theory", description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS, help="calls of each load for the services (N=)")
    parser.add_argument("--long-run", type=int, default=LONG_RUN, help="calls of each load for the recursion alone")
    parser.add_argument("--loads", nargs="*", default=[load.name for load in LOADS], help="only these loads")
    parser.add_argument("--cases", nargs="*", default=[case.name for case in CASES], help="only these cases")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="loads at a time")
    parser.add_argument("--stored", action="store_true", help="run nothing: tell what was found before")
    parser.add_argument("--write", action="store_true", help="write table and plot into docs/")
    options = parser.parse_args()
    report = Report.read()
    if not options.stored:
        run(report, options)
    say(f"{report.table()}\n\n{report.table_of_cases()}")
    if options.write:
        pages.write_part("theory", report.table())
        pages.write_part("pooling", report.table_of_cases())
        pages.write_image("theory.svg", report.plot())
    for line in report.complaints():
        sys.stderr.write(f"{line}\n")
    return 1 if report.complaints() else 0


def run(report: Report, options: argparse.Namespace) -> None:
    """Play the loads, and keep what is found of each as soon as it is."""
    jobs = [(name, options.long_run) for name in options.loads]
    for name, run_of_many in place.in_children(long_run, jobs, workers=options.workers):
        report.recursion[name] = run_of_many
        report.keep()
        say(f"{name}: recursion over {run_of_many.calls:,} calls")
    with place.services():
        jobs = [(name, options.calls) for name in options.loads]
        for one in place.in_children(compare_services, jobs, workers=options.workers):
            report.services[one.load] = one
            report.keep()
            say(report.told_of(one.load))
        jobs = [(name, options.calls) for name in options.cases]
        for one in place.in_children(compare_case, jobs, workers=options.workers):
            report.cases[one.case] = one
            report.keep()
            say(report.told_of(one.case))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
