"""Every call waits as long in the services as in the recursion: a few hundred here; `make theory` has 20,000 a load."""

from __future__ import annotations

import pytest

from tests.moved.clock import moved_clock
from tests.theory.compared import differences, load_of
from tests.theory.real import waits_of_services
from tests.theory.start import START

CALLS = 250


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C2", "A1", "A2"])
def test_every_call_waits_as_long_as_in_the_recursion(admin_database_url: str, name: str) -> None:
    load = load_of(name)
    calls = list(load.calls(CALLS))
    with moved_clock(admin_database_url, start=START) as clock:
        told = waits_of_services(clock, calls, agents=load.agents)
    assert differences(calls, told, agents=load.agents) == (0, 0)
    assert sum(wait > 0 for _, wait in told) > CALLS / 4, "a load in which nobody waits shows nothing"


def test_a_recursion_with_another_number_of_agents_tells_other_waits(admin_database_url: str) -> None:
    """That the comparison can fail: it is held against one agent more than there were."""
    load = load_of("A2")
    calls = list(load.calls(100))
    with moved_clock(admin_database_url, start=START) as clock:
        told = waits_of_services(clock, calls, agents=load.agents)
    differing, most_us = differences(calls, told, agents=load.agents + 1)
    assert differing > 10
    assert most_us > 1_000_000
