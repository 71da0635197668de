"""The reserve: agents who take part in matching only while somebody has opened it.

What takes part is what has an open slot (`sessions.may_take_contacts`), so matching knows nothing of the reserve.
Locks: the tenant's reserve, then sessions by id.
"""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from agents.errors import FieldsInvalid
from agents.models import AgentSession, Reserve
from agents.services.sessions import lock_sessions, refresh_slots
from tenants.public import (
    Due,
    claim_timer,
    db_now,
    drop_timer,
    engine_scope,
    record,
    request_match,
    set_timer,
    tenant_scope,
    timer_handler,
)

RESERVE_TIMER = "reserve"
KIND = "reserve"


def open_reserve(*, tenant_id: UUID, actor: str, until: datetime | None = None) -> Reserve:
    """Let the agents of the reserve take part, at once, and until `until` if given. While it is open, set its end anew.

    Raises FieldsInvalid for an end that is not to come.
    """
    with tenant_scope(tenant_id, actor=actor):
        reserve, now = lock_reserve(tenant_id), db_now()
        if until is not None and until <= now:
            raise FieldsInvalid({"until": [_("Give a time to come.")]})
        if reserve.opened_at is not None and reserve.until == until:
            return reserve
        reserve.opened_at, reserve.until = reserve.opened_at or now, until
        if until is None:
            drop_timer(RESERVE_TIMER, subject_id=reserve.id)
        else:
            set_timer(RESERVE_TIMER, tenant_id=tenant_id, subject_id=reserve.id, due_at=until)
        record("reserve.opened", reserve, kind=KIND, at=now, until=until.isoformat() if until else None)
        _follow(reserve)
    return reserve


def close_reserve(*, tenant_id: UUID, actor: str) -> Reserve:
    """Let the agents of the reserve get nothing more. What rings or is talked goes on. Nothing while it is closed."""
    with tenant_scope(tenant_id, actor=actor):
        reserve = lock_reserve(tenant_id)
        if reserve.opened_at is not None:
            drop_timer(RESERVE_TIMER, subject_id=reserve.id)
            _close(reserve, at=db_now())
    return reserve


def lock_reserve(tenant_id: UUID) -> Reserve:
    """Lock and return the reserve of the open scope's tenant; it gets its row when it is first needed."""
    Reserve.objects.bulk_create([Reserve(tenant_id=tenant_id)], ignore_conflicts=True)
    reserve: Reserve = Reserve.objects.select_for_update().get(tenant_id=tenant_id)
    return reserve


@timer_handler(RESERVE_TIMER)
def close_due_reserve(due: Due) -> None:
    """Close the reserve whose time is over, unless it was closed, or opened for longer, meanwhile."""
    with engine_scope():
        reserve = Reserve.objects.select_for_update().filter(id=due.subject_id).first()
        if claim_timer(due) and reserve is not None:
            _close(reserve, at=db_now())


def _close(reserve: Reserve, *, at: datetime) -> None:
    reserve.opened_at = reserve.until = None
    record("reserve.closed", reserve, kind=KIND, at=at)
    _follow(reserve)


def _follow(reserve: Reserve) -> None:
    """Save the reserve, and open or close the slots of its agents who are at work."""
    reserve.save(update_fields=["opened_at", "until", "version"])
    of_reserve = AgentSession.objects.filter(tenant_id=reserve.tenant_id, reserve=True, logged_out_at__isnull=True)
    for session in lock_sessions(of_reserve.values_list("id", flat=True)).values():
        refresh_slots(session)
    request_match(reserve.tenant_id)
