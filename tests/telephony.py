"""Calls as the switch would report them, one report after the other, without a switch."""

from __future__ import annotations

from datetime import UTC, datetime

from routing.models import Contact, Offer, Participation
from routing.node.handling import handle
from routing.services.situation import bridge_id
from routing.states import LIVE_OFFER, ContactState
from routing.switch import port
from tenants.public import Tenant, engine_scope
from tests.factories import unique

NODE = "node1"


def ring_in(number: str, *, ani: str = "+447700900123", hidden: bool = False) -> str:
    """A caller dials `number`; returns the caller's channel."""
    channel = f"caller-{unique()}"
    shown = port.Presentation.RESTRICTED if hidden else port.Presentation.ALLOWED
    handle(
        port.CallArrived(channel=channel, at=_now(), dnis=number, ani=ani, ani_presentation=shown, name=""), node=NODE
    )
    return channel


def contact_of(channel: str) -> Contact:
    """The contact of a caller's channel."""
    with engine_scope(read_only=True):
        contact: Contact = Contact.objects.get(caller_channel=channel)
    return contact


def live_offers(tenant: Tenant) -> list[Offer]:
    """The offers that ring or connect, the oldest first."""
    with engine_scope(read_only=True):
        return list(Offer.objects.filter(tenant=tenant, state__in=LIVE_OFFER).order_by("offered_at", "id"))


def talked(tenant: Tenant) -> list[Contact]:
    """The contacts that are talked now, the oldest first."""
    with engine_scope(read_only=True):
        return list(Contact.objects.filter(tenant=tenant, state=ContactState.ENGAGED).order_by("arrived_at", "id"))


def pick_up(offer: Offer) -> None:
    """The agent's phone is lifted, and both sides are joined."""
    with engine_scope(read_only=True):
        caller: str = Contact.objects.get(id=offer.contact_id).caller_channel
    handle(port.LegAnswered(channel=offer.leg_channel, at=_now(), sip_call_id=""), node=NODE)
    handle(port.LegAnswered(channel=caller, at=_now(), sip_call_id=""), node=NODE)
    members = (caller, offer.leg_channel)
    for count, leg in enumerate(members, start=1):
        joined = port.LegBridged(channel=leg, bridge=bridge_id(offer.id), members=members[:count], at=_now())
        handle(joined, node=NODE)


def hang_up(channel: str) -> None:
    """A leg ends."""
    handle(port.LegEnded(channel=channel, at=_now(), cause=port.Cause.NORMAL_CLEARING), node=NODE)


def call_through(number: str, tenant: Tenant, *, ani: str = "+447700900123", hidden: bool = False) -> str:
    """A caller dials and is talked to by whoever is ready; returns the caller's channel."""
    channel = ring_in(number, ani=ani, hidden=hidden)
    contact = contact_of(channel)
    (offer,) = [offer for offer in live_offers(tenant) if offer.contact_id == contact.id]
    pick_up(offer)
    return channel


def agents_legs(tenant: Tenant) -> list[str]:
    """The channels of agents who are on a contact now."""
    with engine_scope(read_only=True):
        parts = Participation.objects.filter(tenant=tenant, left_at__isnull=True).order_by("joined_at", "id")
        return list(parts.values_list("leg_channel", flat=True))


def _now() -> datetime:
    return datetime.now(tz=UTC)
