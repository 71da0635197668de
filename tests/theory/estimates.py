"""What callers are told of their wait, beside what they then would have waited.

A load of `loads.py` goes through the services under the moved clock. Of each caller who has to wait it is asked at once
what the product estimates, from its own records alone, and what the same formula gives to whom the load's true rates
are known. Both are compared with the wait of one with endless patience, from the recursion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapreplace
from math import sqrt

from routing.models import Contact
from routing.states import ContactState
from routing.waiting import CONFIDENCE, WaitEstimate, WaitFacts, facts_of, wait_from
from tenants.public import engine_scope, ensure_partitions
from tests import factories
from tests.moved.clock import MovedClock
from tests.moved.play import Caller, Play
from tests.routing.calls import make_line
from tests.routing.matching.crowd import seat_agents
from tests.theory.loads import US, Load
from tests.theory.real import MONTHS
from tests.theory.recursion import Call

SURE = 10**9
"""As many contacts as make a rate certain."""


@dataclass
class Asking(Play):
    """A play that asks for the facts of each caller who has to wait, in the moment of their coming."""

    told: dict[str, WaitFacts] = field(default_factory=dict)

    def _call(self, caller: Caller) -> None:
        super()._call(caller)
        with engine_scope(read_only=True):
            contact = Contact.objects.get(caller_channel=caller.name)
            if contact.state == ContactState.QUEUED:
                self.told[caller.name] = facts_of(contact)


@dataclass(frozen=True)
class Estimates:
    """How good the estimates were: seconds (root mean square), and the share of waits inside the told range.

    `known` is the error of the same formula with the true rates; `unknown` how many were told nothing.
    """

    told: int
    unknown: int
    error_s: float
    known_s: float
    covered: float

    @property
    def ratio(self) -> float:
        """The error beside that of who knows the true rates."""
        return self.error_s / self.known_s

    def __str__(self) -> str:
        return (
            f"{self.told} told, {self.unknown} unknown; error {self.error_s:.2f} s, with the true rates "
            f"{self.known_s:.2f} s (× {self.ratio:.3f}); {self.covered:.1%} of waits in the range of {CONFIDENCE:.0%}"
        )


def endless_waits(calls: Sequence[Call], *, agents: int) -> Iterator[int]:
    """How long each call would wait for an agent if it waited for ever, while the others give up as they do."""
    free = [0] * agents
    for at, service, patience in calls:
        wait = max(0, free[0] - at)
        if patience is None or wait <= patience:
            heapreplace(free, at + wait + service)
        yield wait


def measure(clock: MovedClock, load: Load, count: int) -> Estimates:
    """Play the first `count` calls of the load and compare what was told with what came."""
    calls = list(load.calls(count))
    tenant = factories.make_tenant()
    line = make_line(tenant)
    seat_agents(tenant, load.agents)
    ensure_partitions(months_ahead=MONTHS)
    play = Asking(clock)
    play.expect(Caller(str(number), line.number, *call) for number, call in enumerate(calls))
    play.run()
    waits = [wait / US for wait in endless_waits(calls, agents=load.agents)]
    asked = [(facts, waits[int(name)]) for name, facts in play.told.items()]
    told = [(facts, estimate, wait) for facts, wait in asked if (estimate := wait_from(facts)) is not None]
    if not told:
        raise AssertionError(f"{load.name}: nobody was told anything")
    return Estimates(
        told=len(told),
        unknown=len(asked) - len(told),
        error_s=_error([estimate.seconds - wait for _, estimate, wait in told]),
        known_s=_error([_with_true_rates(load, facts).seconds - wait for facts, _, wait in told]),
        covered=sum(estimate.low <= wait <= estimate.high for _, estimate, wait in told) / len(told),
    )


def _with_true_rates(load: Load, facts: WaitFacts) -> WaitEstimate:
    patience = load.patience_s
    known = facts._replace(
        agents=load.agents,
        handled=SURE,
        handle_s=SURE * load.service_s,
        left_early=0 if patience is None else 1,
        waited_s=patience or 1.0,
    )
    estimate = wait_from(known)
    if estimate is None:
        raise AssertionError("rates that are known are known")
    return estimate


def _error(differences: Sequence[float]) -> float:
    return sqrt(sum(each * each for each in differences) / len(differences))
