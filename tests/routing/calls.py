"""Calls moved by hand: the switch's reports one by one, through the services that the worker calls, without a worker.

Each function reports one thing as an exchange would, commits, and returns. Matching follows a commit as in production
(`config.wiring`), unless the test is in `matching_by_hand`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from agents.public import AgentSession
from config import wiring
from config.hints import HintSender
from routing.matching import MatchRunner
from routing.models import (
    CommandKind,
    Contact,
    Exclusion,
    Interaction,
    Leg,
    Offer,
    Participation,
    Queue,
    Segment,
    SwitchCommand,
)
from routing.node.handling import handle
from routing.services.situation import bridge_id
from routing.states import ContactState
from routing.switch.port import (
    CallArrived,
    Cause,
    LegAnswered,
    LegBridged,
    LegEnded,
    LegHeld,
    LegRinging,
    LegUnheld,
    Presentation,
)
from tenants.public import Tenant, engine_scope, tenant_scope, wire_matching
from tests import factories

NODE = "node1"
ANI = "+447700900123"


@dataclass(frozen=True)
class Line:
    """A private number that leads straight into a queue, unanswered."""

    tenant: Tenant
    queue: Queue
    number: str


def make_line(tenant: Tenant | None = None, *, wrap_up_seconds: int = 0, **queue: Any) -> Line:
    """A line of a tenant (of its own unless given), whose queue gives no wrap-up unless told."""
    tenant = tenant or factories.make_tenant()
    made = factories.make_queue(tenant, wrap_up_seconds=wrap_up_seconds, **queue)
    entry_point = factories.make_private_line(tenant, queue=made)
    assert entry_point.number is not None
    return Line(tenant, made, entry_point.number.e164)


def arrived(
    number: str, *, channel: str = "", ani: str = ANI, name: str = "", at: datetime | None = None
) -> CallArrived:
    """The switch's report of a call."""
    return CallArrived(
        channel=channel or f"caller-{factories.unique()}",
        at=at or datetime.now(UTC),
        dnis=number,
        ani=ani,
        ani_presentation=Presentation.ALLOWED,
        name=name,
    )


def call(number: str, **details: Any) -> Contact:
    """A call comes in and goes through its flow as far as it comes by itself; the contact as it then is."""
    event = arrived(number, **details)
    handle(event, node=NODE)
    with engine_scope(read_only=True):
        contact: Contact = Contact.objects.get(caller_channel=event.channel)
    return contact


def now_of(contact: Contact) -> Contact:
    """The contact as it is now."""
    with engine_scope(read_only=True):
        row: Contact = Contact.objects.select_related("interaction", "queue").get(id=contact.id)
    return row


def offers_of(contact: Contact) -> list[Offer]:
    """The contact's offers, in order."""
    with engine_scope(read_only=True):
        return list(Offer.objects.filter(contact_id=contact.id).order_by("offered_at", "id"))


def offer_of(contact: Contact) -> Offer:
    """The contact's latest offer."""
    return offers_of(contact)[-1]


def rings(offer: Offer) -> None:
    handle(LegRinging(channel=offer.leg_channel, at=datetime.now(UTC)), node=NODE)


def agent_answers(offer: Offer) -> None:
    handle(LegAnswered(channel=offer.leg_channel, at=datetime.now(UTC)), node=NODE)


def caller_is_answered(contact: Contact) -> None:
    handle(LegAnswered(channel=contact.caller_channel, at=datetime.now(UTC)), node=NODE)


def bridged(contact: Contact, offer: Offer) -> None:
    """Both sides are in the offer's bridge."""
    members = (contact.caller_channel, offer.leg_channel)
    for count, channel in enumerate(members, start=1):
        at = datetime.now(UTC)
        joined = LegBridged(channel=channel, bridge=bridge_id(offer.id), members=members[:count], at=at)
        handle(joined, node=NODE)


def talk(contact: Contact) -> Offer:
    """The contact's agent answers and the two are joined; the offer."""
    offer = offer_of(contact)
    agent_answers(offer)
    caller_is_answered(contact)
    bridged(contact, offer)
    assert now_of(contact).state == ContactState.ENGAGED
    return offer


def holds(offer: Offer, *, at: datetime | None = None) -> None:
    """The agent's phone puts the caller on hold."""
    handle(LegHeld(channel=offer.leg_channel, at=at or datetime.now(UTC)), node=NODE)


def retrieves(offer: Offer, *, at: datetime | None = None) -> None:
    """The agent's phone takes the caller back."""
    handle(LegUnheld(channel=offer.leg_channel, at=at or datetime.now(UTC)), node=NODE)


def leg_ends(channel: str, *, cause: int = Cause.NORMAL_CLEARING, sip_status: int | None = None) -> None:
    handle(LegEnded(channel=channel, at=datetime.now(UTC), cause=cause, sip_status=sip_status), node=NODE)


def caller_hangs_up(contact: Contact) -> None:
    leg_ends(contact.caller_channel)


def commands(contact: Contact, *kinds: CommandKind) -> list[SwitchCommand]:
    """The switch commands of the contact's interaction, oldest first."""
    with engine_scope(read_only=True):
        rows = SwitchCommand.objects.filter(interaction_id=contact.interaction_id).order_by("id")
        return [row for row in rows if not kinds or row.kind in kinds]


def hung_up(contact: Contact) -> list[str]:
    """The channels that the switch was told to hang up."""
    return [row.arguments["channel"] for row in commands(contact, CommandKind.HANG_UP)]


def segments(contact: Contact) -> list[str]:
    with engine_scope(read_only=True):
        return [row.kind for row in Segment.objects.filter(contact_id=contact.id).order_by("started_at", "id")]


def record_of(contact: Contact) -> dict[str, Any]:
    """All that is kept of a contact, without what differs from run to run: to compare two that should be alike."""
    with engine_scope(read_only=True):
        row = Contact.objects.get(id=contact.id)
        interaction = Interaction.objects.get(id=row.interaction_id)
        legs = Leg.objects.filter(interaction_id=interaction.id).order_by("created_at")
        return {
            "state": row.state,
            "reason": row.end_reason,
            "answered": interaction.answered_at is not None,
            "over": interaction.ended_at is not None,
            "segments": [
                (part.kind, part.ended_at is not None)
                for part in Segment.objects.filter(contact_id=row.id).order_by("started_at", "id")
            ],
            "offers": [offer.state for offer in Offer.objects.filter(contact_id=row.id).order_by("offered_at")],
            "handlers": [
                part.left_at is not None
                for part in Participation.objects.filter(contact_id=row.id).order_by("joined_at")
            ],
            "legs": [
                (leg.answered_at is not None, leg.bridged_at is not None, leg.ended_at is not None) for leg in legs
            ],
        }


@dataclass
class Requested:
    """What would have been matched."""

    pools: list[UUID]


@contextmanager
def matching_by_hand() -> Iterator[Requested]:
    """Let commits run no pass: the test runs them. Notes the pools that asked for one."""
    requested = Requested([])

    def note(pools: frozenset[UUID]) -> None:
        requested.pools.extend(pools)

    wire_matching(run_pools=note, send_hints=HintSender())
    try:
        yield requested
    finally:
        wire_matching(run_pools=MatchRunner(run=wiring.match), send_hints=HintSender())


def pair_up(contact: Contact, session: AgentSession) -> None:
    """Fail unless the contact's live offer is the session's, which holds its slot."""
    offer = offer_of(contact)
    assert (offer.session_id, now_of(contact).state) == (session.id, ContactState.OFFERED)
    assert factories.slot_of(session).held


def queued(line: Line, count: int) -> list[Contact]:
    """So many callers wait in the line's queue."""
    return [call(line.number, ani=f"+4477009{factories.unique():05d}") for _ in range(count)]


def exclude(contact: Contact, session: AgentSession, *, until: datetime) -> None:
    """Keep the contact from the session."""
    with tenant_scope(contact.tenant_id):
        Exclusion.objects.create(contact_id=contact.id, session=session, until=until)


def commands_of_channel(channel: str) -> list[str]:
    """The kinds of the commands for the call of that caller's channel, oldest first."""
    with engine_scope(read_only=True):
        contact = Contact.objects.get(caller_channel=channel)
    return [row.kind for row in commands(contact)]
