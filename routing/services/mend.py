"""The net under calls: rows that contradict each other are found every few seconds, mended, and told.

In health there is nothing to find: every service changes what belongs together in one transaction. What is found was
made by hand, or by a fault that the log line helps to find. What contradicts the exchange instead of another row is
`routing.node.reconcile`'s to find; a pair that no pass has made, the sweep's.
"""

import logging
from datetime import datetime
from pathlib import Path
from uuid import UUID

from agents.public import Slot, lock_sessions, mend_sessions, refresh_slots
from routing.backup_states import DiversionState
from routing.call_back_states import OPEN_CALL_BACK, Outcome
from routing.models import Channel, CommandKind, Contact, Direction, Interaction, Leg, Offer, Participation
from routing.services.call_backs import conclude, lock_call_back
from routing.services.commands import caller_command, send
from routing.services.contacts import (
    IN_QUEUE,
    OFFER_LIVES,
    STEP_TIMER,
    await_step,
    entertain,
    handler_of,
    live_offer,
    lock_contact,
    note,
    requeue,
    save,
    step_begins,
)
from routing.services.diversions import DIVERSION_TIMER, live_diversion
from routing.services.flow import resume_flow
from routing.services.flow_steps import FLOW_TIMER, HAND_OVER_TIMER, START_LABEL
from routing.services.legs import agent_left, caller_left, part
from routing.services.offers import OFFER_TIMER, close_offer
from routing.services.situation import bridge_id, hands_of
from routing.services.slots import let_go
from routing.services.work_items import WORK_END_TIMER
from routing.states import LIVE_OFFER, ContactState, EndReason, OfferState
from tenants.public import db_now, engine_scope, has_timer, record, run_query, set_timer, tell_system

log = logging.getLogger(__name__)

SQL = Path(__file__).parents[1] / "sql"
PAGE = 200


def mend() -> int:
    """Mend everything that is stuck, each thing in a transaction of its own; return how many there were."""
    return mend_contacts() + mend_slots() + mend_sessions() + mend_call_backs()


def mend_contacts() -> int:
    """Give contacts, offers and parts what they lack, or end them; goes through all, however many there are."""
    mended, last = 0, None
    while True:
        with engine_scope(read_only=True):
            rows = run_query(SQL / "stuck_contacts.sql", {"after": last, "limit": PAGE})
        for (contact_id,) in rows:
            mended += _mend_contact(contact_id)
        if len(rows) < PAGE:
            return mended
        last = rows[-1][0]


def mend_call_backs() -> int:
    """Let call-backs that nothing would bring on be tried again; the first of them, the others next time."""
    with engine_scope(read_only=True):
        rows = run_query(SQL / "stuck_call_backs.sql", {"limit": PAGE})
    for (call_back_id,) in rows:
        with engine_scope():
            call_back, now = lock_call_back(call_back_id), db_now()
            if call_back is None or call_back.state not in OPEN_CALL_BACK:
                continue
            conclude(call_back, Outcome.LOST, at=now)
        log.warning("mended: a call-back waited for nothing", extra={"call_back": str(call_back_id)})
        tell_system("fault.mended", what="a call-back waited for nothing", call_back=call_back_id)
    return len(rows)


def mend_slots() -> int:
    """Let slots be held by what holds them and by nothing else; goes through all, however many there are."""
    mended, last = 0, None
    while True:
        with engine_scope(read_only=True):
            rows = run_query(SQL / "stuck_slots.sql", {"session": None, "after": last, "limit": PAGE})
        for session_id in {row[1] for row in rows}:
            mended += _mend_slots_of(session_id)
        if len(rows) < PAGE:
            return mended
        last = rows[-1][0]


def _mend_contact(contact_id: UUID) -> int:
    """Mend one contact; it may be well by now. Returns how many things were wrong with it."""
    with engine_scope():
        contact = lock_contact(contact_id)
        now = db_now()
        found = [
            what
            for what, mends in (
                ("an offer was live whose contact is elsewhere", _end_stray_offer),
                ("an offer had lost its lease's end", _restore_lease),
                ("an agent was on a contact that is over, or that they left", _end_stray_parts),
                ("a contact had no caller", _end_without_caller),
                ("a work item that is done had lost its end", _restore_end),
                ("a contact was offered to nobody", _offer_again),
                ("a contact was talked with nobody", _queue_again),
                ("a contact had lost its beginning", _restore_beginning),
                ("a contact on a backup route waited for nothing", _restore_diversion),
                ("a contact had lost its next routing step", _restore_step),
            )
            if mends(contact, now)
        ]
        is_silent = contact.state == ContactState.IN_FLOW and not contact.ending and _waits_for_nothing(contact)
        node, tenant_id = contact.node, contact.tenant_id
    if is_silent:
        found.append("a contact's flow waited for nothing")
        if not resume_flow(tenant_id=tenant_id, contact_id=contact_id, node=node, answered=True, timer_is_lost=True):
            _give_up(contact_id)
    for what in found:
        log.warning("mended: %s", what, extra={"contact": str(contact_id)})
        tell_system("fault.mended", what=what, contact=contact_id)
    return len(found)


def _end_stray_offer(contact: Contact, now: datetime) -> bool:
    if contact.state in OFFER_LIVES:
        return False
    offer = Offer.objects.filter(contact=contact, state__in=LIVE_OFFER).first()
    if offer is None:
        return False
    session = lock_sessions([offer.session_id]).get(offer.session_id)
    close_offer(
        contact, offer, session, state=OfferState.RESCINDED, cause="contact-elsewhere", at=now, back_in_queue=False
    )
    return True


def _restore_lease(contact: Contact, now: datetime) -> bool:
    offer = live_offer(contact)
    if offer is None or has_timer(OFFER_TIMER, subject_id=offer.id):
        return False
    set_timer(
        OFFER_TIMER,
        tenant_id=offer.tenant_id,
        subject_id=offer.id,
        due_at=offer.lease_expires_at,
        contact=contact.id,
        fence=offer.fence,
    )
    return True


def _end_stray_parts(contact: Contact, now: datetime) -> bool:
    """End the part of an agent whose contact is not talked any more, or whose leg is over."""
    found = False
    for participation in Participation.objects.filter(contact=contact, left_at__isnull=True):
        leg = Leg.objects.filter(channel_id=participation.leg_channel, ended_at__isnull=False).first()
        if contact.state == ContactState.ENGAGED:
            if leg is not None:
                agent_left(contact, hands_of(contact), leg, cause=leg.cause or 0, at=leg.ended_at or now)
                found = True
            continue
        session = lock_sessions([participation.session_id])[participation.session_id]
        part(contact, participation, session, at=now)
        _hang_up(contact, participation.leg_channel, session_id=session.id, at=now)
        found = True
    return found


def _end_without_caller(contact: Contact, now: datetime) -> bool:
    if contact.state == ContactState.ENDED or contact.channel != Channel.VOICE:
        return False
    leg = Leg.objects.filter(channel_id=contact.caller_channel).first()
    if leg.ended_at is None if leg is not None else contact.direction == Direction.OUTBOUND:
        return False
    at = leg.ended_at if leg is not None and leg.ended_at is not None else now
    interaction = Interaction.objects.get(id=contact.interaction_id)
    caller_left(interaction, contact, hands_of(contact), at=at, lost=leg is None)
    return True


def _restore_end(contact: Contact, now: datetime) -> bool:
    if contact.channel == Channel.VOICE or contact.state == ContactState.ENDED or not contact.ending:
        return False
    if has_timer(WORK_END_TIMER, subject_id=contact.id):
        return False
    set_timer(WORK_END_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=now)
    return True


def _offer_again(contact: Contact, now: datetime) -> bool:
    if contact.state not in OFFER_LIVES or live_offer(contact) is not None:
        return False
    _back_in_queue(contact, now)
    return True


def _queue_again(contact: Contact, now: datetime) -> bool:
    if contact.state != ContactState.ENGAGED or contact.ending or handler_of(contact) is not None:
        return False
    # Out of the bridge in which the caller sits alone.
    for offer in Offer.objects.filter(contact=contact, state=OfferState.CONNECTED):
        send(
            CommandKind.DESTROY_BRIDGE,
            node=contact.node,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            at=now,
            arguments={"bridge": bridge_id(offer.id)},
        )
    _back_in_queue(contact, now)
    return True


def _back_in_queue(contact: Contact, now: datetime) -> None:
    Leg.objects.filter(channel_id=contact.caller_channel).update(bridged_at=None)
    requeue(contact, at=now, cause="mended")
    answered = Interaction.objects.filter(id=contact.interaction_id, answered_at__isnull=False).exists()
    entertain(contact, answered=answered, at=now)


def _restore_beginning(contact: Contact, now: datetime) -> bool:
    if contact.state != ContactState.ARRIVING or contact.direction == Direction.OUTBOUND:
        return False
    if has_timer(FLOW_TIMER, subject_id=contact.id):
        return False
    set_timer(FLOW_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=now, label=START_LABEL)
    return True


def _restore_diversion(contact: Contact, now: datetime) -> bool:
    diversion = live_diversion(contact)
    if contact.state != ContactState.DIVERTED or contact.ending or has_timer(DIVERSION_TIMER, subject_id=contact.id):
        return False
    if diversion is not None and diversion.state == DiversionState.TALKING:
        return False
    set_timer(DIVERSION_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=now)
    return True


def _restore_step(contact: Contact, now: datetime) -> bool:
    if contact.state not in IN_QUEUE or contact.queue is None:
        return False
    if contact.ages_at is None and step_begins(contact, contact.queue) is None:
        return False
    if has_timer(STEP_TIMER, subject_id=contact.id):
        return False
    await_step(contact, contact.queue, at=now)
    return True


def _waits_for_nothing(contact: Contact) -> bool:
    with_timer = has_timer(FLOW_TIMER, subject_id=contact.id) or has_timer(HAND_OVER_TIMER, subject_id=contact.id)
    answered = Interaction.objects.filter(id=contact.interaction_id, answered_at__isnull=False).exists()
    return answered and not with_timer


def _give_up(contact_id: UUID) -> None:
    """End a contact whose flow is over and whose hand-over was lost with where it was to go."""
    with engine_scope():
        contact = lock_contact(contact_id)
        if contact.state != ContactState.IN_FLOW or contact.ending:
            return
        now = db_now()
        contact.ending = EndReason.FAILED
        note("contact.flow_ended", contact, at=now, why="lost")
        save(contact, "ending")
        caller_command(contact, CommandKind.HANG_UP, at=now)


def _mend_slots_of(session_id: UUID) -> int:
    with engine_scope():
        session = lock_sessions([session_id]).get(session_id)
        if session is None:
            return 0
        now = db_now()
        rows = run_query(SQL / "stuck_slots.sql", {"session": session_id, "after": None, "limit": PAGE})
        for slot_id, _session_id, busy in rows:
            if busy:
                Slot.objects.filter(id=slot_id).update(held=True)
                refresh_slots(session)
            else:
                let_go(session, slot_id, worked=False, at=now)
            record("agent.slot_mended", session, kind="agent_session", at=now, slot=slot_id, held=busy)
        session.save(update_fields=["version"])
    for slot_id, _session_id, busy in rows:
        what = "a slot was free that is taken" if busy else "a slot was held by nothing"
        log.warning("mended: %s", what, extra={"session": str(session_id), "slot": str(slot_id)})
        tell_system("fault.mended", what=what, agent_session=session_id)
    return len(rows)


def _hang_up(contact: Contact, channel: str, *, session_id: UUID, at: datetime) -> None:
    send(
        CommandKind.HANG_UP,
        node=contact.node,
        interaction_id=contact.interaction_id,
        contact_id=contact.id,
        session_id=session_id,
        at=at,
        arguments={"channel": channel},
    )
