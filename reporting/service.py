"""Agents' service records: how the time went that they were logged in. Read inside the caller's open tenant scope."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from agents.public import Agent, NotReadyReason
from reporting.days import Day
from reporting.kpis import occupancy
from tenants.public import db_now, run_query

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One agent's day. Times are UTC, durations seconds; what still goes on counts up to now.

    The kinds share the time without overlap: `logged_in_s` is the sum of all others. Whoever talks or is rung counts as
    that, whatever state was set meanwhile. `last_logout` is None while the agent is logged in. `not_ready_s` is by
    reason, in the active language.
    """

    agent_id: UUID
    name: str
    number: str
    team_id: UUID | None
    team: str
    seconds: Mapping[str, float]
    not_ready_s: Mapping[str, float]
    logins: int
    first_login: dt.datetime
    last_logout: dt.datetime | None
    offered: int
    missed: int
    answered: int

    @property
    def logged_in_s(self) -> float:
        return self.seconds.get("logged_in", 0.0)

    @property
    def ready_s(self) -> float:
        return self.seconds.get("ready", 0.0)

    @property
    def ringing_s(self) -> float:
        return self.seconds.get("ring", 0.0)

    @property
    def talking_s(self) -> float:
        return self.seconds.get("talk", 0.0)

    @property
    def hold_s(self) -> float:
        return self.seconds.get("hold", 0.0)

    @property
    def wrap_up_s(self) -> float:
        return self.seconds.get("wrap_up", 0.0)

    @property
    def all_not_ready_s(self) -> float:
        return sum(self.not_ready_s.values())

    @property
    def occupancy(self) -> float | None:
        """The share, 0 to 1, of the time at work that contacts took; None when there was none."""
        worked = self.talking_s + self.hold_s + self.wrap_up_s
        return occupancy(worked_s=worked, logged_in_s=self.logged_in_s, not_ready_s=self.all_not_ready_s)


def read_service(tenant_id: UUID, day: Day, *, team_id: UUID | None = None) -> list[ServiceRecord]:
    """Return the service records of a day, of one team or of all, by agent number: five statements, however many."""
    parameters = {"tenant": tenant_id, "begins": day.begins, "ends": day.ends, "now": db_now()}
    seconds: dict[UUID, dict[str, float]] = defaultdict(dict)
    reasons: dict[UUID, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    labels = {row.id: _label(row) for row in NotReadyReason.objects.all()}
    for agent_id, kind, reason_id, spent in run_query(SQL / "service.sql", parameters):
        if kind == "not_ready":
            reasons[agent_id][labels.get(reason_id, "")] += spent
        else:
            seconds[agent_id][kind] = spent
    counts = {row[0]: row[1:] for row in run_query(SQL / "service_counts.sql", parameters)}
    agents = Agent.objects.filter(id__in=counts).select_related("user", "team").order_by("number")
    return [
        ServiceRecord(
            agent.id,
            agent.user.name,
            agent.number,
            agent.team_id,
            agent.team.name if agent.team else "",
            seconds[agent.id],
            dict(reasons[agent.id]),
            *counts[agent.id],
        )
        for agent in agents
        if team_id in (None, agent.team_id)
    ]


def _label(reason: NotReadyReason) -> str:
    return str(NotReadyReason.System(reason.system_code).label) if reason.system_code else str(reason.name)
