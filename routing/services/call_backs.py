"""Call-backs: what all parts of their way share. Inner steps; the caller has the scope.

Locks: contacts, then agent sessions, then the call-back. A call-back's contact is one attempt; its caller's leg is the
customer's, whose channel has a name from the start and a row once the exchange has spoken of it.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from routing.call_back_states import (
    CALL_BACK,
    HOPELESS,
    NOBODYS_FAULT,
    OPEN_CALL_BACK,
    CallBackState,
    Outcome,
)
from routing.flows.hours import parse_hours
from routing.models import CallBack, CallBackAttempt, CallBackRule, Contact, Direction, Leg
from routing.states import EndReason
from routing.switch.port import Cause
from tenants.public import Tenant, drop_timer, find_row, record, set_timer, state_of, update_row

CALL_BACK_TIMER = "call-back"
CALL_BACK_DUE = "call_back.scheduled"
CUSTOMER_PREFIX = "customer."
NET = timedelta(seconds=2)
"""How long after a call-back is due the engine begins it, when no Celery worker has."""

BREATH = timedelta(seconds=1)
"""How long after they hung up a customer is in their queue again."""

SOON = timedelta(seconds=10)
"""When a customer is called again whose attempt was lost for no fault of theirs."""

BUSY = {Cause.USER_BUSY}
REFUSED = {Cause.CALL_REJECTED}
SILENT = {Cause.NO_ANSWER, Cause.NO_USER_RESPONDING, Cause.NORMAL_CLEARING}
NO_SUCH_NUMBER = {Cause.UNALLOCATED_NUMBER}


def customer_channel(contact_id: UUID) -> str:
    """Return the name of the channel on which an attempt's customer is called."""
    return f"{CUSTOMER_PREFIX}{contact_id}"


def is_unanswered_call_back(contact: Contact, answered_at: datetime | None) -> bool:
    """Whether the contact is an attempt whose customer has not lifted the telephone; nobody has dialled it, perhaps."""
    return contact.direction == Direction.OUTBOUND and answered_at is None


def lock_call_back(call_back_id: UUID) -> CallBack | None:
    """Lock and return a call-back of the open scope."""
    return find_row(CallBack, "t.id = %s", [call_back_id], lock=True)


def open_attempt(contact: Contact) -> CallBackAttempt | None:
    """Return the attempt that the contact is, unless it is over."""
    return find_row(CallBackAttempt, "t.contact_id = %s AND t.ended_at IS NULL", [contact.id])


def rule_of(tenant_id: UUID, entry_point_id: UUID) -> CallBackRule:
    """Return how a service calls back: its rule, or what counts without one."""
    where = "t.tenant_id = %s AND t.entry_point_id = %s"
    found = find_row(CallBackRule, where, [tenant_id, entry_point_id])
    return found or CallBackRule(tenant_id=tenant_id, entry_point_id=entry_point_id)


def note_call_back(event_type: str, call_back: CallBack, *, at: datetime, **data: Any) -> None:
    """Record an event of the call-back. The caller saves its `version`."""
    ids = {"entry_point": call_back.entry_point_id, "queue": call_back.queue_id}
    record(event_type, call_back, kind="call_back", at=at, is_test=call_back.is_test, **ids, **data)


def schedule(call_back: CallBack, rule: CallBackRule, *, earliest: datetime, at: datetime) -> None:
    """Let the call-back be tried at `earliest`, or later when the window or the service opens; expired if too late.

    Its timer stands behind the Celery task that the event asks for.
    """
    earliest = max(earliest, call_back.opens_at or earliest)
    due_at = next_opening(rule, earliest)
    if due_at is None or due_at >= call_back.expires_at:
        end_call_back(call_back, CallBackState.EXPIRED, outcome=call_back.outcome or Outcome.EXPIRED, at=at)
        return
    if call_back.state != CallBackState.SCHEDULED:
        CALL_BACK.apply(call_back, CallBackState.SCHEDULED)
    call_back.due_at, call_back.contact, call_back.ended_at = due_at, None, None
    due = {"due_at": due_at.isoformat(), "in_seconds": (due_at - at).total_seconds()}
    note_call_back(CALL_BACK_DUE, call_back, at=at, attempts=call_back.attempts, **due)
    set_timer(CALL_BACK_TIMER, tenant_id=call_back.tenant_id, subject_id=call_back.id, due_at=due_at + NET)
    update_row(call_back, "state", "due_at", "contact", "ended_at", "outcome", "attempts", "version")


def next_opening(rule: CallBackRule, earliest: datetime) -> datetime | None:
    """Return when the service is open next, from `earliest` on, by the tenant's clock; None if never again."""
    if not rule.hours:
        return earliest
    tenant = find_row(Tenant, "t.id = %s", [rule.tenant_id])
    if tenant is None:
        raise RuntimeError(f"rule {rule.id} has no tenant")
    return parse_hours(rule.hours).next_open(earliest, tenant.zone)


def end_call_back(call_back: CallBack, state: CallBackState, *, outcome: str, at: datetime) -> None:
    """The call-back is over, and says how."""
    CALL_BACK.apply(call_back, state)
    call_back.outcome, call_back.ended_at, call_back.contact = outcome, at, None
    note_call_back(f"call_back.{state}", call_back, at=at, outcome=str(outcome), attempts=call_back.attempts)
    drop_timer(CALL_BACK_TIMER, subject_id=call_back.id)
    update_row(call_back, "state", "outcome", "ended_at", "contact", "attempts", "version")


def begin_dialling(call_back: CallBack, attempt: CallBackAttempt, *, at: datetime) -> None:
    """The customer's telephone is to ring: the attempt counts, and from now on cannot expire."""
    CALL_BACK.apply(call_back, CallBackState.DIALLING)
    call_back.attempts += 1
    attempt.dialled_at = at
    note_call_back("call_back.dialled", call_back, at=at, contact=attempt.contact_id, attempt=call_back.attempts)
    update_row(call_back, "state", "attempts", "version")
    if not state_of(attempt).adding:
        update_row(attempt, "dialled_at")


def reach(contact: Contact, *, at: datetime) -> CallBack | None:
    """The customer has lifted the telephone. The contact is locked. Returns the call-back, if it waited for that."""
    attempt, call_back = open_attempt(contact), _call_back_of(contact)
    if attempt is None or call_back is None or call_back.state != CallBackState.DIALLING:
        return None
    CALL_BACK.apply(call_back, CallBackState.REACHED)
    drop_timer(CALL_BACK_TIMER, subject_id=call_back.id)
    attempt.answered_at = at
    note_call_back("call_back.reached", call_back, at=at, contact=contact.id)
    update_row(call_back, "state", "version")
    update_row(attempt, "answered_at")
    return call_back


def caller_hung_up(contact: Contact, *, at: datetime) -> None:
    """The call in which a call-back was asked for is over: its telephone is free. The contact is locked."""
    call_back = _call_back_of(contact)
    if call_back is None or call_back.origin_id != contact.id or call_back.attempts:
        return
    if call_back.state == CallBackState.SCHEDULED:
        rule = rule_of(call_back.tenant_id, call_back.entry_point_id)
        schedule(call_back, rule, earliest=at + BREATH, at=at)


def end_attempt(contact: Contact, *, reason: EndReason, at: datetime) -> None:
    """The contact, an attempt, is over: note what came of it, and what follows. The contact is locked."""
    attempt = open_attempt(contact)
    call_back = _call_back_of(contact) if attempt is not None else None
    if attempt is None or call_back is None:
        return
    outcome = Outcome(attempt.outcome) if attempt.outcome else _outcome(contact, reason)
    attempt.outcome, attempt.ended_at = outcome, at
    update_row(attempt, "outcome", "ended_at")
    note_call_back("call_back.tried", call_back, at=at, contact=contact.id, outcome=str(outcome))
    update_row(call_back, "version")
    if call_back.state in OPEN_CALL_BACK and call_back.contact_id == contact.id:
        conclude(call_back, outcome, at=at)


def conclude(call_back: CallBack, outcome: Outcome, *, at: datetime) -> None:
    """Let an attempt's outcome have its consequence: done, given up, or tried again."""
    talked = call_back.state in (CallBackState.REACHED, CallBackState.DONE)
    if talked and outcome in (Outcome.REACHED, Outcome.REFUSED):
        end_call_back(call_back, CallBackState.DONE, outcome=outcome, at=at)
        return
    rule = rule_of(call_back.tenant_id, call_back.entry_point_id)
    if outcome in HOPELESS or call_back.attempts >= rule.most_attempts:
        end_call_back(call_back, CallBackState.UNREACHABLE, outcome=outcome, at=at)
        return
    call_back.outcome = outcome
    wait = SOON if outcome in NOBODYS_FAULT else timedelta(seconds=rule.spacing_seconds)
    schedule(call_back, rule, earliest=at + wait, at=at)


def _call_back_of(contact: Contact) -> CallBack | None:
    return lock_call_back(contact.call_back_id) if contact.call_back_id is not None else None


def _outcome(contact: Contact, reason: EndReason) -> Outcome:
    """Say what came of an attempt that has ended, by its contact and the customer's leg."""
    if contact.connected_at is not None:
        return Outcome.REACHED
    if reason in (EndReason.SWITCH_LOST, EndReason.CALLED_OFF):
        return Outcome.LOST if reason == EndReason.SWITCH_LOST else Outcome.CANCELLED
    leg = find_row(Leg, "t.channel_id = %s", [contact.caller_channel])
    if leg is None:
        return Outcome.FAILED
    return Outcome.ABANDONED if leg.answered_at is not None else outcome_of_cause(leg.cause)


def outcome_of_cause(cause: int | None) -> Outcome:
    """Say what a telephone that was not lifted has told, by the Q.850 cause of its end."""
    known = (
        (BUSY, Outcome.BUSY),
        (REFUSED, Outcome.REFUSED),
        (SILENT, Outcome.NO_ANSWER),
        (NO_SUCH_NUMBER, Outcome.INVALID),
    )
    return next((outcome for causes, outcome in known if cause in causes), Outcome.FAILED)
