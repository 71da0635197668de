"""How long a contact will probably wait yet: an estimate of its own, with how sure it is, or honestly none.

The method is Ibrahim and Whitt's Markovian queue-length predictor (QLm; "Real-time delay estimation in overloaded
multiserver queues with abandonments", Management Science 55, 2009): with n agents taken, each free again at the rate μ,
and each of those ahead giving up at the rate α, the contact moves up by one after 1 / (nμ + jα) seconds while j are
ahead. The rates are those of the latest contacts (maximum likelihood for exponential times, of which some were cut
off). The range is a gamma distribution's with that mean and variance, by Wilson and Hilferty's formula (PNAS 17, 1931);
its variance counts besides that the rates come from few contacts.
"""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from routing.models import Contact
from routing.states import ContactState
from tenants.public import db_now, run_query

WAIT_FACTS = Path(__file__).parent / "sql" / "wait_facts.sql"

CONFIDENCE = 0.8
"""The share of contacts whose wait lies in the range that was told."""

QUANTILE = 1.2815515655446004
"""Of the normal distribution, with a tenth above it and a tenth below its negative."""

FEWEST = 10
"""So many contacts must have been handled lately for a rate to be known."""


class WaitFacts(NamedTuple):
    """A row of wait_facts.sql."""

    agents: int
    free: int
    ahead: int
    handled: int
    handle_s: float
    left_early: int
    waited_s: float


@dataclass(frozen=True, slots=True)
class WaitEstimate:
    """Seconds from now on: the mean, and the range in which the wait lies with `CONFIDENCE`."""

    seconds: float
    low: float
    high: float


def estimate_wait(contact: Contact) -> WaitEstimate | None:
    """Return how long a contact that waits will wait yet; None when that is not known. In any scope of the tenant.

    Unknown is who waits for nobody at work, or where less than ten contacts were handled in two hours.
    """
    return wait_from(facts_of(contact)) if contact.state == ContactState.QUEUED else None


def facts_of(contact: Contact) -> WaitFacts:
    """Return what the estimate of a contact that waits is made of, as it is now."""
    given = {
        "tenant": contact.tenant_id,
        "contact": contact.id,
        "channel": contact.channel,
        "demand": contact.demand_id,
        "priority": contact.priority,
        "order_at": contact.order_at,
        "now": db_now(),
    }
    (row,) = run_query(WAIT_FACTS, given)
    return WaitFacts(*row)


def wait_from(facts: WaitFacts) -> WaitEstimate | None:
    """Return what follows from the facts."""
    if facts.agents == 0 or facts.handled < FEWEST or facts.handle_s <= 0:
        return None
    if facts.ahead < facts.free:
        return WaitEstimate(0, 0, 0)
    rate = facts.agents * facts.handled / facts.handle_s
    leaving = facts.left_early / facts.waited_s if facts.waited_s > 0 else 0.0
    steps = [1 / (rate + ahead * leaving) for ahead in range(facts.ahead - facts.free + 1)]
    mean = sum(steps)
    variance = sum(step * step for step in steps) + mean * mean / facts.handled
    shape = mean * mean / variance
    return WaitEstimate(mean, _quantile(shape, -QUANTILE) * mean, _quantile(shape, QUANTILE) * mean)


def _quantile(shape: float, normal: float) -> float:
    """Return a quantile of the gamma distribution of this shape with mean 1."""
    ninth = 1 / (9 * shape)
    return max(0.0, 1 - ninth + normal * sqrt(ninth)) ** 3
