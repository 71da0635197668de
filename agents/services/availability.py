"""Ready, not ready, and a longer wrap-up: what agents ask for themselves.

The server owns the state. During a contact or an offer that rings, ready and not ready take effect at once: they only
open and close the slots, and the contact goes on. During wrap-up they replace the one next state.
"""

from datetime import timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from agents.errors import (
    FieldsInvalid,
    NotInWrapUp,
    PhoneUnreachable,
    ReasonUnknown,
    SessionOver,
    SessionUnknown,
    WrapUpLimit,
)
from agents.models import AgentSession, Station
from agents.selectors import choosable_reasons
from agents.services.sessions import (
    KIND,
    WRAP_UP_TIMER,
    lock_sessions,
    make_not_ready,
    make_ready,
    phone_is_reachable,
    plan_next,
)
from agents.states import SessionState
from tenants.public import db_now, record, set_timer, tenant_scope

LONGEST_WRAP_UP = timedelta(minutes=30)
"""However often it is extended, a wrap-up ends this long after it began."""


def lock_session(session_id: UUID, *, may_be_over: bool = False) -> AgentSession:
    """Lock one session in the open scope; raise SessionUnknown, or SessionOver when it is logged out."""
    session = lock_sessions([session_id]).get(session_id)
    if session is None:
        raise SessionUnknown
    if session.logged_out_at is not None and not may_be_over:
        raise SessionOver
    return session


def set_ready(*, tenant_id: UUID, session_id: UUID, actor: str) -> AgentSession:
    """Let the agent take contacts: now, or after the wrap-up that runs. Asking twice changes nothing.

    Raises SessionUnknown, SessionOver, and PhoneUnreachable when the station's phone is not registered.
    """
    with tenant_scope(tenant_id, actor=actor):
        session = lock_session(session_id)
        now = db_now()
        if session.state == SessionState.WRAP_UP:
            plan_next(session, state=SessionState.READY, reason=None, at=now)
        elif session.state == SessionState.NOT_READY:
            if not phone_is_reachable(session):
                raise PhoneUnreachable(Station.objects.get(id=session.station_id).extension)
            make_ready(session, at=now)
    return session


def set_not_ready(*, tenant_id: UUID, session_id: UUID, reason_id: UUID, actor: str) -> AgentSession:
    """Offer the agent nothing more, for one of the tenant's reasons: from now, or after the wrap-up that runs.

    What rings or runs goes on; the wrap-up after it then leads to not ready with this reason.
    Raises SessionUnknown, SessionOver, and ReasonUnknown for a reason that is foreign, inactive or the system's own.
    """
    with tenant_scope(tenant_id, actor=actor):
        session = lock_session(session_id)
        reason = choosable_reasons().filter(id=reason_id).first()
        if reason is None:
            raise ReasonUnknown
        now = db_now()
        if session.state == SessionState.WRAP_UP:
            plan_next(session, state=SessionState.NOT_READY, reason=reason, at=now)
        else:
            make_not_ready(session, reason=reason, at=now)
    return session


def extend_wrap_up(*, tenant_id: UUID, session_id: UUID, seconds: int, actor: str) -> AgentSession:
    """Let the wrap-up last `seconds` longer, but not beyond `LONGEST_WRAP_UP` from its beginning.

    Raises FieldsInvalid unless `seconds` is positive, SessionUnknown, SessionOver, NotInWrapUp, and WrapUpLimit when
    it cannot last longer.
    """
    if seconds <= 0:
        raise FieldsInvalid({"seconds": [_("Give a number of seconds above 0.")]})
    longer = timedelta(seconds=min(seconds, LONGEST_WRAP_UP.total_seconds()))
    with tenant_scope(tenant_id, actor=actor):
        session = lock_session(session_id)
        if session.state != SessionState.WRAP_UP or session.wrap_up_until is None:
            raise NotInWrapUp(session.state)
        now = db_now()
        until = min(session.wrap_up_until + longer, session.state_since + LONGEST_WRAP_UP)
        if until <= session.wrap_up_until:
            raise WrapUpLimit(minutes=LONGEST_WRAP_UP // timedelta(minutes=1))
        session.wrap_up_until = until
        set_timer(WRAP_UP_TIMER, tenant_id=tenant_id, subject_id=session.id, due_at=until)
        record("agent.wrap_up_extended", session, kind=KIND, at=now, until=until.isoformat())
        session.save(update_fields=["wrap_up_until", "version"])
    return session
