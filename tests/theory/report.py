"""The table, the plot, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.moved.svg import Panel, Series, draw
from tests.theory.compared import Compared, load_of
from tests.theory.erlang import Measures
from tests.theory.loads import Load
from tests.theory.long_run import BOUND, LongRun, compare, expected

SHOWN_FROM = 0.001
"""The plot shows waits that more than one in a thousand callers has."""

HEAD = """| load | agents, erlangs, patience | | mean wait, s | wait at all | give up | occupancy | |
|---|---|---|---|---|---|---|---|"""


def complaints(found: Mapping[str, Compared], long: Mapping[str, LongRun]) -> list[str]:
    """What does not hold."""
    unlike = [
        f"{name}: {one.differing} calls wait otherwise than in the recursion, by up to {one.most_us} µs"
        for name, one in found.items()
        if one.differing
    ]
    apart = {name: compare(expected(load_of(name)), run.measures) for name, run in long.items()}
    far = [f"{name}: the recursion is {part:.2%} off the formula" for name, part in apart.items() if part > BOUND]
    return [*unlike, *far]


def table(found: Mapping[str, Compared], long: Mapping[str, LongRun]) -> str:
    """Three lines a load: the formula, the recursion's long run, and the services."""
    return "\n".join([HEAD, *(line for name in sorted(found) for line in _lines(found[name], long[name]))])


def _lines(one: Compared, run: LongRun) -> list[str]:
    load, same = load_of(one.load), one.services.calls - one.differing
    wanted = expected(load)
    return [
        _line(f"**{load.name}** | {_described(load)}", _formula(load), wanted, ""),
        _line(" | ", f"recursion, {run.calls:,} calls", run.measures, f"{compare(wanted, run.measures):.2%} off"),
        _line(" | ", f"services, {one.services.calls:,} calls", one.services.measures, f"{same:,} waits the same"),
    ]


def _line(head: str, who: str, measures: Measures, remark: str) -> str:
    return (
        f"| {head} | {who} | {measures.mean_wait_s:.2f} | {measures.waiting:.4f} | {measures.abandoned:.4f}"
        f" | {measures.occupancy:.4f} | {remark} |"
    )


def _described(load: Load) -> str:
    patience = "all wait" if load.patience_s is None else f"{load.patience_s:g} s"
    return f"{load.agents}, {load.offered:g}, {patience}; service {load.service_s:g} s"


def _formula(load: Load) -> str:
    return "Erlang C" if load.patience_s is None else "Erlang A"


def plot(found: Mapping[str, Compared], long: Mapping[str, LongRun]) -> str:
    """For each load, how many wait longer than so many seconds."""
    return draw([_panel(found[name], long[name]) for name in sorted(found)], columns=3)


def _panel(one: Compared, run: LongRun) -> Panel:
    load = load_of(one.load)
    shown = sum(part >= SHOWN_FROM for part in run.longer)
    every = max(1, shown // 25)
    return Panel(
        title=f"{load.name}: {_formula(load)}, {load.agents} agents, {load.offered:g} erlangs",
        across="part of callers who wait longer than … seconds",
        series=[
            Series("recursion", [(k * run.bin_s, run.longer[k]) for k in range(shown)], colour=0),
            Series(
                "services",
                [(k * run.bin_s, one.services.longer[k]) for k in range(0, shown, every)],
                colour=1,
                dots=True,
            ),
        ],
        log=True,
        floor=SHOWN_FROM,
    )
