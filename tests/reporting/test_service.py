"""Agents' service records: how the time went that they were logged in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connections

from agents.public import AgentSession, lock_sessions
from reporting.days import Day
from reporting.service import ServiceRecord, read_service
from tenants.public import Role, Tenant, engine_scope, record, tenant_scope
from tests.api import assert_problem, program
from tests.contact_rows import make_call, write_down
from tests.factories import make_agent, make_queue, make_reason, make_session, make_team, make_tenant

DAY = dt.date(2026, 3, 10)
NINE = dt.datetime(2026, 3, 10, 1, 0, tzinfo=dt.UTC)
"""Nine o'clock in Shanghai."""


def told(session: AgentSession, seconds: float, state: str, **data: Any) -> None:
    """Let the log tell that the session changed its state so many seconds after nine."""
    at = NINE + dt.timedelta(seconds=seconds)
    with engine_scope():
        row = lock_sessions([session.id])[session.id]
        data = {"state": state, "reason": None, **data}
        record("agent.state_changed", row, kind="agent_session", at=at, **data)
        AgentSession.objects.filter(id=row.id).update(version=row.version)


def logged_in(tenant: Tenant, **fields: Any) -> AgentSession:
    """A session that the log says began at nine."""
    session = make_session(tenant, **fields)
    write_down()
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("UPDATE reporting_sessionrecord SET logged_in_at = %s WHERE id = %s", [NINE, session.id])
        cursor.execute("UPDATE reporting_stretch SET started_at = %s WHERE session_id = %s", [NINE, session.id])
    return session


def service(tenant: Tenant, date: dt.date = DAY, **wanted: Any) -> list[ServiceRecord]:
    with tenant_scope(tenant.id, read_only=True):
        return read_service(tenant.id, Day(date, tenant.zone), **wanted)


def test_the_kinds_share_the_time_that_an_agent_was_logged_in() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    queue, team, lunch = make_queue(tenant), make_team(tenant, "Loans"), make_reason(tenant, "Lunch")
    session = logged_in(tenant, agent=make_agent(tenant, team=team, number="7001"))
    told(session, 60, "ready")
    # Rung from 98 s, talking from 100 to 160 s, wrap-up until 190 s; a pause was asked for at 120 s.
    told(session, 120, "not_ready", reason=str(lunch.id))
    make_call(tenant, queue, session, at=NINE + dt.timedelta(seconds=90), wait=10, talk=60, wrap_up=30)
    told(session, 190, "not_ready", reason=str(lunch.id))
    told(session, 250, "ready")
    told(session, 300, "logged_out")
    write_down()

    (found,) = service(tenant)

    assert (found.name, found.number, found.team, found.logins) == ("Bob", "7001", "Loans", 1)
    assert (found.first_login, found.last_logout) == (NINE, NINE + dt.timedelta(seconds=300))
    spent = {
        "ready": found.ready_s, "ringing": found.ringing_s, "talking": found.talking_s, "hold": found.hold_s,
        "wrap_up": found.wrap_up_s, "not_ready": found.all_not_ready_s,
    }  # fmt: skip
    assert spent == {"ready": 88, "ringing": 2, "talking": 60, "hold": 0, "wrap_up": 30, "not_ready": 120}
    assert found.logged_in_s == sum(spent.values()) == 300
    assert found.not_ready_s["Lunch"] == 60
    assert (found.offered, found.missed, found.answered) == (1, 0, 1)
    assert found.occupancy == 90 / 180


def test_a_session_across_midnight_is_shared_by_the_two_days() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    session = logged_in(tenant)
    midnight = 15 * 3600
    told(session, 0, "ready")
    told(session, midnight + 100, "logged_out")
    write_down()

    (first,), (second,) = service(tenant), service(tenant, DAY + dt.timedelta(days=1))

    assert (first.logged_in_s, first.ready_s) == (midnight, midnight)
    assert (second.logged_in_s, second.ready_s) == (100, 100)
    assert service(tenant, DAY + dt.timedelta(days=2)) == []


def test_a_day_on_which_the_clocks_change_has_its_own_length() -> None:
    tenant = make_tenant(time_zone="Europe/Berlin")
    session = logged_in(tenant)
    told(session, 0, "ready")
    told(session, 60 * 86400, "logged_out")
    write_down()

    hours = {date: service(tenant, date)[0].logged_in_s / 3600 for date in (dt.date(2026, 3, 28), dt.date(2026, 3, 29))}
    assert hours == {dt.date(2026, 3, 28): 24, dt.date(2026, 3, 29): 23}


def test_one_team_is_shown_and_nothing_of_another_tenant() -> None:
    tenant, other = make_tenant(), make_tenant()
    team = make_team(tenant)
    inside, outside = logged_in(tenant, agent=make_agent(tenant, team=team)), logged_in(tenant)
    logged_in(other)

    assert {found.agent_id for found in service(tenant)} == {inside.agent_id, outside.agent_id}
    assert [found.agent_id for found in service(tenant, team_id=team.id)] == [inside.agent_id]


def test_service_records_over_the_api() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    session = logged_in(tenant)
    told(session, 100, "logged_out")
    write_down()
    api = program(tenant)

    found = api.read("service-records/?date=2026-03-10").json()

    assert (found["date"], found["begins"], found["ends"]) == (
        "2026-03-10", "2026-03-09T16:00:00Z", "2026-03-10T16:00:00Z",
    )  # fmt: skip
    (agent,) = found["agents"]
    assert (agent["agent"], agent["logged_in_s"], agent["ready_s"]) == (str(session.agent_id), 100.0, 0.0)
    assert list(agent["not_ready_s"].values()) == [100.0]
    assert agent["occupancy"] is None
    assert api.read("service-records/?date=2026-03-09").json()["agents"] == []
    assert_problem(api.read("service-records/?date=yesterday"), 422, "invalid")
    assert_problem(program(tenant, role=Role.AGENT).read("service-records/"), 403, "missing-right")
