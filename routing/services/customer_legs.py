"""The customer's leg of a call-back: dialled when its agent is on the telephone, or before anybody is asked.

One report, one transaction, by the engine's role, as with agents' legs (`routing.services.legs`). The dial is written
once, in the transaction that counts the attempt, with a name that its contact had from the start: a worker that finds
it begun looks it up and never repeats it.
"""

from datetime import datetime, timedelta
from functools import partial

from routing.eligibility import find_demand, find_policy, with_demands
from routing.models import CallBack, CallBackAttempt, CommandKind, Contact, Offer, Queue
from routing.services.affinity import wait_for_agent
from routing.services.call_backs import CALL_BACK_TIMER, begin_dialling, lock_call_back, open_attempt, reach
from routing.services.commands import caller_command, send
from routing.services.contacts import AGED, HIGHEST_PRIORITY, entertain, note, save, wait_in_queue
from routing.services.offers import CONNECT_LEASE, renew_lease
from routing.services.segments import begin_segment
from routing.services.situation import Situation, bridge_id, look, on_our_clock
from routing.states import CONTACT, ContactState, OfferState, SegmentKind
from tenants.public import db_now, drop_timer, engine_scope, find_row, set_timer, update_row

PROMISED = timedelta(minutes=5)
"""How long an attempt waits for the agent who has promised it, if they are at work; then it is everybody's."""

DIAL_MARGIN = timedelta(seconds=5)
"""How much longer than its ring time the customer's telephone may take until something is heard of it."""


def dial_for_agent(contact: Contact, offer: Offer, *, at: datetime) -> None:
    """The agent is on the telephone: ring the customer's, while the agent hears ringing. Inner step; it is locked."""
    attempt = open_attempt(contact)
    call_back = lock_call_back(contact.call_back_id) if contact.call_back_id else None
    if attempt is None or call_back is None:
        raise RuntimeError(f"contact {contact.id} is outbound and no call-back's attempt")
    begin_dialling(call_back, attempt, at=at)
    drop_timer(CALL_BACK_TIMER, subject_id=call_back.id)
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


def dial_first(contact: Contact, call_back: CallBack, attempt: CallBackAttempt, *, at: datetime) -> None:
    """Ring the customer's telephone before anybody is asked. Inner step; contact and attempt are just being made."""
    begin_dialling(call_back, attempt, at=at)
    note("contact.customer_dialled", contact, at=at, attempt=attempt.id)
    send_customer_dial(contact, attempt, at=at)
    due_at = at + timedelta(seconds=attempt.ring_seconds) + DIAL_MARGIN
    set_timer(CALL_BACK_TIMER, tenant_id=call_back.tenant_id, subject_id=call_back.id, due_at=due_at)


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
    """The customer's telephone was lifted: metered time begins, and they are joined with the agent who waits for them,
    or wait for one in their place in the queue.

    Hung up again when nobody wants them any more.
    """
    with_demands(partial(_answered, channel=channel, at=at, node=node, sip_call_id=sip_call_id))


def enter_queue_again(contact: Contact, call_back: CallBack, queue: Queue, *, answered: bool, at: datetime) -> None:
    """Let an attempt wait where the customer did: their priority, their step as far as there is one, their place.

    Inner step, role engine; raises DemandMissing.
    """
    step = min(call_back.step, len(queue.steps))
    demand, policy = find_demand(queue, step=step), find_policy(contact.tenant_id)
    priority = queue.priority if call_back.priority is None else call_back.priority
    if priority != AGED:
        priority = min(priority, HIGHEST_PRIORITY)
    CONTACT.apply(contact, ContactState.QUEUED)
    wait_in_queue(contact, queue, demand, policy, priority=priority, at=at, since=call_back.since, step=step)
    if call_back.agent_id is not None:
        save(contact, *wait_for_agent(contact, call_back.agent_id, until=at + PROMISED))
    entertain(contact, answered=answered, at=at)


def _answered(*, channel: str, at: datetime, node: str, sip_call_id: str) -> None:
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
        call_back = reach(contact, at=seen)
        if call_back is not None:
            _join(contact, call_back, found, at=seen)


def _join(contact: Contact, call_back: CallBack, found: Situation, *, at: datetime) -> None:
    offer = found.hands.offer
    if contact.state == ContactState.ARRIVING:
        queue = find_row(Queue, "t.id = %s", [call_back.queue_id])
        if queue is None:
            raise RuntimeError(f"call-back {call_back.id} has no queue")
        enter_queue_again(contact, call_back, queue, answered=True, at=at)
        return
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
