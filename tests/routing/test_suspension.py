"""A tenant is suspended while calls run and callers wait: they are served, and nobody else comes in."""

from __future__ import annotations

from typing import Any

import pytest

from agents.public import log_in_agent
from routing.models import Contact
from routing.services.arrive import arrive_call
from routing.states import ContactState
from tenants.public import Event, Forbidden, Tenant, tenant_scope
from tenants.services.tenancy import suspend_tenant
from tenants.timers import fire_due_timers
from tests.agents.wrapping import in_wrap_up, overdue
from tests.factories import ACTOR, PASSWORD, make_agent, make_station, make_tenant
from tests.routing.calls import NODE, Line, arrived, call, make_line


@pytest.fixture
def line() -> Line:
    return make_line(make_tenant())


def state_of(tenant: Tenant) -> str:
    with tenant_scope(tenant.id, read_only=True):
        state: str = Contact.objects.get().state
    return state


def test_who_waits_is_served_by_who_is_logged_in(line: Line) -> None:
    busy = in_wrap_up(line.tenant)
    call(line.number)
    assert state_of(line.tenant) == ContactState.QUEUED
    suspend_tenant(tenant_id=line.tenant.id, actor=ACTOR)
    overdue(busy)
    fire_due_timers()
    assert state_of(line.tenant) == ContactState.OFFERED


def test_new_calls_are_turned_away_and_nobody_logs_in(line: Line) -> None:
    agent, station = make_agent(line.tenant), make_station(line.tenant)
    who: dict[str, Any] = {"tenant_id": line.tenant.id, "number": agent.number, "password": PASSWORD, "ip_address": ""}
    log_in_agent(**who, extension=station.extension)
    suspend_tenant(tenant_id=line.tenant.id, actor=ACTOR)
    assert arrive_call(node=NODE, event=arrived(line.number)) is None
    with pytest.raises(Forbidden) as refused:
        log_in_agent(**who, extension=station.extension)
    assert refused.value.code == "tenant-suspended", "not even to go on with a session"
    with tenant_scope(line.tenant.id, read_only=True):
        assert not Contact.objects.exists()
        assert Event.objects.get(type="interaction.rejected").data["why"] == "tenant-suspended"
