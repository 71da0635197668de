"""A call-back's way once it is due: an attempt begins, waits for its agent, and expires unless one comes.

`begin_call_back` is asked for by a Celery task and, two seconds later, by the timer: whichever finds the call-back
scheduled and due begins the attempt, in one transaction, and the other finds it begun. The number is judged again at
each attempt. Nothing here dials: agent first, the customer is dialled when the agent is on the telephone
(`routing.services.customer_legs`).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from agents.public import lock_sessions
from routing.call_back_states import CALL_BACK, CallBackState, Outcome
from routing.eligibility import with_demands
from routing.models import (
    CallBack,
    CallBackAttempt,
    CallBackMode,
    CallBackParty,
    CallBackRule,
    CommandKind,
    Contact,
    ContactParty,
    Direction,
    EntryPoint,
    Interaction,
    SwitchNode,
    Trunk,
)
from routing.services.backup_calls import somebody_serves
from routing.services.call_backs import (
    CALL_BACK_TIMER,
    customer_channel,
    end_call_back,
    lock_call_back,
    next_opening,
    note_call_back,
    open_attempt,
    rule_of,
    schedule,
)
from routing.services.commands import caller_command
from routing.services.contacts import end_contact_row, live_offer, lock_contact, note
from routing.services.customer_legs import dial_first, enter_queue_again
from routing.services.offers import close_offer
from routing.services.outside import Outside, callable_number, read_outside
from routing.services.segments import begin_segment
from routing.states import ContactState, EndReason, OfferState, SegmentKind
from tenants.public import (
    CLOCK,
    Due,
    Invalid,
    claim_timer,
    db_now,
    engine_scope,
    fetch,
    find_row,
    insert_row,
    set_timer,
    tenant_scope,
    timer_handler,
    update_row,
    uuid7,
    wanted,
)

log = logging.getLogger(__name__)

PUT_OFF = timedelta(seconds=30)
"""When a call-back is looked at again that could not begin: no trunk, a closed queue, a caller who has not hung up."""


@dataclass(frozen=True, slots=True)
class _Customer:
    """Whom to call: `number` is empty when it must not be dialled any more, and `fault` says why."""

    number: str
    name: str
    fault: str = ""


def begin_call_back(*, tenant_id: UUID, call_back_id: UUID, due: Due | None = None) -> bool:
    """Begin the next attempt of a call-back that is due; False when there is nothing to begin. Opens scopes.

    `due` is the timer that asks, which is then claimed.
    """
    outside = read_outside()
    with tenant_scope(tenant_id, read_only=True):
        party = find_row(CallBackParty, "t.call_back_id = %s", [call_back_id])
    if party is None:
        return False
    customer = _judged(party, outside)
    return with_demands(partial(_begin, call_back_id, customer, outside, due))


@timer_handler(CALL_BACK_TIMER)
def call_back_timer(due: Due) -> None:
    """A call-back is due and no worker has begun it, or the one that waits for an agent expires."""
    with engine_scope(read_only=True):
        call_back = find_row(CallBack, "t.id = %s", [due.subject_id])
    if call_back is None:
        raise RuntimeError(f"a timer tells of a call-back {due.subject_id} that is not there")
    if call_back.state == CallBackState.SCHEDULED:
        begin_call_back(tenant_id=due.tenant_id, call_back_id=due.subject_id, due=due)
    else:
        _time_is_over(due, call_back)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A call-back whose attempt is under way: contact and call-back are locked, `now` was read behind the locks."""

    call_back: CallBack
    contact: Contact
    interaction: Interaction
    now: datetime


def lock_under_way(seen: CallBack) -> UnderWay | None:
    """Lock a call-back that was seen with an attempt under way; None when that is over by now. Role engine."""
    if seen.contact_id is None:
        return None
    contact = lock_contact(seen.contact_id)
    call_back = lock_call_back(seen.id)
    if call_back is None or call_back.contact_id != contact.id or contact.state == ContactState.ENDED:
        return None
    ((interaction,), (now,)) = fetch(wanted(Interaction, "t.id = %s", [contact.interaction_id]), CLOCK)
    return UnderWay(call_back, contact, interaction, now)


def withdraw(
    contact: Contact, interaction: Interaction, *, at: datetime, reason: EndReason = EndReason.CALLED_OFF
) -> None:
    """End an attempt, whatever it was about to do. Inner step, role engine; the contact is locked."""
    offer = live_offer(contact)
    if offer is not None:
        session = lock_sessions([offer.session_id]).get(offer.session_id)
        close_offer(contact, offer, session, state=OfferState.RESCINDED, cause="called-off", at=at, back_in_queue=False)
    attempt = open_attempt(contact)
    if attempt is not None and attempt.dialled_at is not None:
        caller_command(contact, CommandKind.HANG_UP, at=at)
    interaction.ended_at = at
    update_row(interaction, "ended_at")
    end_contact_row(contact, interaction, reason=reason, at=at)


def _judged(party: CallBackParty, outside: Outside) -> _Customer:
    try:
        return _Customer(callable_number(party.number, outside), party.name)
    except Invalid as refusal:
        return _Customer("", party.name, fault=refusal.code)


def _begin(call_back_id: UUID, customer: _Customer, outside: Outside, due: Due | None) -> bool:
    with engine_scope():
        call_back = find_row(CallBack, "t.id = %s", [call_back_id], lock=True, joined=("entry_point", "queue"))
        if call_back is None or call_back.state != CallBackState.SCHEDULED or (due and not claim_timer(due)):
            return False
        rule, now = rule_of(call_back.tenant_id, call_back.entry_point_id), db_now()
        if due is None and call_back.due_at > now:
            return False
        if now >= call_back.expires_at:
            end_call_back(call_back, CallBackState.EXPIRED, outcome=call_back.outcome or Outcome.EXPIRED, at=now)
        elif not customer.number:
            log.warning(
                "a call-back must not be dialled", extra={"call_back": str(call_back.id), "why": customer.fault}
            )
            end_call_back(call_back, CallBackState.UNREACHABLE, outcome=Outcome.INVALID, at=now)
        elif next_opening(rule, now) != now:
            schedule(call_back, rule, earliest=now, at=now)
        elif (why := _obstacle(call_back, trunk := _trunk(outside))) or trunk is None:
            note_call_back("call_back.put_off", call_back, at=now, why=why)
            schedule(call_back, rule, earliest=now + PUT_OFF, at=now)
        else:
            _attempt(call_back, rule, customer, trunk, at=now)
        return True


def _trunk(outside: Outside) -> Trunk | None:
    """Return the first way out of an exchange that is there; without such a one, the first at all."""
    connected = {node.name for node in SwitchNode.objects.filter(connected=True)}
    active = [trunk for trunk in outside.trunks if trunk.active]
    return next((trunk for trunk in active if trunk.node in connected), active[0] if active else None)


def _obstacle(call_back: CallBack, trunk: Trunk | None) -> str:
    if trunk is None:
        return "no-trunk"
    if not call_back.queue.active:
        return "queue-closed"
    if call_back.mode == CallBackMode.CUSTOMER_FIRST and not somebody_serves(call_back.queue):
        return "nobody-logged-in"
    calls = call_back.origin_id is not None and call_back.attempts == 0
    ended = calls and find_row(Contact, "t.id = %s AND t.state = 'ended'", [call_back.origin_id])
    return "still-calling" if calls and ended is None and call_back.source == "queue" else ""


def _attempt(call_back: CallBack, rule: CallBackRule, customer: _Customer, trunk: Trunk, *, at: datetime) -> None:
    """Make the attempt's contact: it waits in the customer's place, or the customer is dialled for it."""
    entry_point, queue = call_back.entry_point, call_back.queue
    number = find_row(EntryPoint, "t.id = %s", [entry_point.id], joined=("number",))
    shown = number.number.e164 if number is not None and number.number is not None else ""
    contact, interaction = _new_contact(call_back, trunk, at=at)
    note("contact.arrived", contact, at=at, entry_point=entry_point.id, ordinal=0, node=contact.node, sip_call_id="")
    begin_segment(contact, SegmentKind.FLOW, at=at)
    attempt = CallBackAttempt(
        tenant_id=contact.tenant_id,
        call_back=call_back,
        contact=contact,
        trunk=trunk.name,
        ring_seconds=rule.ring_seconds,
        began_at=at,
    )
    call_back.contact = contact
    note_call_back("call_back.begun", call_back, at=at, contact=contact.id)
    if call_back.mode == CallBackMode.CUSTOMER_FIRST:
        dial_first(contact, call_back, attempt, at=at)
    else:
        CALL_BACK.apply(call_back, CallBackState.WAITING)
        enter_queue_again(contact, call_back, queue, answered=False, at=at)
        expires_at = call_back.expires_at
        set_timer(CALL_BACK_TIMER, tenant_id=call_back.tenant_id, subject_id=call_back.id, due_at=expires_at)
    update_row(call_back, "state", "contact", "version")
    insert_row(interaction)
    insert_row(contact)
    insert_row(
        ContactParty(tenant_id=contact.tenant_id, contact=contact, ani=shown, dnis=customer.number, name=customer.name)
    )
    insert_row(attempt)


def _new_contact(call_back: CallBack, trunk: Trunk, *, at: datetime) -> tuple[Contact, Interaction]:
    contact_id = uuid7()
    (nodes,) = fetch(wanted(SwitchNode, "t.name = %s", [trunk.node]))
    offset_ms = nodes[0].clock_offset_ms if nodes else None
    interaction = Interaction(
        node=trunk.node,
        caller_channel=customer_channel(contact_id),
        direction=Direction.OUTBOUND,
        is_test=call_back.is_test,
        clock_offset_ms=offset_ms or 0,
        started_at=at,
    )
    contact = Contact(
        id=contact_id,
        tenant_id=call_back.tenant_id,
        interaction=interaction,
        node=interaction.node,
        caller_channel=interaction.caller_channel,
        direction=Direction.OUTBOUND,
        language=call_back.language,
        is_test=call_back.is_test,
        number_id=call_back.entry_point.number_id,
        entry_point=call_back.entry_point,
        calling_hash=call_back.calling_hash,
        call_back=call_back,
        arrived_at=at,
    )
    return contact, interaction


def _time_is_over(due: Due, seen: CallBack) -> None:
    """Nobody was free for it before it expired; or, dialled first, nothing was heard of the customer in time."""
    with engine_scope():
        held = lock_under_way(seen)
        if held is None or not claim_timer(due):
            return
        call_back, contact, interaction, now = held.call_back, held.contact, held.interaction, held.now
        if call_back.state == CallBackState.WAITING:
            end_call_back(call_back, CallBackState.EXPIRED, outcome=call_back.outcome or Outcome.EXPIRED, at=now)
            withdraw(contact, interaction, at=now)
        elif call_back.state == CallBackState.DIALLING:
            log.warning("nothing is heard of a customer's leg", extra={"contact": str(contact.id)})
            withdraw(contact, interaction, reason=EndReason.NOT_REACHED, at=now)
