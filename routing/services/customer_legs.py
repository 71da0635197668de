"""The customer's leg of a call-back: dialled when its agent is on the telephone, or before anybody is asked.

One report, one transaction, by the engine's role, as with agents' legs (`routing.services.legs`). The dial is written
once, in the transaction that counts the attempt, with a name that its contact had from the start: a worker that finds
it begun looks it up and never repeats it.
"""

from datetime import datetime, timedelta

from routing.models import CallBackAttempt, CommandKind, Contact, Offer
from routing.services.call_backs import begin_dialling, lock_call_back, open_attempt, reach
from routing.services.commands import caller_command, send
from routing.services.contacts import entertain, note, save
from routing.services.offers import CONNECT_LEASE, renew_lease
from routing.services.segments import begin_segment
from routing.services.situation import Situation, bridge_id, look, on_our_clock
from routing.states import ContactState, OfferState, SegmentKind
from tenants.public import db_now, engine_scope, update_row

DIAL_MARGIN = timedelta(seconds=5)
"""How much longer than its ring time the customer's telephone may take until something is heard of it."""


def dial_for_agent(contact: Contact, offer: Offer, *, at: datetime) -> None:
    """The agent is on the telephone: ring the customer's, while the agent hears ringing. Inner step; it is locked."""
    attempt = open_attempt(contact)
    call_back = lock_call_back(contact.call_back_id) if contact.call_back_id else None
    if attempt is None or call_back is None:
        raise RuntimeError(f"contact {contact.id} is outbound and no call-back's attempt")
    begin_dialling(call_back, attempt, at=at)
    begin_segment(contact, SegmentKind.RING, at=at, session_id=offer.session_id)
    note("contact.customer_dialled", contact, at=at, agent_session=offer.session_id, attempt=attempt.id)
    save(contact)
    send_customer_dial(contact, attempt, at=at)
    send(
        CommandKind.INDICATE_RINGING,
        node=contact.node,
        interaction_id=contact.interaction_id,
        contact_id=contact.id,
        session_id=offer.session_id,
        at=at,
        arguments={"channel": offer.leg_channel},
    )
    renew_lease(contact, offer, until=at + timedelta(seconds=attempt.ring_seconds) + DIAL_MARGIN)


def send_customer_dial(contact: Contact, attempt: CallBackAttempt, *, at: datetime) -> None:
    """Have the trunk ring the customer's telephone. The number is read by the switch worker, as the dial goes out."""
    caller_command(
        contact,
        CommandKind.DIAL,
        at=at,
        endpoint=attempt.trunk,
        timeout_s=attempt.ring_seconds,
        headers={},
        tenant=str(contact.tenant_id),
        customer=True,
    )


def customer_ringing(*, channel: str, at: datetime, node: str) -> None:
    """Note since when the customer's telephone rings."""
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.ringing_at or found.leg.ended_at:
            return
        found.leg.ringing_at = on_our_clock(found.leg.interaction, at)
        update_row(found.leg, "ringing_at")


def customer_answered(*, channel: str, at: datetime, node: str, sip_call_id: str = "") -> None:
    """The customer's telephone was lifted: metered time begins, and they are joined with the agent who waits.

    Hung up again when nobody wants them any more.
    """
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.answered_at or found.leg.ended_at:
            return
        leg, contact = found.leg, found.contact
        seen = leg.answered_at = leg.interaction.answered_at = on_our_clock(leg.interaction, at)
        leg.sip_call_id = sip_call_id
        update_row(leg, "answered_at", "sip_call_id")
        update_row(leg.interaction, "answered_at")
        if contact is None:
            arguments = {"channel": channel}
            send(CommandKind.HANG_UP, node=node, interaction_id=leg.interaction_id, at=db_now(), arguments=arguments)
            return
        note("contact.answered", contact, at=seen)
        save(contact)
        _join(contact, found, at=seen)
        reach(contact, at=seen)


def _join(contact: Contact, found: Situation, *, at: datetime) -> None:
    offer = found.hands.offer
    if offer is None or offer.state != OfferState.ACCEPTED:
        if contact.state in (ContactState.QUEUED, ContactState.OFFERED):
            entertain(contact, answered=True, at=at)
        return
    send(
        CommandKind.BRIDGE,
        node=contact.node,
        interaction_id=contact.interaction_id,
        contact_id=contact.id,
        session_id=offer.session_id,
        at=found.now,
        arguments={"bridge": bridge_id(offer.id), "channels": [contact.caller_channel, offer.leg_channel]},
    )
    renew_lease(contact, offer, until=found.now + CONNECT_LEASE)
