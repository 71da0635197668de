"""The net under agent sessions: a wrap-up or a back-off whose timer is gone, slots that do not follow their session.

In health there is nothing to find: every service writes a deadline with its timer, and slots with their session, in one
transaction. What is found was made by hand, or by a fault that the log line helps to find.
"""

import logging
from datetime import datetime
from pathlib import Path
from uuid import UUID

from agents.models import AgentSession
from agents.services.sessions import (
    BACK_OFF_TIMER,
    WRAP_UP_TIMER,
    lock_sessions,
    refresh_slots,
)
from agents.states import SessionState
from tenants.public import db_now, engine_scope, has_timer, note_system, request_match, run_query, set_timer

log = logging.getLogger(__name__)

STUCK = Path(__file__).parents[1] / "sql" / "stuck_sessions.sql"
PAGE = 200


def mend_sessions() -> int:
    """Set lost timers again, for when they were due, and open and close slots as their sessions are.

    Goes through all of them, a page a transaction; returns how many things were mended. Each is a warning in the log.
    """
    mended, last = 0, None
    while True:
        with engine_scope():
            ids: list[UUID] = [row[0] for row in run_query(STUCK, {"session": None, "after": last, "limit": PAGE})]
            mended += sum(_mend(session, at=db_now()) for session in lock_sessions(ids).values())
        if len(ids) < PAGE:
            return mended
        last = ids[-1]


def _mend(session: AgentSession, *, at: datetime) -> int:
    """Mend one session, which is locked: it may be well by now."""
    if session.state == SessionState.LOGGED_OUT:
        return 0
    found = []
    if session.state == SessionState.WRAP_UP and not has_timer(WRAP_UP_TIMER, subject_id=session.id):
        due_at = session.wrap_up_until or at
        set_timer(WRAP_UP_TIMER, tenant_id=session.tenant_id, subject_id=session.id, due_at=due_at)
        found.append("a wrap-up had lost its deadline")
    if session.backoff_until is not None and not has_timer(BACK_OFF_TIMER, subject_id=session.id):
        set_timer(BACK_OFF_TIMER, tenant_id=session.tenant_id, subject_id=session.id, due_at=session.backoff_until)
        found.append("a back-off had lost its end")
    if run_query(STUCK, {"session": session.id, "after": None, "limit": 1}):
        refresh_slots(session)
        request_match(session.tenant_id)
        found.append("an agent's slots were open or closed against the agent's state")
    for what in found:
        log.warning("mended: %s", what, extra={"session": str(session.id)})
        note_system("fault.mended", what=what, agent_session=session.id)
    return len(found)
