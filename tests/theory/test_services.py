"""Every call waits as long in the services as in the recursion: a few hundred here; `make theory` has 20,000 a load."""

from __future__ import annotations

import pytest

from tests.moved.clock import moved_clock
from tests.theory.compared import differences, load_of
from tests.theory.independent import waits_of_ciw
from tests.theory.pooling import case_of
from tests.theory.real import waits_of_case, waits_of_load
from tests.theory.recursion import waits
from tests.theory.start import START

CALLS = 150


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C2", "A1", "A2"])
def test_every_call_waits_as_long_as_in_the_recursion(admin_database_url: str, name: str) -> None:
    load = load_of(name)
    calls = list(load.calls(CALLS))
    with moved_clock(admin_database_url, start=START) as clock:
        told = waits_of_load(clock, calls, agents=load.agents)
    assert differences(waits(calls, agents=load.agents), told) == (0, 0)
    assert sum(wait > 0 for _, wait in told) > CALLS / 4, "a load in which nobody waits shows nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S1", "S2"])
def test_every_call_waits_as_long_as_in_the_independent_simulation(admin_database_url: str, name: str) -> None:
    case = case_of(name)
    calls = case.calls(CALLS)
    with moved_clock(admin_database_url, start=START) as clock:
        told = waits_of_case(clock, case, calls)
    assert differences(waits_of_ciw(case, calls), told) == (0, 0)
    assert sum(wait > 0 for _, wait in told) > CALLS / 4, "a case in which nobody waits shows nothing"


def test_a_recursion_with_another_number_of_agents_tells_other_waits(admin_database_url: str) -> None:
    """That the comparison can fail: it is held against one agent more than there were."""
    load = load_of("A2")
    calls = list(load.calls(100))
    with moved_clock(admin_database_url, start=START) as clock:
        told = waits_of_load(clock, calls, agents=load.agents)
    differing, most_us = differences(waits(calls, agents=load.agents + 1), told)
    assert differing > 10
    assert most_us > 1_000_000
