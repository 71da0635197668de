"""Live figures: now, and today so far. Read inside the caller's open tenant scope, by a fixed number of statements.

Now is read from the contacts and sessions themselves; today from the records, which follow them by a second at most
(`reporting.services.projecting`), so that it is the same as any report of the day. Today is the day of the tenant's
clock. A contact counts for the day on which it was queued, whenever it is answered or ends. Tests count nowhere, but
they show among the open contacts, marked.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from agents.public import NotReadyReason
from reporting.days import Day
from reporting.kpis import (
    DEFAULT_VARIANT,
    Counts,
    Variant,
    average_handle_time,
    average_speed_of_answer,
    service_level,
)
from tenants.public import Tenant, db_now, run_query

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Service:
    """The figures of a queue or of the whole tenant, with the rules by which they were made.

    `threshold_seconds` and `short_abandon_seconds` are None where the queues taken together have different ones: then
    each contact was judged by its own queue's.
    """

    waiting: int
    oldest_waiting_at: dt.datetime | None
    counts: Counts
    variant: Variant
    threshold_seconds: int | None
    short_abandon_seconds: int | None

    @property
    def service_level(self) -> float | None:
        return service_level(self.counts, self.variant)

    @property
    def asa_s(self) -> float | None:
        return average_speed_of_answer(self.counts)

    @property
    def aht_s(self) -> float | None:
        return average_handle_time(self.counts)


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A queue now and today. `unserved`: no agent of the tenant has the skills that one of its steps asks for."""

    id: UUID
    name: str
    unserved: bool
    service: Service


class AgentNow(NamedTuple):
    """An agent who is logged in: `state` is ready, not_ready, ringing, talking or wrap_up; `since` is UTC."""

    session_id: UUID
    version: int
    agent_number: str
    name: str
    team_id: UUID | None
    team: str | None
    station: str
    state: str
    reason: str | None
    system_reason: str | None
    since: dt.datetime

    @property
    def reason_label(self) -> str | None:
        """The not-ready reason in the active language; None in any other state."""
        return str(NotReadyReason.System(self.system_reason).label) if self.system_reason else self.reason


class ContactNow(NamedTuple):
    """A contact that has not ended. `number` is "" when it is hidden or unknown."""

    id: UUID
    version: int
    state: str
    channel: str
    is_test: bool
    queue: str | None
    order_at: dt.datetime | None
    since: dt.datetime
    number: str
    agent: str | None


class TeamToday(NamedTuple):
    """What a team's agents did for the contacts that were queued today.

    `offered` are offers to them, of which `missed` were not answered or rejected; `answered` are contacts that one of
    them answered first.
    """

    id: UUID
    name: str
    offered: int
    missed: int
    answered: int
    wait_s: float
    handled: int
    handle_s: float

    @property
    def counts(self) -> Counts:
        return Counts(
            offered=self.offered,
            answered=self.answered,
            wait_s=self.wait_s,
            handled=self.handled,
            handle_s=self.handle_s,
        )

    @property
    def asa_s(self) -> float | None:
        return average_speed_of_answer(self.counts)

    @property
    def aht_s(self) -> float | None:
        return average_handle_time(self.counts)


@dataclass(frozen=True, slots=True)
class Live:
    """Everything that a supervisor sees of a tenant at one moment (UTC)."""

    at: dt.datetime
    day: Day
    language: str
    queues: Sequence[QueueNow]
    agents: Sequence[AgentNow]
    contacts: Sequence[ContactNow]
    teams: Sequence[TeamToday]

    @property
    def total(self) -> Service:
        """All queues together."""
        services = [queue.service for queue in self.queues]
        return Service(
            waiting=sum(service.waiting for service in services),
            oldest_waiting_at=min((s.oldest_waiting_at for s in services if s.oldest_waiting_at), default=None),
            counts=sum((service.counts for service in services), Counts()),
            variant=services[0].variant if services else DEFAULT_VARIANT,
            threshold_seconds=_common([service.threshold_seconds for service in services]),
            short_abandon_seconds=_common([service.short_abandon_seconds for service in services]),
        )

    def agents_by_state(self, team_id: UUID | None = None) -> dict[str, int]:
        """How many agents are in each state, of one team or of all."""
        return dict(Counter(agent.state for agent in self.agents if team_id in (None, agent.team_id)))


def read_live(tenant_id: UUID, *, variant: Variant = DEFAULT_VARIANT) -> Live:
    """Read the tenant's queues, teams, agents and open contacts: six statements, whatever their number."""
    tenant, now = Tenant.objects.get(id=tenant_id), db_now()
    day = Day.at(now, tenant.zone)
    parameters = {"tenant": tenant_id, "begins": day.begins, "ends": day.ends}
    return Live(
        at=now,
        day=day,
        language=tenant.language,
        queues=[_queue(QueueRow(*row), variant) for row in run_query(SQL / "queues.sql", parameters)],
        agents=[AgentNow(*row) for row in run_query(SQL / "agents.sql", parameters)],
        contacts=[ContactNow(*row) for row in run_query(SQL / "contacts.sql", parameters)],
        teams=[TeamToday(*row) for row in run_query(SQL / "teams.sql", parameters)],
    )


class QueueRow(NamedTuple):
    """A row of queues.sql."""

    id: UUID
    name: str
    unserved: bool
    target_seconds: int
    short_abandon_seconds: int
    waiting: int
    oldest_waiting_at: dt.datetime | None
    offered: int
    answered: int
    answered_in_time: int
    abandoned: int
    abandoned_in_time: int
    short_abandoned: int
    wait_s: float
    handled: int
    handle_s: float


def _queue(row: QueueRow, variant: Variant) -> QueueNow:
    counts = Counts(
        offered=row.offered,
        answered=row.answered,
        answered_in_time=row.answered_in_time,
        abandoned=row.abandoned,
        abandoned_in_time=row.abandoned_in_time,
        short_abandoned=row.short_abandoned,
        wait_s=row.wait_s,
        handled=row.handled,
        handle_s=row.handle_s,
    )
    return QueueNow(
        id=row.id,
        name=row.name,
        unserved=row.unserved,
        service=Service(
            waiting=row.waiting,
            oldest_waiting_at=row.oldest_waiting_at,
            counts=counts,
            variant=variant,
            threshold_seconds=row.target_seconds,
            short_abandon_seconds=row.short_abandon_seconds,
        ),
    )


def _common(values: Sequence[int | None]) -> int | None:
    return values[0] if values and len(set(values)) == 1 else None
