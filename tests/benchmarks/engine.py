"""`make bench-engine`: what routing costs PostgreSQL, and how it stays with growth and beside others.

Figures go to ``var/bench/engine.json``, every run included; a table is printed, and each bound beside its figure. The
exit status is 1 when one is not met.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import django

from config.services.manager import Services
from tests.benchmarks.engine_place import REPORT, prepare, say, write_report

PARTS = ("scaling", "cycle", "changes", "fairness")

BOUNDS: tuple[tuple[str, str, str, float], ...] = (
    ("a pass's worst median, times the smallest's", "scaling_ratio", "<=", 1.5),
    ("cycles a second, of pgbench's, one tenant", "ratio", ">=", 0.25),
    ("cycles a second, of pgbench's, 50 tenants", "ratio_50", ">=", 0.35),
    ("growth over demands, times linear", "growth_demands", "<=", 1.0),
    ("growth over profiles, times linear", "growth_profiles", "<=", 1.0),
    ("log-in with a new profile, p50, ms", "login_p50_ms", "<=", 50.0),
    ("an edit of 500 agents is in force after, s", "edit_s", "<=", 2.0),
    ("the longest pass beside it, ms", "edit_pause_ms", "<=", 100.0),
    ("offer delay beside a flood, p99, times alone", "fairness_ratio", "<=", 2.0),
)
"""What is promised: the words, the figure's key in the report, and the bound."""


def judged(report: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Each bound whose figure was measured, in words, and whether it is met."""
    found = []
    for words, key, relation, bound in BOUNDS:
        if key in report:
            figure = report[key]
            met = figure <= bound if relation == "<=" else figure >= bound
            found.append((f"{words:<48}{figure:>10g}  {relation} {bound:<6g} {'met' if met else 'NOT MET'}", met))
    return found


def run(*, runs: int, names: Sequence[str]) -> int:
    """Measure, write, print. Returns the exit status."""
    services = Services("run")
    urls = services.acquire()
    try:
        place = prepare(services, urls)
        django.setup()
        report: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "runs": runs}
        report |= {"machine": place.versions()}
        tables = []
        for name in names:
            # Not before: they need Django, and Django's settings are the environment of the line above.
            part = importlib.import_module(f"tests.benchmarks.engine_{name}")
            found = part.measure(place, runs)
            report |= found
            tables.append(part.table(found))
    finally:
        services.release()
    bounds = judged(report)
    report["bounds"] = [words for words, _ in bounds]
    write_report(report)
    say("\n" + "\n\n".join([*tables, "\n".join(report["bounds"]), str(REPORT)]))
    return 0 if all(met for _, met in bounds) else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-engine", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="runs of each figure (five for the published ones)")
    parser.add_argument("--only", action="append", choices=PARTS, help="leave out the others")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    return run(runs=options.runs, names=options.only or PARTS)


if __name__ == "__main__":
    sys.exit(main())
