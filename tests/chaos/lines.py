"""Numbers to call on a bad day, with agents at telephones; and what the database says of the node that serves them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import redis
from django.db import connections

from agents.public import AgentSession, SessionState, set_ready
from config.hints import PREFIX
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Phone, Phones
from routing.models import Contact, SwitchNode
from routing.services.commands import switch_hint
from tenants.public import Conflict, Tenant, engine_scope
from tests import factories
from tests.chaos.crowd import Crowd
from tests.lab.stack import seat
from tests.waiting import until


@dataclass(frozen=True)
class Line:
    """A tenant's number, and its agents' telephones."""

    tenant: Tenant
    number: str
    phones: Phones

    def crowd(self, *, first: int, calls: int, rate: float = 5.0, talk_s: tuple[float, float] = (0.5, 1.5)) -> Crowd:
        """Callers of this number; `first` is the number of the first of them."""
        return Crowd(to=self.number, calls=calls, rate=rate, talk_s=talk_s, first_number=first)

    def make_ready(self) -> bool:
        """Every agent who is not ready presses the button. Whether that helped each of them."""
        with engine_scope(read_only=True):
            resting = AgentSession.objects.filter(tenant=self.tenant, state=SessionState.NOT_READY)
            sessions = list(resting.values_list("id", flat=True))
        helped = True
        for session in sessions:
            try:
                set_ready(tenant_id=self.tenant.id, session_id=session, actor=factories.ACTOR)
            except Conflict:
                # The worker does not know yet that the telephone is registered.
                helped = False
        return helped

    def contacts(self, *states: str) -> list[Contact]:
        """The contacts in these states, or all."""
        with engine_scope(read_only=True):
            rows = Contact.objects.filter(tenant=self.tenant).select_related("interaction").order_by("arrived_at")
            return list(rows.filter(state__in=states) if states else rows)


@contextmanager
def line(
    lab: Lab, *, agents: int, greets: bool = False, ready: bool = True, ring_s: int = 5, behaviour: Phone | None = None
) -> Iterator[Line]:
    """A number whose callers wait unanswered for the agents; or are answered, greeted, and hear music and positions."""
    tenant = factories.make_tenant()
    queue = factories.make_queue(tenant, wrap_up_seconds=0, ring_seconds=ring_s, announce_seconds=10 if greets else 0)
    flow = factories.queue_flow(queue)
    if greets:
        flow["start"] = "answer"
        flow["nodes"] |= {
            "answer": {"type": "answer", "next": "hello"},
            "hello": {"type": "say", "text": {"en": "Hello."}, "next": "queue"},
        }
    number = factories.make_number(tenant)
    factories.make_entry_point(tenant, flow=factories.make_flow(tenant, flow), number=number)
    names = [seat(lab, tenant, ready=False).station.endpoint for _ in range(agents)]
    with Phones(lab, names, behaviour or Phone(ring_s=0.2)) as phones:
        made = Line(tenant, number.e164.lstrip("+"), phones)
        if ready:
            until("the agents are ready", made.make_ready, within_s=10)
        yield made


def node_is_connected(lab: Lab) -> bool:
    """Whether the node's worker says that it is connected to the exchange."""
    with engine_scope(read_only=True):
        return SwitchNode.objects.filter(name=lab.node, connected=True).exists()


def last_alive(lab: Lab) -> datetime:
    """When the exchange was last seen alive, by its own clock."""
    with engine_scope(read_only=True):
        at = SwitchNode.objects.values_list("last_alive_at", flat=True).get(name=lab.node)
    assert at is not None
    return at


def holder(lab: Lab) -> tuple[str, int]:
    """Who holds the node's lease, and its fence."""
    with engine_scope(read_only=True) as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute(
            "SELECT holder, fence FROM tenants_lease WHERE name = %s AND expires_at > clock_timestamp()",
            [f"switch:{lab.node}"],
        )
        row = cursor.fetchone()
        return (row[0], row[1]) if row else ("", 0)


def listeners(lab: Lab) -> int:
    """How many workers of the node, serving or standing by, have come up so far as to listen for hints."""
    with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5) as client:
        ((_, count),) = client.pubsub_numsub(PREFIX + switch_hint(lab.node))
        return int(count)


def expire_lease(lab: Lab) -> None:
    """Let the time pass that a dead worker's lease still lasts."""
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_lease SET expires_at = clock_timestamp() WHERE name = %s", [f"switch:{lab.node}"]
        )
