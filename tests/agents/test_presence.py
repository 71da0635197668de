"""Desks that fall silent and phones that go away."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from agents.public import (
    AgentSession,
    Slot,
    Station,
    log_out,
    mark_endpoint,
    sweep_presence,
    touch_presence,
)
from agents.services import presence
from tenants.public import Event, Tenant, db_now, tenant_scope
from tenants.services.tenancy import resume_tenant, suspend_tenant
from tests.agents.wrapping import in_wrap_up
from tests.factories import ACTOR, make_session, make_station, reread, slot_of


def present(session: AgentSession, *, seconds_ago: float) -> None:
    """Have the session's desk last seen that long ago."""
    with tenant_scope(session.tenant_id):
        at = db_now() - timedelta(seconds=seconds_ago)
        AgentSession.objects.filter(id=session.id).update(presence_at=at)


def now_of(tenant: Tenant) -> datetime:
    with tenant_scope(tenant.id, read_only=True):
        return db_now()


def code_of(session: AgentSession) -> str:
    row = reread(session)
    return f"{row.state} {row.reason.system_code if row.reason else '-'}"


def test_a_silent_desk_makes_the_agent_not_ready_after_the_grace(
    acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    """chatwoot#7204: no work for agents who went away."""
    gone, here = make_session(acme, ready=True), make_session(acme, ready=True)
    present(gone, seconds_ago=61)
    present(here, seconds_ago=50)
    assert sweep_presence(grace_seconds=60) == 1
    assert (code_of(gone), slot_of(gone).open) == ("not_ready away", False)
    assert (code_of(here), slot_of(here).open) == ("ready -", True)
    assert reread(gone).logged_out_at is None
    assert caplog.messages.count("an agent's desk is gone: away") == 1
    assert sweep_presence(grace_seconds=60) == 0


def test_the_agents_of_a_suspended_tenant_are_not_called_away(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    present(session, seconds_ago=300)
    suspend_tenant(tenant_id=acme.id, actor=ACTOR)
    assert sweep_presence() == 0
    assert code_of(session) == "ready -"
    resume_tenant(tenant_id=acme.id, actor=ACTOR)
    assert sweep_presence() == 1
    assert code_of(session) == "not_ready away"


def test_a_touch_within_the_grace_keeps_the_agent(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    present(session, seconds_ago=300)
    assert touch_presence(tenant_id=acme.id, session_id=session.id) is True
    assert sweep_presence() == 0


def test_a_session_without_a_desk_is_never_called_away(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    assert sweep_presence(grace_seconds=-1) == 0
    assert code_of(session) == "ready -"


def test_a_desk_that_comes_back_does_not_make_the_agent_ready(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    present(session, seconds_ago=61)
    sweep_presence()
    assert touch_presence(tenant_id=acme.id, session_id=session.id) is True
    assert code_of(session) == "not_ready away"


def test_a_wrap_up_goes_on_and_leads_to_away(acme: Tenant) -> None:
    session = in_wrap_up(acme)
    present(session, seconds_ago=61)
    assert (sweep_presence(), sweep_presence()) == (1, 0)
    after = reread(session)
    assert after.next_reason is not None
    assert (after.state, after.next_state, after.next_reason.system_code) == ("wrap_up", "not_ready", "away")


def test_a_call_outlasts_the_desk(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    with tenant_scope(acme.id):
        Slot.objects.filter(session_id=session.id).update(held=True)
    present(session, seconds_ago=61)
    sweep_presence()
    assert (code_of(session), slot_of(session).held) == ("not_ready away", True)


def test_the_sweep_pages_through_all_tenants(acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """river#1318: one full batch must not hide the rest."""
    monkeypatch.setattr(presence, "PAGE", 1)
    sessions = [make_session(tenant, ready=True) for tenant in (acme, globex, acme)]
    for session in sessions:
        present(session, seconds_ago=61)
    assert sweep_presence() == 3
    assert {code_of(session) for session in sessions} == {"not_ready away"}


def test_touching_what_is_over_or_foreign_is_told(acme: Tenant, globex: Tenant) -> None:
    session = make_session(acme)
    assert touch_presence(tenant_id=globex.id, session_id=session.id) is False
    log_out(tenant_id=acme.id, session_id=session.id, actor=ACTOR)
    assert touch_presence(tenant_id=acme.id, session_id=session.id) is False


def test_a_phone_that_goes_makes_its_ready_agent_not_ready(acme: Tenant) -> None:
    station = make_station(acme)
    session = make_session(acme, station=station, ready=True)
    at = now_of(acme)
    assert mark_endpoint(endpoint=station.endpoint, reachable=False, at=at) is True
    assert (code_of(session), slot_of(session).open) == ("not_ready unreachable", False)
    assert mark_endpoint(endpoint=station.endpoint, reachable=False, at=at) is False
    assert mark_endpoint(endpoint=station.endpoint, reachable=True, at=now_of(acme)) is True
    assert code_of(session) == "not_ready unreachable"
    with tenant_scope(acme.id, read_only=True):
        kept = Station.objects.get(id=station.id)
        events = list(Event.objects.filter(aggregate_id=session.id).order_by("seq").values_list("type", "seq"))
    assert (kept.reachable, kept.reachable_at is None) == (True, False)
    assert [name for name, _ in events] == [
        "agent.logged_in",
        "agent.state_changed",
        "station.reachable_changed",
        "agent.state_changed",
        "station.reachable_changed",
    ]
    assert [seq for _, seq in events] == [1, 2, 3, 4, 5]


def test_a_pause_keeps_its_reason_when_the_phone_goes(acme: Tenant) -> None:
    station = make_station(acme)
    session = make_session(acme, station=station)
    mark_endpoint(endpoint=station.endpoint, reachable=False, at=now_of(acme))
    assert code_of(session) == "not_ready logged_in"


def test_old_news_of_a_phone_is_dropped(acme: Tenant) -> None:
    station = make_station(acme)
    now = now_of(acme)
    assert mark_endpoint(endpoint=station.endpoint, reachable=False, at=now) is True
    assert mark_endpoint(endpoint=station.endpoint, reachable=True, at=now - timedelta(seconds=1)) is False
    with tenant_scope(acme.id, read_only=True):
        assert Station.objects.get(id=station.id).reachable is False


def test_a_station_where_nobody_sits_is_told_too(acme: Tenant, matched: list[UUID]) -> None:
    station = make_station(acme, reachable=False)
    assert mark_endpoint(endpoint=station.endpoint, reachable=True, at=now_of(acme)) is True
    with tenant_scope(acme.id, read_only=True):
        event = Event.objects.get(type="station.reachable_changed")
    assert event.data == {"station": str(station.id), "reachable": True}
    assert matched == []


def test_an_endpoint_that_is_no_station_is_nothing(acme: Tenant) -> None:
    assert mark_endpoint(endpoint="trunk-1", reachable=True, at=now_of(acme)) is False
