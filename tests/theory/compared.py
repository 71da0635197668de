"""One load, whole: the same calls through the services and through the recursion, wait by wait."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.moved.place import own_database
from tests.theory.loads import LOADS, Load
from tests.theory.long_run import LongRun, measure, summary
from tests.theory.recursion import Call, waits
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


def load_of(name: str) -> Load:
    return next(load for load in LOADS if load.name == name)


def compare_services(name: str, count: int) -> Compared:
    """Play the load's first `count` calls in a child process and a database of its own."""
    load, began = load_of(name), time.monotonic()
    calls = list(load.calls(count))
    with own_database(f"theory{name}", start=START) as clock:
        # Not before: it needs Django, whose settings are the environment as it is only now.
        told = importlib.import_module("tests.theory.real").waits_of_services(clock, calls, agents=load.agents)
    differing, most_us = differences(calls, told, agents=load.agents)
    return Compared(name, summary(load, calls, told), differing, most_us, time.monotonic() - began)


def differences(calls: Sequence[Call], told: Sequence[tuple[bool, int]], *, agents: int) -> tuple[int, int]:
    """Return how many calls the recursion tells another end or wait of, and the largest difference in microseconds."""
    differing = most_us = 0
    for (served, wait), (told_served, told_wait) in zip(waits(calls, agents=agents), told, strict=True):
        apart = abs(wait - told_wait)
        differing += served != told_served or apart > SAME_US
        most_us = max(most_us, apart)
    return differing, most_us


def long_run(name: str, count: int) -> tuple[str, LongRun]:
    """Run the recursion alone over the load's first `count` calls."""
    return name, measure(load_of(name), count)
