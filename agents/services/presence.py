"""Whether the agent's desk and phone are there."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from agents.models import AgentSession, NotReadyReason, Station
from agents.services.sessions import (
    KIND,
    lock_sessions,
    make_not_ready,
    phone_is_reachable,
    plan_next,
    system_reason,
)
from agents.states import SessionState
from tenants.public import Tenant, db_now, engine_scope, record, record_once, tenant_scope, uuid7

log = logging.getLogger(__name__)

PAGE = 200
TAKING = Q(state=SessionState.READY) | Q(state=SessionState.WRAP_UP, next_state=SessionState.READY)
"""Sessions that take contacts, or will after their wrap-up."""


def touch_presence(*, tenant_id: UUID, session_id: UUID) -> bool:
    """Note that the session's desk is connected now; False when there is no such open session.

    A session is watched from its first touch on: one without a desk (a program, a phone only) is never called away.
    """
    with tenant_scope(tenant_id):
        rows = AgentSession.objects.filter(id=session_id, logged_out_at__isnull=True)
        return rows.update(presence_at=db_now()) == 1


def sweep_presence(*, grace_seconds: float = 60) -> int:
    """Make the sessions whose desk has been silent for longer than the grace not ready, "away"; return how many.

    Calls go on: they run over the phone. A wrap-up goes on too and leads to not ready. Nobody is logged out, and
    nothing makes an agent ready again but the agent. The desks of a suspended tenant are closed by us: its agents stay
    as they are, so that who waited already is served.
    """
    swept, last = 0, None
    while True:
        with engine_scope():
            silent = Q(presence_at__lt=db_now() - timedelta(seconds=grace_seconds), logged_out_at__isnull=True)
            silent &= Q(tenant__status=Tenant.Status.ACTIVE)
            rows = AgentSession.objects.filter(silent & TAKING).order_by("id")
            if last is not None:
                rows = rows.filter(id__gt=last)
            ids = list(rows.values_list("id", flat=True)[:PAGE])
            sessions = lock_sessions(ids)
            still = set(AgentSession.objects.filter(silent & TAKING, id__in=ids).values_list("id", flat=True))
            now = db_now()
            for session in sessions.values():
                if session.id in still:
                    _call_away(session, at=now)
                    log.info("an agent's desk is gone: away", extra={"session": str(session.id)})
                    swept += 1
        if len(ids) < PAGE:
            return swept
        last = ids[-1]


def mark_endpoint(*, endpoint: str, reachable: bool, at: datetime) -> bool:
    """Note what the switch says of a phone; return whether that was news. `at`: when, aware; older news is dropped.

    A ready agent whose phone goes is made not ready, "unreachable". When it comes back the agent decides. Endpoints
    that are no station's are nothing to us.
    """
    with engine_scope():
        station = Station.objects.filter(endpoint=endpoint).only("id", "tenant_id").first()
        if station is None:
            return False
        session = _lock_session_at(station.id)
        news = Station.objects.filter(Q(reachable_at__isnull=True) | Q(reachable_at__lte=at), id=station.id)
        if not news.exclude(reachable=reachable).update(reachable=reachable, reachable_at=at):
            return False
        if session is None:
            record_once(
                "station.reachable_changed",
                tenant_id=station.tenant_id,
                kind="reachability",
                subject_id=uuid7(),
                at=at,
                station=str(station.id),
                reachable=reachable,
            )
            return True
        record("station.reachable_changed", session, kind=KIND, at=at, station=str(station.id), reachable=reachable)
        session.save(update_fields=["version"])
        if session.state == SessionState.READY and not reachable and not phone_is_reachable(session):
            make_not_ready(session, system_code=NotReadyReason.System.UNREACHABLE, at=db_now())
        return True


def _lock_session_at(station_id: UUID) -> AgentSession | None:
    ids = AgentSession.objects.filter(station_id=station_id, logged_out_at__isnull=True).values_list("id", flat=True)
    return next((row for row in lock_sessions(ids).values() if row.logged_out_at is None), None)


def _call_away(session: AgentSession, *, at: datetime) -> None:
    if session.state == SessionState.WRAP_UP:
        reason = system_reason(session.tenant_id, NotReadyReason.System.AWAY)
        plan_next(session, state=SessionState.NOT_READY, reason=reason, at=at)
    else:
        make_not_ready(session, system_code=NotReadyReason.System.AWAY, at=at)
