"""Inner steps on agent sessions: what moves a session from state to state.

Each works inside the caller's open scope, of either role, on sessions that the caller has locked with `lock_sessions`
(contacts first, then sessions). `at` is the database's clock, UTC, read once after the locks.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db.models import Exists, Q

from agents.channels import Channel
from agents.models import AgentSession, NotReadyReason, Reserve, Slot, Station
from agents.services.hooks import wrap_up_hooks
from agents.states import SESSION, SessionState
from tenants.public import (
    current_scope,
    drop_timer,
    fetch,
    load_query,
    record,
    request_match,
    set_timer,
    wanted,
    write,
    write_query,
)

WRAP_UP_TIMER = "wrap-up"
BACK_OFF_TIMER = "back-off"
KIND = "agent_session"
SQL = Path(__file__).parents[1] / "sql"
REFRESH_SLOTS = SQL / "refresh_slots.sql"
SHUT_BLOCKED = SQL / "shut_blocked.sql"
_AFTER_WORK = """,
        idle_since = %(at)s,
        contacts = contacts + 1,
        busy_seconds = busy_seconds + greatest(0, extract(epoch FROM %(at)s - offered_at)),
        occupancy = (busy_seconds + greatest(0, extract(epoch FROM %(at)s - offered_at)))
                    / greatest(1, extract(epoch FROM %(at)s - %(logged_in_at)s))"""
FREE_AFTER_WORK = load_query(SQL / "free_slot.sql").format(figures=_AFTER_WORK)
FREE_SLOT = load_query(SQL / "free_slot.sql").format(figures="")


def lock_sessions(ids: Iterable[UUID]) -> dict[UUID, AgentSession]:
    """Lock these sessions in the order of their ids and return those that exist in the open scope."""
    (rows,) = fetch(wanted(AgentSession, "t.id = ANY(%s)", [list(set(ids))], lock=True))
    return {row.id: row for row in rows}


def may_take_contacts(session: AgentSession) -> bool:
    """Whether the session's slots are open: it is ready, no back-off runs (its timer clears `backoff_until`), and the
    reserve is open if its agent is of that.
    """
    works = session.state == SessionState.READY and session.backoff_until is None
    return works and (not session.reserve or reserve_is_open(session.tenant_id))


def reserve_is_open(tenant_id: UUID) -> bool:
    """Whether the tenant's reserve takes part. Asked behind a session's lock: who opens it locks the sessions next."""
    return Reserve.objects.filter(tenant_id=tenant_id, opened_at__isnull=False).exists()


def refresh_slots(session: AgentSession, *, idle_since: datetime | None = None) -> None:
    """Make the slots' `open` follow from the session, and have them idle from `idle_since` if given, in one UPDATE."""
    given = {"session": session.id, "takes": may_take_contacts(session), "idle_since": idle_since}
    write_query(REFRESH_SLOTS, given)


def hold_slots(ids: Sequence[UUID], *, blocking: Sequence[UUID], at: datetime) -> None:
    """Let these slots be held, of an offer that is made at `at`, and shut what those of them that are `blocking` keep
    shut. Their sessions are locked; `routing` writes who holds them.
    """
    write("UPDATE agents_slot SET held = true, offered_at = %s WHERE id = ANY(%s)", [at, ids])
    if blocking:
        write_query(SHUT_BLOCKED, {"held": list(blocking)})


def free_slot(session: AgentSession, slot_id: UUID, *, worked_until: datetime | None) -> None:
    """Let a slot of the session be held by nobody, and open what it kept shut.

    After work it is idle from `worked_until`, and what was done is counted; otherwise all stays as it was.
    """
    given = {"slot": slot_id, "at": worked_until, "logged_in_at": session.logged_in_at}
    current_scope().statements.write(FREE_SLOT if worked_until is None else FREE_AFTER_WORK, given)


def touch_idle(session: AgentSession, *, at: datetime) -> None:
    """Let the session's slots count as idle from `at`: the "longest idle" rule orders by it."""
    Slot.objects.filter(session_id=session.id).update(idle_since=at)


def make_ready(session: AgentSession, *, at: datetime) -> None:
    """Let the session take contacts, idle from now: a pause does not count as idleness.

    A back-off that still runs keeps the slots closed until its timer. Raises Conflict ("illegal-transition").
    """
    _move(session, SessionState.READY, reason_id=None, at=at)


def make_not_ready(
    session: AgentSession, *, at: datetime, reason: NotReadyReason | None = None, system_code: str | None = None
) -> None:
    """Stop offering contacts to the session, for the agent's `reason` or one of the system's own; at once.

    An offer that rings or a contact that runs goes on. Nothing happens when it is not ready for that reason already,
    so that the time counts on. From wrap-up, this ends the wrap-up; `plan_next` does not.
    """
    if system_code is not None:
        reason = system_reason(session.tenant_id, system_code)
    reason_id = reason.id if reason else None
    if session.state == SessionState.NOT_READY and session.reason_id == reason_id:
        return
    _move(session, SessionState.NOT_READY, reason_id=reason_id, at=at)


def plan_next(session: AgentSession, *, state: SessionState, reason: NotReadyReason | None, at: datetime) -> None:
    """Replace what follows the wrap-up: READY, or NOT_READY with a reason."""
    reason_id = reason.id if reason else None
    if (session.next_state, session.next_reason_id) == (state, reason_id):
        return
    session.next_state, session.next_reason_id = state, reason_id
    record("agent.next_state_set", session, kind=KIND, at=at, next_state=str(state), next_reason=_text(reason_id))
    session.save(update_fields=["next_state", "next_reason", "version"])


def begin_wrap_up(session: AgentSession, *, contact_id: UUID, until: datetime, at: datetime) -> None:
    """Give the agent until `until` to finish the work after the contact. Its end is a timer of the session.

    What the agent is now is what follows: one who asked for a pause during the contact is not ready afterwards.
    """
    paused = session.state == SessionState.NOT_READY
    session.next_state = SessionState.NOT_READY if paused else SessionState.READY
    session.next_reason_id = session.reason_id if paused else None
    session.wrap_up_contact_id, session.wrap_up_until = contact_id, until
    set_timer(WRAP_UP_TIMER, tenant_id=session.tenant_id, subject_id=session.id, due_at=until)
    details = {"contact": str(contact_id), "until": until.isoformat()}
    _move(session, SessionState.WRAP_UP, reason_id=None, at=at, details=details)


def end_wrap_up(session: AgentSession, *, at: datetime) -> None:
    """End the wrap-up and go on to the next state; not ready when the phone has become unreachable meanwhile.

    Nothing happens outside wrap-up: the timer and the agent may both end it.
    """
    if session.state != SessionState.WRAP_UP:
        return
    if session.next_state != SessionState.READY:
        _move(session, SessionState.NOT_READY, reason_id=session.next_reason_id, at=at)
    elif phone_is_reachable(session):
        make_ready(session, at=at)
    else:
        make_not_ready(session, system_code=NotReadyReason.System.UNREACHABLE, at=at)


def back_off(session: AgentSession, *, until: datetime, at: datetime) -> None:
    """Offer nothing to the session before `until`, whatever its state: its phone was busy or failed just now."""
    session.backoff_until = until
    set_timer(BACK_OFF_TIMER, tenant_id=session.tenant_id, subject_id=session.id, due_at=until)
    record("agent.backed_off", session, kind=KIND, at=at, until=until.isoformat())
    session.save(update_fields=["backoff_until", "version"])
    refresh_slots(session)


def end_back_off(session: AgentSession, *, at: datetime) -> None:
    """Let the session take contacts again, if it is ready. Nothing happens when no back-off runs."""
    if session.backoff_until is None:
        return
    session.backoff_until = None
    drop_timer(BACK_OFF_TIMER, subject_id=session.id)
    record("agent.back_off_ended", session, kind=KIND, at=at)
    session.save(update_fields=["backoff_until", "version"])
    refresh_slots(session)
    if may_take_contacts(session):
        request_match(session.tenant_id)


def close_session(session: AgentSession, *, at: datetime) -> None:
    """Log the session out and free its station. The caller has made sure that no slot is held."""
    session.logged_out_at = at
    if session.backoff_until is not None:
        session.backoff_until = None
        drop_timer(BACK_OFF_TIMER, subject_id=session.id)
    _move(session, SessionState.LOGGED_OUT, reason_id=None, at=at)
    # Contacts that waited for this agent alone are everybody's.
    request_match(session.tenant_id)


def phone_is_reachable(session: AgentSession) -> bool:
    """Whether the phone at the session's station was registered when the switch last said, or none is needed."""
    uses_it = Slot.objects.filter(session_id=session.id, channel=Channel.VOICE, retired=False)
    return Station.objects.filter(~Exists(uses_it) | Q(reachable=True), id=session.station_id).exists()


def system_reason(tenant_id: UUID, system_code: str) -> NotReadyReason | None:
    """Return the tenant's row for one of the system's reasons; each login makes sure that they are there.

    None only when somebody deleted it since: the state matters more than its label.
    """
    return NotReadyReason.objects.filter(tenant_id=tenant_id, system_code=system_code).first()


def _move(
    session: AgentSession,
    target: SessionState,
    *,
    reason_id: UUID | None,
    at: datetime,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    previous = session.state
    SESSION.apply(session, target)
    if previous == SessionState.WRAP_UP:
        _leave_wrap_up(session, at=at)
    session.state_since, session.reason_id = at, reason_id
    record(
        "agent.state_changed",
        session,
        kind=KIND,
        at=at,
        state=str(target),
        reason=_text(reason_id),
        previous=str(previous),
        **details,
    )
    session.save(
        update_fields=[
            "state",
            "state_since",
            "reason",
            "next_state",
            "next_reason",
            "wrap_up_contact_id",
            "wrap_up_until",
            "backoff_until",
            "logged_out_at",
            "version",
        ]
    )
    refresh_slots(session, idle_since=at if target == SessionState.READY else None)
    if may_take_contacts(session):
        request_match(session.tenant_id)


def _leave_wrap_up(session: AgentSession, *, at: datetime) -> None:
    contact_id = session.wrap_up_contact_id
    session.wrap_up_contact_id = session.wrap_up_until = None
    session.next_state, session.next_reason_id = SessionState.READY, None
    drop_timer(WRAP_UP_TIMER, subject_id=session.id)
    if contact_id is not None:
        for hook in wrap_up_hooks:
            hook(session, contact_id, at)


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
