"""Who ended a leg, and the event that says so. Inner step: one event for each leg, when it is over."""

from datetime import datetime
from typing import Any
from uuid import UUID

from routing.models import Contact, Leg, Offer, Participation
from routing.states import LIVE_OFFER, EndedBy
from routing.switch.port import Cause
from tenants.public import record_once

GIVEN_UP = 487
"""What a phone answers when the call to it is given up (RFC 3261, section 21.4.25): our ring time was over."""


def note_leg_end(
    leg: Leg, offer: Offer | None, contact: Contact | None, handler: Participation | None, *, lost: bool
) -> None:
    """Record that the leg is over, as it was before anything follows from that.

    `offer` is what it was dialled for, `contact` is the open one, locked, and `handler` who is on it.

    A caller who was turned away has no contact and is told otherwise (`interaction.rejected`).
    """
    if leg.offer_id is not None:
        if offer is not None:
            by = _ended_agent(leg, offer, handler, lost=lost)
            ids = {"contact": offer.contact_id, "offer": offer.id, "agent_session": offer.session_id}
            _record(leg, tenant_id=offer.tenant_id, side="agent", by=by, **ids)
    elif contact is not None:
        by = EndedBy.EXCHANGE if lost else EndedBy.HOTSEAT if contact.ending else EndedBy.FAR_END
        _record(leg, tenant_id=contact.tenant_id, side="caller", by=by, contact=contact.id)


def note_outside_leg_end(leg: Leg, *, tenant_id: UUID, contact_id: UUID, by: EndedBy) -> None:
    """Record that a leg to the outside is over (`routing.services.outbound_legs`)."""
    _record(leg, tenant_id=tenant_id, side="outside", by=by, contact=contact_id)


def _ended_agent(leg: Leg, offer: Offer, handler: Participation | None, *, lost: bool) -> EndedBy:
    """Say who ended an agent's leg: what was asked for is over before its leg is only when we have hung up."""
    if lost:
        return EndedBy.EXCHANGE
    rung_out = leg.answered_at is None and leg.cause == Cause.NO_ANSWER and leg.sip_status in (None, GIVEN_UP)
    talked = handler is not None and handler.leg_channel == leg.channel_id
    wanted = offer.state in LIVE_OFFER or talked
    return EndedBy.FAR_END if wanted and not rung_out else EndedBy.HOTSEAT


def _text(moment: datetime | None) -> str | None:
    # In full: the log's own encoder cuts what is below a millisecond.
    return None if moment is None else moment.isoformat()


def _record(leg: Leg, *, tenant_id: UUID, side: str, by: EndedBy, **ids: Any) -> None:
    if leg.ended_at is None:
        raise AssertionError("a leg that is not over")
    record_once(
        "leg.ended",
        tenant_id=tenant_id,
        kind="leg",
        subject_id=leg.id,
        at=leg.ended_at,
        is_test=leg.interaction.is_test,
        interaction=leg.interaction_id,
        side=side,
        node=leg.node,
        sip_call_id=leg.sip_call_id,
        created_at=_text(leg.created_at),
        ringing_at=_text(leg.ringing_at),
        answered_at=_text(leg.answered_at),
        bridged_at=_text(leg.bridged_at),
        ended_by=str(by),
        cause=leg.cause,
        sip_status=leg.sip_status,
        **ids,
    )
