"""What a pass costs the database as tenants, agents and callers grow: by the server's own times, for each statement.

Each pass makes one offer, in a tenant in which all callers want what one free agent can do, and all the other agents
are free and can not: both indexes are walked over everything there is. Of a pass BEGIN, the pool's lock and COMMIT
(the wait for the disk) are the fixed overhead, shown apart; the rest is three reading statements and what they write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections

from routing.matching import run_pool
from tests.benchmarks.engine_crowd import Crowd, Size, begin_again
from tests.benchmarks.engine_place import Place, StatementLog, Timed, p50, p99, say, timed_by_server

GRID = tuple(
    Size(waiting=waiting, agents=agents, others=others)
    for others in (0, 1_000)
    for waiting in (100, 10_000, 100_000)
    for agents in (10, 1_000, 10_000)
)
SMALLEST = Size(waiting=100, agents=10)
USUAL = {"waiting": 10_000, "agents": 1_000}
GROWTH = {
    "demands": [Size(**USUAL, demands=demands, profiles=10) for demands in (10, 100, 300)],
    "profiles": [Size(**USUAL, demands=10, profiles=profiles) for profiles in (10, 100, 1_000)],
}
PASSES, WARM = 40, 8
READING = ("FROM agents_skillprofile p", "FROM routing_demand d")
FIXED = ("BEGIN", "COMMIT", "SELECT set_config('plan_cache_mode'")


def measure(place: Place, runs: int) -> dict[str, Any]:
    """The table of scaling, the two of growth, and their ratios."""
    crowd = Crowd(place)
    _leave_pools()  # connections from before know nothing of the times that the server is to tell
    with timed_by_server(place) as log:
        rows = [_case(place, crowd, log, size, runs) for size in GRID]
        growth = {what: [_case(place, crowd, log, size, runs) for size in sizes] for what, sizes in GROWTH.items()}
    _leave_pools()
    return {"scaling": rows, "growth": growth} | ratios(rows, growth)


def ratios(rows: Sequence[Mapping[str, Any]], growth: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """How many times the smallest case the worst is; how many times linear growth is."""
    found = {"scaling_ratio": _worst(rows, "p50"), "scaling_ratio_reading": _worst(rows, "reading_p50")}
    for what, cases in growth.items():
        grown = cases[-1]["size"][what] / cases[0]["size"][what]
        found[f"growth_{what}"] = round(cases[-1]["p50"] / cases[0]["p50"] / grown, 3)
    return found


def table(found: Mapping[str, Any]) -> str:
    """The cases, for a terminal."""
    names = ("p50", "p99", "reading_p50", "reading_p99", "writing_p50", "fixed_p50")
    lines = [f"{'others':>7}{'waiting':>9}{'agents':>8}{'demands':>9}{'profiles':>9}" + _heads(names)]
    for row in [*found["scaling"], *found["growth"]["demands"], *found["growth"]["profiles"]]:
        size = row["size"]
        head = f"{size['others']:>7}{size['waiting']:>9}{size['agents']:>8}{size['demands']:>9}{size['profiles']:>9}"
        lines.append(head + "".join(f"{row[name]:>13.2f}" for name in names))
    return "\n".join(lines)


def _heads(names: Sequence[str]) -> str:
    return "".join(f"{name:>13}" for name in names)


def _worst(rows: Sequence[Mapping[str, Any]], figure: str) -> float:
    smallest = next(row for row in rows if row["size"] == vars(SMALLEST))
    worst: float = max(row[figure] for row in rows)
    return round(worst / float(smallest[figure]), 3)


def _case(place: Place, crowd: Crowd, log: StatementLog, size: Size, runs: int) -> dict[str, Any]:
    crowd.become(size)
    sampled = [_passes(place, crowd, log) for _ in range(runs)]
    row: dict[str, Any] = {"size": vars(size), "runs": sampled}
    row |= {name: p50([one[name] for one in sampled]) for name in sampled[0]}
    say(f"{vars(size)}: p50 {row['p50']:.2f} ms, reading {row['reading_p50']:.2f}")
    return row


def _passes(place: Place, crowd: Crowd, log: StatementLog) -> dict[str, float]:
    """`PASSES` passes of one offer each, after some that make plans."""
    with place.administrator() as connection:
        for number in range(WARM + PASSES):
            if number == WARM:
                log.transactions()
            if run_pool(crowd.tenant_id) != 1:
                raise RuntimeError("a pass did not make its one offer")
            begin_again(connection)
    done = [parts(one) for one in log.transactions()]
    if len(done) != PASSES:
        raise RuntimeError(f"the server told of {len(done)} passes, not of {PASSES}")
    return {
        "p50": p50([reading + writing for reading, writing, _ in done]),
        "p99": p99([reading + writing for reading, writing, _ in done]),
        "reading_p50": p50([reading for reading, _, _ in done]),
        "reading_p99": p99([reading for reading, _, _ in done]),
        "writing_p50": p50([writing for _, writing, _ in done]),
        "fixed_p50": p50([fixed for _, _, fixed in done]),
    }


def parts(transaction: Sequence[Timed]) -> tuple[float, float, float]:
    """Milliseconds of one pass: reading, writing, and the fixed overhead."""
    fixed = sum(one.ms for one in transaction if one.text.startswith(FIXED))
    reading = sum(one.ms for one in transaction if any(mark in one.text for mark in READING))
    return reading, sum(one.ms for one in transaction) - reading - fixed, fixed


def _leave_pools() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
        if "pool" in connection.settings_dict["OPTIONS"]:
            connection.close_pool()  # type: ignore[attr-defined]
