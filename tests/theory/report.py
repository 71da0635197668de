"""What was found: kept as JSON, told as a table and a plot, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from config import checkout
from tests.moved.svg import Panel, Series, draw
from tests.theory.compared import Compared, Pooled, Stretch, load_of
from tests.theory.erlang import Measures
from tests.theory.loads import LOADS, Load
from tests.theory.long_run import BOUND, LongRun, compare, expected
from tests.theory.pooling import case_of

KEPT = checkout.STATE / "bench" / "theory.json"
SHOWN_FROM = 0.001
"""The plot shows waits that more than one in a thousand callers has."""

HEAD = """| load | agents, erlangs, patience | | mean wait, s | wait at all | give up | occupancy | |
|---|---|---|---|---|---|---|---|"""
HEAD_OF_CASES = """| case | skill | calls | mean wait, s | wait at all | give up | waits the same as in ciw |
|---|---|---|---|---|---|---|"""


@dataclass
class Report:
    """By load: the comparison of services and recursion, and the recursion's long run. By case: that with ciw."""

    services: dict[str, Compared] = field(default_factory=dict)
    cases: dict[str, Pooled] = field(default_factory=dict)
    recursion: dict[str, LongRun] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Report:
        """Return what is kept; nothing where nothing is."""
        kept = checkout.read_json(KEPT)
        services = {
            name: Compared(**{**one, "services": _long_run(one["services"])})
            for name, one in kept.get("services", {}).items()
        }
        cases = {
            name: Pooled(**{**one, "streams": {skill: Stretch(**told) for skill, told in one["streams"].items()}})
            for name, one in kept.get("cases", {}).items()
        }
        return cls(services, cases, {name: _long_run(one) for name, one in kept.get("recursion", {}).items()})

    def keep(self) -> None:
        """Write it down."""
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        checkout.write_json(KEPT, {**asdict(self), "bound": BOUND})

    def complaints(self) -> list[str]:
        """Say what does not hold."""
        everything: dict[str, Compared | Pooled] = {**self.services, **self.cases}
        unlike = [self.told_of(name) for name, one in everything.items() if one.differing]
        apart = {name: compare(expected(load_of(name)), run.measures) for name, run in self.recursion.items()}
        far = [f"{name}: the recursion is {part:.2%} off the formula" for name, part in apart.items() if part > BOUND]
        return [*unlike, *far]

    def told_of(self, name: str) -> str:
        """Say in a line how a load or a case went."""
        one: Compared | Pooled = self.services[name] if name in self.services else self.cases[name]
        calls = one.services.calls if isinstance(one, Compared) else one.calls
        return (
            f"{name}: {calls:,} calls in {one.seconds:.0f} s, {one.differing} with another wait or end, at most"
            f" {one.most_us} µs apart"
        )

    def table_of_cases(self) -> str:
        """A line for each skill of each case."""
        return "\n".join([HEAD_OF_CASES, *(line for name in sorted(self.cases) for line in self._lines_of_case(name))])

    def _lines_of_case(self, name: str) -> list[str]:
        one, case = self.cases[name], case_of(name)
        lines = []
        for stream in case.streams:
            told = one.streams[stream.skill]
            same = f"{one.calls - one.differing:,} of {one.calls:,}" if stream is case.streams[-1] else ""
            lines.append(
                f"| {name} | {stream.skill} | {told.calls:,} | {told.mean_wait_s:.2f} | {told.waiting:.4f}"
                f" | {told.abandoned:.4f} | {same} |"
            )
        return lines

    def table(self) -> str:
        """Three lines a load: the formula, the recursion's long run, and the services."""
        return "\n".join([HEAD, *(line for name in _in_order(self.recursion) for line in self._lines(name))])

    def _lines(self, name: str) -> list[str]:
        load, run = load_of(name), self.recursion[name]
        wanted = expected(load)
        lines = [
            _line(f"**{load.name}** | {_described(load)}", _formula(load), wanted, ""),
            _line(" | ", f"recursion, {run.calls:,} calls", run.measures, f"{compare(wanted, run.measures):.2%} off"),
        ]
        if one := self.services.get(name):
            same = f"{one.services.calls - one.differing:,} waits the same"
            lines.append(_line(" | ", f"services, {one.services.calls:,} calls", one.services.measures, same))
        return lines

    def plot(self) -> str:
        """For each load, how many wait longer than so many seconds."""
        names = [name for name in _in_order(self.recursion) if name in self.services]
        return draw([_panel(self.services[name], self.recursion[name]) for name in names], columns=3)


def _in_order(names: Collection[str]) -> list[str]:
    return [load.name for load in LOADS if load.name in names]


def _long_run(kept: Mapping[str, Any]) -> LongRun:
    return LongRun(**{**kept, "measures": Measures(**kept["measures"]), "longer": tuple(kept["longer"])})


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


def _panel(one: Compared, run: LongRun) -> Panel:
    load = load_of(one.load)
    shown = sum(part >= SHOWN_FROM for part in run.longer)
    every = max(1, shown // 25)
    dots = [(k * run.bin_s, one.services.longer[k]) for k in range(0, shown, every)]
    return Panel(
        title=f"{load.name}: {_formula(load)}, {load.agents} agents, {load.offered:g} erlangs",
        across="part of callers who wait longer than … seconds",
        series=[
            Series("recursion", [(k * run.bin_s, run.longer[k]) for k in range(shown)], colour=0),
            Series("services", dots, colour=1, dots=True),
        ],
        log=True,
        floor=SHOWN_FROM,
    )
