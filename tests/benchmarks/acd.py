"""`make bench-acd`: our ACD beside Asterisk's own queue and an in-memory floor, by the far ends' clocks.

The three are measured in turn, on one exchange, by the same SIPp loads, their agents the same 50 telephones. Then the
highest rate that ours holds is looked for, and one load more is offered while statements are counted and samples taken.
Figures go to ``var/bench/acd.json``, every run included; a table is printed, and each bound beside its figure. The exit
status is 1 when one is not met.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import django

from config import checkout
from config.services.manager import Services
from deploy.lab import exchange
from deploy.lab.exchange import Lab
from tests.benchmarks import acd_place, acd_rate
from tests.benchmarks.acd_load import GAP_LOAD, SETUP_LOAD, Target, figures, offer, registered
from tests.benchmarks.acd_peers import app_queue, floor

AGENTS = tuple(f"bench-{number:04d}" for number in range(1, 51))
REPORT = checkout.STATE / "bench" / "acd.json"

BOUNDS: tuple[tuple[str, tuple[str, ...], str, float], ...] = (
    ("idle gap, median, of app_queue's", ("ratio", "gap_p50"), "<=", 0.05),
    ("idle gap, 99th of 100, of app_queue's", ("ratio", "gap_p99"), "<=", 0.06),
    ("set-up, median, times the floor's", ("ratio", "setup_p50_vs_floor"), "<=", 5.0),
    ("set-up, 99th of 100, times the floor's", ("ratio", "setup_p99_vs_floor"), "<=", 8.0),
    ("calls that failed", ("ours", "failed"), "<=", 0),
    ("callers overtaken by > 50 ms", ("ours", "overtaken"), "<=", 0),
    ("offers that only the sweep made", ("ours", "sweep_catches"), "<=", 0),
    ("calls whose seconds differ by > 1 s", ("ours", "seconds", "apart"), "<=", 0),
    ("answered calls without a record", ("ours", "seconds", "missing"), "<=", 0),
    ("calls a second held for 30 s", ("ours", "max_rate"), ">=", 20),
    ("memory of all five processes, MB", ("ours", "memory_mb", "all"), "<=", 700),
)
"""What is promised: the words, where the figure is in the report, and the bound."""

Run = dict[str, Any]
Side = Callable[[Lab, Sequence[str]], AbstractContextManager[Target]]


def measure(lab: Lab, name: str, side: Side, product: ModuleType | None = None) -> Run:
    """One run: the set-up load, then the gap load. The telephones come first: app_queue looks at them as it starts.

    `product` is what knows more of ours: what it cost, what it recorded, what memory it holds as the load ends.
    """
    run: Run = {"name": name, "at": datetime.now(UTC).isoformat(timespec="seconds"), "load_average": os.getloadavg()}
    with registered(lab, AGENTS) as phones, side(lab, AGENTS) as target:
        for key, load in (("setup_load", SETUP_LOAD), ("gap_load", GAP_LOAD)):
            before = product.effort() if product else {}
            offered = offer(lab, target, load, phones)
            run[key] = figures(offered)
            if product:
                run[key]["per_contact"] = product.spent(before, load)
                run[key]["memory_mb"] = product.memory_mb()
                run[key]["seconds"] = product.seconds(offered)
    return run


def measure_rate(lab: Lab, admin_url: str, product: ModuleType) -> dict[str, Any]:
    """The highest rate that ours holds; then, at that rate, statements for each contact and where the time goes."""
    with registered(lab, AGENTS) as phones, product.ours(lab, AGENTS) as target:
        rate, tries = acd_rate.highest_rate(lambda load: offer(lab, target, load, phones), _say)
    found: dict[str, Any] = {"max_rate": rate, "rates": tries}
    load = acd_rate.load_of(rate or acd_rate.SLOWEST)
    with (
        acd_rate.statements_counted(admin_url) as statements,
        registered(lab, AGENTS) as phones,
        product.ours(lab, AGENTS) as target,
    ):
        before, asked = product.effort(), statements()
        with acd_rate.sampled(product.switch_pid()) as shares:
            offer(lab, target, load, phones)
            found["switch_time_percent"] = shares()
        found["sql_per_contact"] = round((statements() - asked) / load.calls, 1)
        found["cpu_ms_per_contact_at_max_rate"] = product.spent(before, load)
    return found


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """The medians over one side's runs."""
    taken = {
        "gap_ms": ("gap_load", "gap_ms"),
        "setup_ms": ("setup_load", "setup_ms"),
        "rtp_ms": ("setup_load", "rtp_ms"),
    }
    found: dict[str, Any] = {
        figure: {part: _median(run[load][key][part] for run in runs) for part in ("p50", "p99")}
        for figure, (load, key) in taken.items()
    }
    loads = [run[load] for run in runs for load in ("setup_load", "gap_load")]
    found["failed"] = sum(load["failed"] for load in loads)
    found["overtaken"] = sum(load["overtaken"] for load in loads)
    if all("per_contact" in load for load in loads):
        spent = [run["gap_load"]["per_contact"] for run in runs]
        found["per_contact"] = {name: _median(one[name] for one in spent) for name in spent[0]}
        cpu = [sum(part for name, part in one.items() if name.endswith("_cpu_ms")) for one in spent]
        found["cpu_ms_per_contact"] = _median(cpu)
        sizes = [run["gap_load"]["memory_mb"] for run in runs]
        found["memory_mb"] = {name: _median(one[name] for one in sizes) for name in sizes[0]}
        compared = [load["seconds"] for load in loads]
        found["seconds"] = {name: sum(one[name] for one in compared) for name in ("compared", "missing", "apart")}
        found["seconds"]["most_s"] = max(one["most_s"] for one in compared)
    return found


def _median(values: Iterator[float | None] | Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 1) if known else None


def ratios(found: Mapping[str, Any]) -> dict[str, float | None]:
    """Ours as part of app_queue's idle gap, and as a multiple of the floor's set-up."""
    return {
        **{f"gap_{part}": _ratio(found, "gap_ms", part, "app_queue") for part in ("p50", "p99")},
        **{f"setup_{part}_vs_floor": _ratio(found, "setup_ms", part, "floor") for part in ("p50", "p99")},
    }


def _ratio(found: Mapping[str, Any], figure: str, part: str, peer: str) -> float | None:
    if "ours" not in found or peer not in found:
        return None
    ours, theirs = found["ours"][figure][part], found[peer][figure][part]
    return round(ours / theirs, 4) if ours is not None and theirs else None


def table(report: Mapping[str, Any], names: Sequence[str]) -> str:
    """The figures, for a terminal."""
    lines = [f"{'milliseconds':<34}" + "".join(f"{name:>12}" for name in names)]
    for figure, what in (
        ("gap_ms", "agent free → next INVITE"),
        ("setup_ms", "caller's INVITE → agent's INVITE"),
        ("rtp_ms", "caller's INVITE → first sound"),
    ):
        lines += [
            f"{what[:29]:<30}{part:<4}" + "".join(f"{_shown(report[name][figure][part]):>12}" for name in names)
            for part in ("p50", "p99")
        ]
    for key, what in (("failed", "calls that failed"), ("overtaken", "callers overtaken by > 50 ms")):
        lines.append(f"{what:<34}" + "".join(f"{report[name][key]:>12}" for name in names))
    for key, value in report["ratio"].items():
        lines.append(f"ratio {key:<28}{_shown(value):>12}")
    ours = report.get("ours", {})
    for key, what in (
        ("per_contact", "spent for each contact under load"),
        ("memory_mb", "memory as the load ends, MB"),
        ("seconds", "seconds metered, recorded and heard"),
        ("sql_per_contact", "statements for each contact"),
        ("switch_time_percent", "the switch worker's time, %"),
    ):
        if key in ours:
            lines.append(f"{what}: {ours[key]}")
    return "\n".join(lines)


def judged(report: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Each bound whose figure was measured, in words, and whether it is met."""
    found = []
    for words, path, relation, bound in BOUNDS:
        figure: Any = report
        for key in path:
            figure = figure.get(key) if figure else None
        if figure is not None:
            met = figure <= bound if relation == "<=" else figure >= bound
            found.append((f"{words:<42}{figure:>10g}  {relation} {bound:<6g} {'met' if met else 'NOT MET'}", met))
    return found


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def configuration() -> str:
    """The peer's configuration without its comments, to be printed with the result."""
    text = (exchange.TEMPLATES / "queues.conf").read_text()
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(";"))


def machine() -> dict[str, Any]:
    """What it was measured on."""
    text = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    return {"cores": os.cpu_count(), "model": model, "kernel": os.uname().release, "load_average": os.getloadavg()}


def run(*, runs: int, names: Sequence[str], with_rate: bool) -> int:
    """Measure, write, print. Returns the exit status."""
    services = Services("run")
    urls = services.acquire()
    admin_url = services.target().admin_url
    try:
        exchange.down()  # one that a killed benchmark left behind has calls in it
        lab = exchange.up()
        report: dict[str, Any] = {"machine": machine(), "versions": acd_place.versions(lab, services)}
        sides: dict[str, tuple[Side, ModuleType | None]] = {"app_queue": (app_queue, None), "floor": (floor, None)}
        more: dict[str, Any] = {}
        if "ours" in names:
            os.environ.update(acd_place.prepare(lab, services, urls))
            django.setup()
            # Not before: it needs Django, and Django's settings are the environment of this very line.
            product = importlib.import_module("tests.benchmarks.acd_ours")
            product.furnish(AGENTS)
            sides["ours"] = (product.ours, product)
        done = [_told(measure(lab, name, *sides[name]), number) for number in range(1, runs + 1) for name in names]
        if "ours" in names:
            more["sweep_catches"] = product.caught_by_sweep()
            more |= measure_rate(lab, admin_url, product) if with_rate else {}
    finally:
        exchange.down()
        services.release()
    report |= {name: summary([one for one in done if one["name"] == name]) for name in names}
    if more:
        report["ours"] |= more
    report |= {"ratio": ratios(report), "app_queue_configuration": configuration(), "runs": done}
    bounds = judged(report)
    report["bounds"] = [words for words, _ in bounds]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    _say(f"\napp_queue was configured so:\n{configuration()}\n\n{table(report, names)}\n")
    _say("\n".join([*report["bounds"], "", str(REPORT)]))
    return 0 if all(met for _, met in bounds) else 1


def _told(run: Run, number: int) -> Run:
    setup, gap = run["setup_load"], run["gap_load"]
    _say(
        f"run {number} {run['name']:<10} gap {gap['gap_ms']}  set-up {setup['setup_ms']}  sound {setup['rtp_ms']}  "
        f"failed {setup['failed'] + gap['failed']}  load average {run['load_average'][0]:.1f}"
    )
    return run


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-acd", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="runs of each side (five for the published figures)")
    parser.add_argument("--only", action="append", choices=["ours", "app_queue", "floor"], help="leave out the others")
    parser.add_argument("--without-rate", action="store_true", help="do not look for the highest rate")
    options = parser.parse_args()
    os.environ.setdefault("HOTSEAT_LAB_DIR", str(checkout.STATE / "lab-bench"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started is stopped too
    names = options.only or ["ours", "app_queue", "floor"]
    return run(runs=options.runs, names=names, with_rate=not options.without_rate)


if __name__ == "__main__":
    sys.exit(main())
