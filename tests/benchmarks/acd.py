"""`make bench-acd`: our ACD beside Asterisk's own queue and an in-memory floor, by the far ends' clocks.

The three are measured in turn, on one exchange, by the same SIPp loads, their agents the same 50 telephones. Figures
go to ``var/bench/acd.json``, every run included; a table is printed. The exit status is 1 when an agent's idle gap with
us (median) is not below a tenth of ``app_queue``'s.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

from config import checkout
from config.services.manager import Services
from deploy.lab import exchange
from deploy.lab.exchange import Lab
from tests.benchmarks import acd_place
from tests.benchmarks.acd_load import GAP_LOAD, SETUP_LOAD, Load, Target, offer, registered
from tests.benchmarks.acd_peers import app_queue, floor

AGENTS = tuple(f"bench-{number:04d}" for number in range(1, 51))
REPORT = checkout.STATE / "bench" / "acd.json"
GAP_BOUND = 0.1
"""Part of app_queue's median idle gap that ours must stay below."""

Run = dict[str, Any]
Side = Callable[[Lab, Sequence[str]], AbstractContextManager[Target]]
Effort = Callable[[], dict[str, float]]


def measure(lab: Lab, name: str, side: Side, effort: Effort | None = None) -> Run:
    """One run: the set-up load, then the gap load. The telephones come first: app_queue looks at them as it starts."""
    run: Run = {"name": name, "at": datetime.now(UTC).isoformat(timespec="seconds"), "load_average": os.getloadavg()}
    with registered(lab, AGENTS) as phones, side(lab, AGENTS) as target:
        for key, load in (("setup_load", SETUP_LOAD), ("gap_load", GAP_LOAD)):
            before = effort() if effort else {}
            run[key] = offer(lab, target, load, phones)
            if effort:
                run[key]["per_contact"] = _per_contact(before, effort(), load)
    return run


def _per_contact(before: Mapping[str, float], after: Mapping[str, float], load: Load) -> dict[str, float]:
    return {name: round((after[name] - before[name]) / load.calls, 1) for name in after}


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
    if "per_contact" in report.get("ours", {}):
        lines.append(f"spent per contact under load: {report['ours']['per_contact']}")
    return "\n".join(lines)


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


def run(*, runs: int, names: Sequence[str]) -> int:
    """Measure, write, print. Returns the exit status."""
    services = Services("run")
    urls = services.acquire()
    try:
        lab = exchange.up()
        report: dict[str, Any] = {"machine": machine(), "versions": acd_place.versions(lab, services)}
        sides: dict[str, tuple[Side, Effort | None]] = {"app_queue": (app_queue, None), "floor": (floor, None)}
        if "ours" in names:
            os.environ.update(acd_place.prepare(lab, services, urls))
            django.setup()
            # Not before: it needs Django, and Django's settings are the environment of this very line.
            product = importlib.import_module("tests.benchmarks.acd_ours")
            product.furnish(AGENTS)
            sides["ours"] = (product.ours, product.effort)
        done = [_told(measure(lab, name, *sides[name]), number) for number in range(1, runs + 1) for name in names]
    finally:
        exchange.down()
        services.release()
    report |= {name: summary([one for one in done if one["name"] == name]) for name in names}
    report |= {"ratio": ratios(report), "app_queue_configuration": configuration(), "runs": done}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    _say(f"\napp_queue was configured so:\n{configuration()}\n\n{table(report, names)}\n\n{REPORT}")
    gap = report["ratio"]["gap_p50"]
    if gap is not None and gap >= GAP_BOUND:
        _say(f"Too slow: the idle gap's median is {gap:g} of app_queue's, and must be below {GAP_BOUND:g}.")
        return 1
    return 0


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
    options = parser.parse_args()
    os.environ.setdefault("HOTSEAT_LAB_DIR", str(checkout.STATE / "lab-bench"))
    return run(runs=options.runs, names=options.only or ["ours", "app_queue", "floor"])


if __name__ == "__main__":
    sys.exit(main())
