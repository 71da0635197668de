"""What a tenant's flood costs the others: how long their calls wait for an offer, alone and beside it.

Quiet tenants have a call now and then, from one process; the one that floods has a hundred times as many as each of
them, from two. All have agents enough, so a call waits for nothing but the machine.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.engine_client import clients, done, work
from tests.benchmarks.engine_place import Place, p50, p99, say
from tests.routing.calls import Line, make_line
from tests.routing.matching.crowd import seat_agents

QUIET, QUIET_RATE = 25, 0.1
FLOOD = 100
AGENTS, FLOODED_BY, SECONDS = 8, 2, 80


def measure(place: Place, runs: int) -> dict[str, Any]:
    """Run by run: the quiet tenants alone, then beside the flood."""
    quiet = [_furnish() for _ in range(QUIET)]
    flooded = _furnish()
    found: dict[str, list[float]] = {}
    with clients(1 + FLOODED_BY) as those:
        for number in range(1, runs + 1):
            for what, floods in (("alone", False), ("beside", True)):
                delays = _delays(those, quiet, flooded if floods else None)
                found.setdefault(f"offer_p50_{what}_ms", []).append(p50(delays))
                found.setdefault(f"offer_p99_{what}_ms", []).append(p99(delays))
            say(f"run {number}: " + "  ".join(f"{name} {values[-1]:.1f}" for name, values in found.items()))
    report: dict[str, Any] = {name: p50(values) for name, values in found.items()}
    ratio = round(report["offer_p99_beside_ms"] / report["offer_p99_alone_ms"], 3)
    return report | {"fairness_ratio": ratio, "fairness_runs": found}


def table(found: Mapping[str, Any]) -> str:
    """The delays, for a terminal."""
    lines = [f"{'offer delay of quiet tenants, ms':<36}{'p50':>9}{'p99':>9}"]
    for words, what in (("alone", "alone"), (f"beside a flood of {FLOOD} : 1", "beside")):
        lines.append(f"{words:<36}{found[f'offer_p50_{what}_ms']:>9.1f}{found[f'offer_p99_{what}_ms']:>9.1f}")
    return "\n".join(lines)


def _furnish() -> Line:
    line = make_line()
    seat_agents(line.tenant, AGENTS)
    return line


def _delays(those: Sequence[subprocess.Popen[str]], quiet: Sequence[Line], flooded: Line | None) -> list[float]:
    """Milliseconds that each call of the quiet tenants waited for its offer."""
    first, *others = those
    if flooded is not None:
        for client in others:
            work(client, numbers=[flooded.number], seconds=SECONDS, rate=FLOOD * QUIET_RATE / FLOODED_BY)
    work(first, numbers=[line.number for line in quiet], seconds=SECONDS, rate=QUIET * QUIET_RATE)
    delays: list[float] = done(first)["delays_ms"]
    for client in others if flooded is not None else ():
        done(client)
    return delays
