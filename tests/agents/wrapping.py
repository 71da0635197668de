"""Sessions in wrap-up, and their timers made due without waiting."""

from __future__ import annotations

from datetime import timedelta

from agents.public import AgentSession, begin_wrap_up, lock_sessions
from tenants.models import Timer
from tenants.public import Tenant, db_now, engine_scope, uuid7
from tests.factories import make_session, reread


def in_wrap_up(tenant: Tenant, *, seconds: int = 30) -> AgentSession:
    """A session that was ready and wraps up for `seconds` from now."""
    session = make_session(tenant, ready=True)
    with engine_scope():
        locked = lock_sessions([session.id])[session.id]
        now = db_now()
        begin_wrap_up(locked, contact_id=uuid7(), until=now + timedelta(seconds=seconds), at=now)
    return reread(session)


def overdue(session: AgentSession) -> None:
    """Make the session's timers due since a minute."""
    with engine_scope():
        Timer.objects.filter(subject_id=session.id).update(due_at=db_now() - timedelta(minutes=1))
