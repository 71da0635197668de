"""Reads about agents, seats and sessions, inside the caller's open tenant scope."""

import json
from pathlib import Path
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from agents.models import AgentSession, NotReadyReason, Station
from tenants.public import run_query

SQL = Path(__file__).parent / "sql"


def open_sessions() -> QuerySet[AgentSession]:
    """The sessions that are not logged out, with who, where and why."""
    rows: QuerySet[AgentSession] = AgentSession.objects.filter(logged_out_at__isnull=True)
    return rows.select_related("agent__user", "station__site", "profile", "reason")


def open_session_of_agent(agent_id: UUID) -> AgentSession | None:
    """The agent's open session, as its row stands; there is one at most."""
    return AgentSession.objects.filter(agent_id=agent_id, logged_out_at__isnull=True).first()


def open_session_of_user(user_id: UUID) -> AgentSession | None:
    """The open session of the agent who is this person."""
    return open_sessions().filter(agent__user_id=user_id).first()


def open_session_at_station(station_id: UUID) -> AgentSession | None:
    """The open session at the station, as its row stands; there is one at most."""
    return AgentSession.objects.filter(station_id=station_id, logged_out_at__isnull=True).first()


def free_stations(*, but_for: UUID | None = None) -> QuerySet[Station]:
    """The stations where nobody is logged in, but perhaps this agent."""
    taken = AgentSession.objects.filter(station_id=OuterRef("id"), logged_out_at__isnull=True)
    if but_for is not None:
        taken = taken.exclude(agent_id=but_for)
    rows: QuerySet[Station] = Station.objects.filter(~Exists(taken))
    return rows.select_related("site").order_by("extension")


def choosable_reasons() -> QuerySet[NotReadyReason]:
    """The reasons that an agent may give for being not ready."""
    rows: QuerySet[NotReadyReason] = NotReadyReason.objects.filter(active=True, system_code="")
    return rows.order_by("name")


def skill_sets(tenant_id: UUID) -> list[dict[str, int]]:
    """The different sets of skills (code → 1 to 5) that the tenant's active agents have."""
    return [json.loads(row[0]) for row in run_query(SQL / "skill_sets.sql", {"tenant": tenant_id})]
