"""The recursion over many calls, held against Erlang's formulas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from itertools import tee

from tests.theory.erlang import Measures, impatient, patient
from tests.theory.loads import US, Load
from tests.theory.recursion import Call, waits

BOUND = 0.02
"""Two figures are equivalent when they differ by no more than this part of what is expected."""

BINS = 200
BINS_A_SERVICE = 40


@dataclass(frozen=True)
class LongRun:
    """What a run of calls came to; `longer[k]` of them, from 0 to 1, waited longer than k times `bin_s`."""

    calls: int
    measures: Measures
    bin_s: float
    longer: tuple[float, ...]


def expected(load: Load) -> Measures:
    """What the formula says of the load."""
    common = {"agents": load.agents, "offered": load.offered, "service_s": load.service_s}
    if load.patience_s is None:
        return patient(**common)  # type: ignore[arg-type]
    return impatient(**common, patience_s=load.patience_s)  # type: ignore[arg-type]


def measure(load: Load, count: int) -> LongRun:
    """Run the recursion over the load's first `count` calls."""
    for_the_queue, for_us = tee(load.calls(count))
    return summary(load, for_us, waits(for_the_queue, agents=load.agents))


def summary(load: Load, calls: Iterable[Call], told: Iterable[tuple[bool, int]]) -> LongRun:
    """Sum up what became of the calls. Agents are there until the last call comes."""
    width = round(load.service_s * US / BINS_A_SERVICE)
    bins = [0] * (BINS + 1)
    count = served_count = waited = 0
    wait_us = talk_us = last_us = 0
    for (at, service, _), (served, wait) in zip(calls, told, strict=True):
        count += 1
        wait_us += wait
        waited += wait > 0
        if served:
            served_count += 1
            talk_us += service
        last_us = at
        bins[min(-(-wait // width), BINS)] += 1
    measures = Measures(
        mean_wait_s=wait_us / count / US,
        waiting=waited / count,
        abandoned=1 - served_count / count,
        occupancy=talk_us / (load.agents * last_us),
    )
    return LongRun(count, measures, width / US, _survival(bins, count))


def _survival(bins: list[int], count: int) -> tuple[float, ...]:
    """How many wait longer than 0, 1, 2 … times a bin's width: bin k holds waits above k - 1 widths and up to k."""
    longer, left = [], count
    for number in bins[:-1]:
        left -= number
        longer.append(left / count)
    return tuple(longer)


def compare(wanted: Measures, found: Measures) -> float:
    """Return by how much, as a part of what is wanted, the figure that differs most does."""
    pairs: list[tuple[float, float]] = list(zip(astuple(wanted), astuple(found), strict=True))
    return max(abs(have - want) / want if want else abs(have) for want, have in pairs)
