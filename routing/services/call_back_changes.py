"""What becomes of a call-back by somebody's wish: cancelled, put at another time, its outcome told by its agent."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from agents.public import AgentSession
from routing.call_back_states import OPEN_CALL_BACK, SAID_BY_AGENT, CallBackState, Outcome
from routing.models import CallBack, CallBackAttempt, CallBackParty, Contact, Direction
from routing.services.call_back_asking import NOTE_LIMIT, check_text, check_window, open_call_back_to
from routing.services.call_backs import conclude, end_call_back, lock_call_back, note_call_back, rule_of, schedule
from routing.services.calling_back import lock_under_way, withdraw
from routing.services.contacts import handler_of, lock_contact
from routing.states import ContactState
from tenants.public import Conflict, Invalid, NotFound, db_now, engine_scope, tenant_scope, update_row


def cancel_call_back(*, tenant_id: UUID, call_back_id: UUID, actor: str) -> None:
    """Cancel a call-back that is open: nobody is called, and whoever is being called is not rung any more.

    Raises NotFound; Conflict "call-back-over", "call-back-under-way" (the customer is on the line).
    """
    while not _cancel(tenant_id, call_back_id, actor):
        pass


def change_call_back(
    *,
    tenant_id: UUID,
    call_back_id: UUID,
    actor: str,
    opens_at: datetime | None,
    closes_at: datetime | None,
    zone: str = "",
    note: str | None = None,
) -> CallBack:
    """Call at another time, between `opens_at` and `closes_at`: None for as soon as may be, and until it expires.

    `note` replaces what it is about; None leaves it. Raises NotFound; Conflict "call-back-over", "call-back-under-way";
    Invalid "window-…", "note-too-long", "closed".
    """
    check_text(note or "", NOTE_LIMIT, "note-too-long")
    with tenant_scope(tenant_id, actor=actor):
        call_back, now = _lock(call_back_id), db_now()
        if call_back.state != CallBackState.SCHEDULED:
            raise _not_now(call_back)
        check_window(opens_at, closes_at, now=now)
        call_back.opens_at, call_back.zone = opens_at, zone
        call_back.expires_at = closes_at or call_back.expires_at
        if note is not None:
            CallBackParty.objects.filter(call_back=call_back).update(note=note)
        note_call_back("call_back.changed", call_back, at=now)
        update_row(call_back, "opens_at", "zone", "expires_at", "version")
        schedule(call_back, rule_of(tenant_id, call_back.entry_point_id), earliest=now, at=now)
        if call_back.state != CallBackState.SCHEDULED:
            raise Invalid(_("The service is not open in this time."), code="closed")
        return call_back


def tell_outcome(*, tenant_id: UUID, contact_id: UUID, session_id: UUID, outcome: str, actor: str) -> None:
    """Say what came of an attempt: who else but its agent can tell a machine, or the wrong person, from the customer.

    Until their wrap-up is over. Raises NotFound, Invalid "outcome-unknown", Conflict "call-back-exists" (the customer
    has asked again meanwhile), "not-yours-any-more".
    """
    if outcome not in SAID_BY_AGENT:
        known = ", ".join(SAID_BY_AGENT)
        message = _("“%(outcome)s” is nothing that an agent can tell; there are: %(known)s.")
        raise Invalid(message % {"outcome": outcome, "known": known}, code="outcome-unknown")
    with tenant_scope(tenant_id, actor=actor):
        contact = lock_contact(contact_id)
        attempt = CallBackAttempt.objects.filter(contact=contact).first()
        if attempt is None or contact.direction != Direction.OUTBOUND:
            raise NotFound(_("This contact is no call-back."), contact=str(contact_id))
        if not _is_theirs(contact, session_id):
            message = _("Only the agent who is on the call-back, or in wrap-up after it, can tell its outcome.")
            raise Conflict(message, code="not-yours-any-more")
        attempt.outcome = outcome
        update_row(attempt, "outcome")
        call_back, now = _lock(attempt.call_back_id), db_now()
        note_call_back("call_back.outcome_told", call_back, at=now, contact=contact.id, outcome=outcome)
        update_row(call_back, "version")
        if contact.state == ContactState.ENDED:
            _conclude_again(call_back, Outcome(outcome), at=now)


def _cancel(tenant_id: UUID, call_back_id: UUID, actor: str) -> bool:
    """Cancel it as it was seen; False when an attempt has begun or ended meanwhile."""
    with tenant_scope(tenant_id, read_only=True):
        seen = CallBack.objects.filter(id=call_back_id).first()
    if seen is None:
        raise _unknown(call_back_id)
    with engine_scope(actor=actor):
        under_way = lock_under_way(seen)
        call_back = under_way.call_back if under_way else lock_call_back(seen.id)
        if call_back is None or call_back.contact_id != seen.contact_id:
            return False
        if call_back.state not in OPEN_CALL_BACK or call_back.state == CallBackState.REACHED:
            raise _not_now(call_back)
        now = under_way.now if under_way else db_now()
        end_call_back(call_back, CallBackState.CANCELLED, outcome=Outcome.CANCELLED, at=now)
        if under_way:
            withdraw(under_way.contact, under_way.interaction, at=now)
        return True


def _conclude_again(call_back: CallBack, outcome: Outcome, *, at: datetime) -> None:
    """The agent says in wrap-up what the end of the talk could not."""
    if call_back.state != CallBackState.DONE:
        return
    if outcome in (Outcome.REACHED, Outcome.REFUSED):
        call_back.outcome = outcome
        update_row(call_back, "outcome")
        return
    if open_call_back_to(call_back.entry_point_id, call_back.calling_hash) is not None:
        message = _("The customer has asked for another call-back meanwhile; this one stays as it is.")
        raise Conflict(message, code="call-back-exists")
    conclude(call_back, outcome, at=at)


def _is_theirs(contact: Contact, session_id: UUID) -> bool:
    handler = handler_of(contact)
    if handler is not None:
        return handler.session_id == session_id
    return AgentSession.objects.filter(id=session_id, wrap_up_contact_id=contact.id).exists()


def _lock(call_back_id: UUID) -> CallBack:
    call_back = lock_call_back(call_back_id)
    if call_back is None:
        raise _unknown(call_back_id)
    return call_back


def _unknown(call_back_id: UUID) -> NotFound:
    return NotFound(_("There is no call-back %(id)s.") % {"id": call_back_id}, call_back=str(call_back_id))


def _not_now(call_back: CallBack) -> Conflict:
    if call_back.state in OPEN_CALL_BACK:
        message = _("The call-back is under way (%(state)s).")
        code = "call-back-under-way"
    else:
        message, code = _("This call-back is over (%(state)s)."), "call-back-over"
    return Conflict(message % {"state": call_back.get_state_display()}, code=code, state=call_back.state)
