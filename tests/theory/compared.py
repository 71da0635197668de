"""One load, whole: the same calls through the services and through the recursion, wait by wait."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.moved.place import own_database
from tests.theory.loads import LOADS, US, Load
from tests.theory.long_run import LongRun, measure, summary
from tests.theory.pooling import case_of, order_of
from tests.theory.recursion import waits
from tests.theory.start import START

SAME_US = 1_000
"""Waits are the same when they differ by no more than a millisecond."""


@dataclass(frozen=True)
class Compared:
    """What a load's calls came to in the services, and how that differs from the recursion, call by call."""

    load: str
    services: LongRun
    differing: int
    most_us: int
    seconds: float


@dataclass(frozen=True)
class Stretch:
    """What the calls of one skill came to."""

    calls: int
    mean_wait_s: float
    waiting: float
    abandoned: float


@dataclass(frozen=True)
class Pooled:
    """What a case's calls came to in the services, by skill, and how that differs from ciw, call by call."""

    case: str
    calls: int
    streams: dict[str, Stretch]
    differing: int
    most_us: int
    seconds: float


def load_of(name: str) -> Load:
    return next(load for load in LOADS if load.name == name)


def compare_services(name: str, count: int) -> Compared:
    """Play the load's first `count` calls in a child process and a database of its own."""
    load, began = load_of(name), time.monotonic()
    calls = list(load.calls(count))
    with own_database(f"theory{name}", start=START) as clock:
        # Not before: it needs Django, whose settings are the environment as it is only now.
        told = importlib.import_module("tests.theory.real").waits_of_load(clock, calls, agents=load.agents)
    differing, most_us = differences(waits(calls, agents=load.agents), told)
    return Compared(name, summary(load, calls, told), differing, most_us, time.monotonic() - began)


def compare_case(name: str, count: int) -> Pooled:
    """Play a case of pooled skills in a child process and a database of its own."""
    case, began = case_of(name), time.monotonic()
    calls = case.calls(count)
    with own_database(f"theory{name}", start=START) as clock:
        told = importlib.import_module("tests.theory.real").waits_of_case(clock, case, calls)
    # Nor this, which only the cases need.
    independent = importlib.import_module("tests.theory.independent").waits_of_ciw(case, calls)
    differing, most_us = differences(independent, told)
    streams = {
        stream.skill: summed_up([told[number] for number in order_of(calls, stream.skill)]) for stream in case.streams
    }
    return Pooled(name, len(calls), streams, differing, most_us, time.monotonic() - began)


def summed_up(told: Sequence[tuple[bool, int]]) -> Stretch:
    """Sum up the calls of one skill."""
    count = len(told)
    return Stretch(
        count,
        sum(wait for _, wait in told) / count / US,
        sum(wait > 0 for _, wait in told) / count,
        sum(not served for served, _ in told) / count,
    )


def differences(wanted: Iterable[tuple[bool, int]], told: Iterable[tuple[bool, int]]) -> tuple[int, int]:
    """Return of how many calls another end or wait is told than wanted, and the largest difference in microseconds."""
    differing = most_us = 0
    for (served, wait), (told_served, told_wait) in zip(wanted, told, strict=True):
        apart = abs(wait - told_wait)
        differing += served != told_served or apart > SAME_US
        most_us = max(most_us, apart)
    return differing, most_us


def long_run(name: str, count: int) -> tuple[str, LongRun]:
    """Run the recursion alone over the load's first `count` calls."""
    return name, measure(load_of(name), count)
