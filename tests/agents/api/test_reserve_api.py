"""Opening the reserve over the API and on its page: who may, and what is shown; and the class of an agent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from agents.public import Agent, AgentSession, change_agent
from tenants.public import Role, Tenant, db_now, engine_scope, tenant_scope
from tests.api import Api, assert_problem, program, signed_in
from tests.factories import PASSWORD, make_agent, make_session, make_skill, make_station, make_tenant, slot_of

CLOSED = {"opened_at": None, "until": None}


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def session(acme: Tenant) -> AgentSession:
    """An agent of the reserve, ready."""
    agent = make_agent(acme)
    change_agent(tenant_id=acme.id, agent_id=agent.id, reserve=True, actor="test")
    return make_session(acme, agent=agent, ready=True)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_it_is_opened_for_a_time_and_closed(acme: Tenant, session: AgentSession, role: str) -> None:
    api = program(acme, role=role)
    assert api.read("reserve/").json() == CLOSED
    with engine_scope(read_only=True):
        until = db_now() + timedelta(hours=1)
    answer = api.send("reserve/open/", {"until": until.isoformat()}).json()
    assert datetime.fromisoformat(answer["until"]) == until
    assert api.read("reserve/").json() == answer
    assert slot_of(session).open
    assert api.send("reserve/open/").json() == {**answer, "until": None}
    assert api.send("reserve/close/").json() == CLOSED
    assert not slot_of(session).open


def test_a_past_end_or_none_at_all_is_told(acme: Tenant) -> None:
    api = program(acme)
    problem = assert_problem(api.send("reserve/open/", {"until": "2020-01-01T00:00:00Z"}), 422, "invalid")
    assert problem["errors"][0]["pointer"] == "/until"
    assert_problem(api.send("reserve/open/", {"until": "soon"}), 422, "invalid")
    assert api.read("reserve/").json() == CLOSED


def test_an_agent_may_not_open_it_nor_another_tenant(acme: Tenant, session: AgentSession) -> None:
    agent, station, browser = make_agent(acme), make_station(acme), Api()
    body = {"tenant": acme.slug, "number": agent.number, "password": PASSWORD, "extension": station.extension}
    assert browser.send("agent-session/", body).status_code == 201
    for way in ("open", "close"):
        assert_problem(browser.send(f"reserve/{way}/"), 403, "missing-right")
    assert_problem(browser.read("reserve/"), 403, "missing-right")
    assert browser.get(reverse("reserve")).status_code == 403
    other = program(make_tenant())
    assert other.send("reserve/open/").status_code == 200
    assert not slot_of(session).open
    assert program(acme).read("reserve/").json() == CLOSED


def test_the_page_opens_sets_the_end_and_closes(acme: Tenant, session: AgentSession) -> None:
    browser = signed_in(acme, role=Role.SUPERVISOR)
    page = reverse("reserve")
    shown = browser.get(page).content.decode()
    assert ">closed<" in shown
    assert "1 agent is of the reserve; 1 at work, 1 ready." in shown
    assert browser.post(page, {"hours": ""}).status_code == 302
    assert slot_of(session).open
    assert browser.post(page, {"hours": "4"}).status_code == 302
    shown = browser.get(page).content.decode()
    assert ">open<" in shown
    assert ", until <" in shown
    assert browser.post(page, {"hours": "0"}).status_code == 422
    assert browser.post(page, {"close": ""}).status_code == 302
    assert not slot_of(session).open
    assert "后备" in browser.get(page, headers={"Accept-Language": "zh-hans"}).content.decode()


def test_an_agents_class_is_given_shown_filtered_and_changed(acme: Tenant) -> None:
    api = program(acme)
    make_skill(acme, "english")
    body = {"number": "7001", "name": "Bo", "password": PASSWORD, "skills": [{"skill": "english", "proficiency": 3}]}
    made = api.send("agents/", {**body, "reserve": True}).json()
    plain = api.send("agents/", {**body, "number": "7002"}).json()
    assert (made["reserve"], plain["reserve"]) == (True, False)
    assert [row["id"] for row in api.read("agents/?reserve=true").json()["results"]] == [made["id"]]
    assert api.change(f"agents/{made['id']}/", {"reserve": False}).json()["reserve"] is False
    assert api.change(f"agents/{made['id']}/", {"name": "Bob"}).json()["reserve"] is False


def test_the_administration_gives_and_changes_an_agents_class(acme: Tenant) -> None:
    browser = signed_in(acme)
    make_skill(acme, "english")
    fields = {"number": "7001", "name": "王芳", "password": PASSWORD, "skill-english": "3", "reserve": "on"}
    assert browser.post(reverse("admin:agents_agent_add"), fields).status_code == 302
    with tenant_scope(acme.id, read_only=True):
        agent = Agent.objects.get()
    assert agent.reserve
    change = reverse("admin:agents_agent_change", args=[agent.id])
    assert 'name="reserve"' in browser.get(change).content.decode()
    assert browser.post(change, {"name": "王芳", "active": "on", "skill-english": "3"}).status_code == 302
    with tenant_scope(acme.id, read_only=True):
        assert not Agent.objects.get().reserve
