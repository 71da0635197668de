"""Loads and cases through the real services: one tenant, its lines and its agents, and what became of each call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from routing.models import Queue
from tenants.public import Tenant, ensure_partitions
from tests import factories
from tests.moved.clock import MovedClock
from tests.moved.play import Caller, Play, outcomes
from tests.routing.calls import make_line
from tests.routing.matching.crowd import seat_agents
from tests.theory.pooling import Case, Stream
from tests.theory.recursion import Call

MONTHS = 3
"""The longest load at 20,000 calls is 40 days of a single agent's."""


def waits_of_load(clock: MovedClock, calls: Sequence[Call], *, agents: int) -> list[tuple[bool, int]]:
    """The same as `recursion.waits`, of the services: for each call whether it was served, and its wait in µs."""
    tenant = factories.make_tenant()
    line = make_line(tenant)
    seat_agents(tenant, agents)
    return _play(clock, tenant, [(line.number, call) for call in calls])


def waits_of_case(clock: MovedClock, case: Case, calls: Sequence[tuple[Stream, Call]]) -> list[tuple[bool, int]]:
    """The same as `independent.waits_of_ciw`: a skill is a queue with a number of its own."""
    tenant = factories.make_tenant()
    rule = Queue.Preference.MOST_PROFICIENT if case.most_proficient else Queue.Preference.LONGEST_IDLE
    numbers = {
        stream.skill: make_line(tenant, requires={stream.skill: 1}, priority=stream.priority, preference=rule).number
        for stream in case.streams
    }
    for skills in case.agents:
        # The first has been idle for longest, as in the other.
        clock.move(clock.moment + timedelta(seconds=1))
        seat_agents(tenant, 1, skills=skills)
    return _play(clock, tenant, [(numbers[stream.skill], call) for stream, call in calls])


def _play(clock: MovedClock, tenant: Tenant, calls: Sequence[tuple[str, Call]]) -> list[tuple[bool, int]]:
    ensure_partitions(months_ahead=MONTHS)
    play = Play(clock)
    callers = [
        Caller(f"caller-{number}", dialled, at, service, patience)
        for number, (dialled, (at, service, patience)) in enumerate(calls)
    ]
    play.expect(callers)
    play.run()
    told = outcomes(tenant)
    return [(told[caller.name].served, told[caller.name].wait_us) for caller in callers]
