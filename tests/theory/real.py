"""A load through the real services: one tenant, one line, one skill, as many agents as the load has."""

from __future__ import annotations

from collections.abc import Sequence

from tenants.public import ensure_partitions
from tests.moved.clock import MovedClock
from tests.moved.play import Caller, Outcome, Play, outcomes
from tests.routing.calls import make_line
from tests.routing.matching.crowd import seat_agents
from tests.theory.recursion import Call

MONTHS = 3
"""The longest load at 20,000 calls is 40 days of a single agent's."""


def waits_of_services(clock: MovedClock, calls: Sequence[Call], *, agents: int) -> list[tuple[bool, int]]:
    """The same as `recursion.waits`, of the services: for each call whether it was served, and its wait in µs."""
    ensure_partitions(today=clock.moment.date(), months_ahead=MONTHS)
    line = make_line()
    seat_agents(line.tenant, agents)
    play = Play(clock)
    callers = [
        Caller(f"caller-{number}", line.number, at, service, patience)
        for number, (at, service, patience) in enumerate(calls)
    ]
    play.expect(callers)
    play.run()
    told: dict[str, Outcome] = outcomes(line.tenant)
    return [(told[caller.name].served, told[caller.name].wait_us) for caller in callers]
