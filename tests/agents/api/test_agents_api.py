"""Agents, skills, teams, sites, stations and reasons over the API, and the agent's own session."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agents.public import AgentSession, NotReadyReason, begin_wrap_up, lock_sessions, log_out
from tenants.public import Role, Tenant, db_now, tenant_scope, uuid7
from tests.api import Api, assert_problem, program
from tests.factories import (
    PASSWORD,
    make_agent,
    make_reason,
    make_session,
    make_site,
    make_skill,
    make_station,
    make_team,
    make_tenant,
)
from tests.statements import statements_sent


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def api(acme: Tenant) -> Api:
    return program(acme)


def log_in(
    tenant: Tenant, *, number: str, extension: str = "", password: str = PASSWORD, **options: Any
) -> tuple[Api, Any]:
    browser = Api(**options)
    body = {"tenant": tenant.slug, "number": number, "password": password, "extension": extension}
    return browser, browser.send("agent-session/", body)


def desk(tenant: Tenant, **options: Any) -> tuple[Api, str]:
    """A browser in which an agent is logged in, and the session's id."""
    agent, station = make_agent(tenant), make_station(tenant)
    browser, response = log_in(tenant, number=agent.number, extension=station.extension, **options)
    assert response.status_code == 201, response.content
    return browser, response.json()["id"]


# --- Staff -----------------------------------------------------------------------------------------------------------


def test_an_agent_is_made_with_number_password_and_skills(acme: Tenant, api: Api) -> None:
    make_skill(acme, "english"), make_skill(acme, "loans")
    team = make_team(acme)
    body = {
        "number": "7001",
        "name": "王芳",
        "password": PASSWORD,
        "team": str(team.id),
        "skills": [{"skill": "english", "proficiency": 3}, {"skill": "loans", "proficiency": 5}],
    }
    made = api.send("agents/", body)
    assert made.status_code == 201, made.content
    assert made.json().items() >= {"number": "7001", "name": "王芳", "team": str(team.id), "active": True}.items()
    assert sorted((row["skill"], row["proficiency"]) for row in made.json()["skills"]) == [("english", 3), ("loans", 5)]
    assert "password" not in made.json()
    station = make_station(acme)
    assert log_in(acme, number="7001", extension=station.extension)[1].status_code == 201
    assert_problem(api.send("agents/", body), 409, "agent-number-taken")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"number": "7 1"}, "/number"),
        ({"password": "123"}, "/password"),
        ({"skills": [{"skill": "nothing", "proficiency": 3}]}, "/skills/0/skill"),
        ({"skills": [{"skill": "english", "proficiency": 6}]}, "/skills/0/proficiency"),
        ({"skills": [{"skill": "english", "proficiency": 1}, {"skill": "english", "proficiency": 2}]}, "/skills"),
        ({"team": "00000000-0000-7000-8000-000000000009"}, "/team"),
        ({"name": ""}, "/name"),
    ],
)
def test_an_agent_with_a_fault_is_not_made(acme: Tenant, api: Api, change: dict[str, Any], pointer: str) -> None:
    make_skill(acme, "english")
    body = {"number": "7001", "name": "Bob", "password": PASSWORD, "skills": [{"skill": "english", "proficiency": 3}]}
    problem = api.send("agents/", {**body, **change})
    assert problem.status_code == 422, problem.content
    assert pointer in [fault["pointer"] for fault in problem.json()["errors"]]
    assert api.read("agents/").json()["results"] == []


def test_an_agent_changes(acme: Tenant, api: Api) -> None:
    agent, team = make_agent(acme, skills={"english": 3}), make_team(acme)
    make_skill(acme, "loans")
    body = {
        "name": "Eve",
        "team": str(team.id),
        "skills": [{"skill": "loans", "proficiency": 2}],
        "password": "new-Secret-77",
    }
    changed = api.change(f"agents/{agent.id}/", body).json()
    assert (changed["name"], changed["team"], changed["skills"]) == ("Eve", str(team.id), body["skills"])
    assert api.change(f"agents/{agent.id}/", {"team": None}).json()["team"] is None
    station = make_station(acme)
    assert log_in(acme, number=agent.number, extension=station.extension)[1].status_code == 403
    assert (
        log_in(acme, number=agent.number, extension=station.extension, password="new-Secret-77")[1].status_code == 201
    )


def test_deactivating_an_agent_logs_them_out(acme: Tenant, api: Api) -> None:
    browser, _session = desk(acme)
    agent = api.read("agents/").json()["results"][0]
    assert api.change(f"agents/{agent['id']}/", {"active": False}).json()["active"] is False
    assert_problem(browser.read("agent-session/"), 401, "not-authenticated")


def test_the_list_of_agents_takes_the_same_number_of_queries_however_long(acme: Tenant, api: Api) -> None:
    counts = []
    for _round in range(2):
        for _agent in range(3):
            make_agent(acme, skills={"english": 3, "loans": 2})
        api.read("agents/")
        with statements_sent() as queries:
            assert api.read("agents/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_station_gets_its_endpoint_from_its_extension(acme: Tenant, api: Api) -> None:
    site = make_site(acme)
    made = api.send("stations/", {"site": str(site.id), "extension": "1001", "ip_address": "192.0.2.7"}).json()
    assert made["endpoint"] == f"{acme.slug}-1001"
    problem = assert_problem(
        api.send("stations/", {"site": str(site.id), "extension": "1001", "endpoint": "x"}), 409, "taken"
    )
    assert problem["errors"][0]["pointer"] == "/extension"


def test_an_endpoint_that_another_tenant_has_is_taken(acme: Tenant, api: Api) -> None:
    theirs = make_station(make_tenant())
    body = {"site": str(make_site(acme).id), "extension": "1001", "endpoint": theirs.endpoint}
    assert_problem(api.send("stations/", body), 409, "taken")


def test_a_station_gets_another_telephone_when_nobody_sits_there(acme: Tenant, api: Api) -> None:
    station = make_station(acme)
    session = make_session(acme, station=station)
    path, body = f"stations/{station.id}/", {"endpoint": "other-phone", "extension": "4711"}
    problem = assert_problem(api.change(path, body), 409, "station-in-use")
    assert problem["agent_number"]
    shown = api.read(path).json()
    assert (shown["endpoint"], shown["extension"], shown["reachable"]) == (station.endpoint, station.extension, True)
    assert api.change(path, {"extension": "4711", "endpoint": station.endpoint}).json()["reachable"] is True
    log_out(tenant_id=acme.id, session_id=session.id, actor="user:test")
    changed = api.change(path, body).json()
    assert (changed["endpoint"], changed["reachable"], changed["reachable_at"]) == ("other-phone", False, None)


def test_a_skill_in_use_stays_with_its_code(acme: Tenant, api: Api) -> None:
    make_agent(acme, skills={"english": 3})
    skill = api.read("skills/").json()["results"][0]
    assert_problem(api.remove(f"skills/{skill['id']}/"), 409, "in-use")
    assert_problem(api.change(f"skills/{skill['id']}/", {"code": "englisch"}), 422, "invalid")
    assert api.change(f"skills/{skill['id']}/", {"name": "Englisch"}).json()["name"] == "Englisch"


def test_the_systems_own_reasons_stay(acme: Tenant, api: Api) -> None:
    desk(acme)
    system = next(row for row in api.read("not-ready-reasons/").json()["results"] if row["system_code"])
    assert_problem(api.remove(f"not-ready-reasons/{system['id']}/"), 409, "system-reason")
    assert_problem(api.change(f"not-ready-reasons/{system['id']}/", {"name": "x"}), 409, "system-reason")


# --- The agent's session ---------------------------------------------------------------------------------------------


def test_an_agent_logs_in_works_and_logs_out(acme: Tenant) -> None:
    reason = make_reason(acme)
    browser, session_id = desk(acme)
    shown = browser.read("agent-session/").json()
    assert (shown["id"], shown["state"], shown["skills"]) == (session_id, "not_ready", {"english": 3})
    assert browser.send("agent-session/ready/").json()["state"] == "ready"
    paused = browser.send("agent-session/not-ready/", {"reason": str(reason.id)}).json()
    assert (paused["state"], paused["reason"]["name"]) == ("not_ready", "Lunch")
    assert browser.read("me/").json()["agent_session"] == session_id
    assert browser.send("agent-session/logout/").status_code == 204
    assert_problem(browser.read("agent-session/"), 401, "not-authenticated")


def test_a_wrap_up_is_extended(acme: Tenant) -> None:
    browser, session_id = desk(acme)
    browser.send("agent-session/ready/")
    with tenant_scope(acme.id):
        (session,) = lock_sessions([UUID(session_id)]).values()
        now = db_now()
        begin_wrap_up(session, contact_id=uuid7(), until=now + timedelta(seconds=30), at=now)
    before = browser.read("agent-session/").json()
    after = browser.send("agent-session/wrap-up/extend/", {"seconds": 60}).json()
    assert before["state"] == "wrap_up"
    assert after["wrap_up_until"] > before["wrap_up_until"]
    assert_problem(browser.send("agent-session/wrap-up/extend/", {"seconds": 0}), 422, "invalid")


def test_a_browser_at_the_desk_needs_its_csrf_token(acme: Tenant) -> None:
    browser, _session = desk(acme, enforce_csrf_checks=True)
    assert_problem(browser.send("agent-session/ready/"), 403, "forbidden")
    token = browser.cookies["csrftoken"].value
    assert browser.send("agent-session/ready/", x_csrftoken=token).json()["state"] == "ready"


def test_log_in_says_what_is_wrong(acme: Tenant) -> None:
    agent, idle, station = make_agent(acme), make_agent(acme, skills={}), make_station(acme)
    assert_problem(log_in(acme, number=agent.number, password="wrong")[1], 403, "who-unknown")
    assert_problem(log_in(acme, number="9999")[1], 403, "who-unknown")
    assert_problem(log_in(acme, number=idle.number, extension=station.extension)[1], 409, "agent-has-no-skill")
    problem = assert_problem(log_in(acme, number=agent.number, extension="99")[1], 422, "station-unknown")
    assert [row["extension"] for row in problem["stations"]] == [station.extension]
    assert log_in(acme, number=agent.number, extension=station.extension)[1].status_code == 201
    body = {"tenant": "nobody", "number": agent.number, "password": PASSWORD}
    assert_problem(Api().send("agent-session/", body), 403, "who-unknown")


def test_an_agent_whose_browser_died_goes_on(acme: Tenant) -> None:
    agent, station = make_agent(acme), make_station(acme)
    first = log_in(acme, number=agent.number, extension=station.extension)[1]
    browser, second = log_in(acme, number=agent.number, extension=station.extension)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == browser.read("agent-session/").json()


def test_an_agent_moves_to_another_station(acme: Tenant) -> None:
    agent, left, wanted = make_agent(acme), make_station(acme), make_station(acme)
    old, first = log_in(acme, number=agent.number, extension=left.extension)
    who = {"number": agent.number, "extension": wanted.extension}
    problem = assert_problem(log_in(acme, **who)[1], 409, "already-logged-in")
    assert (problem["extension"], problem["wanted"]) == (left.extension, wanted.extension)
    body = {"tenant": acme.slug, "password": PASSWORD, "take_over": True, **who}
    second = Api().send("agent-session/", body)
    assert (second.status_code, second.json()["station"]["extension"]) == (201, wanted.extension)
    assert second.json()["id"] != first.json()["id"]
    assert_problem(old.read("agent-session/"), 401, "not-authenticated")


def test_an_agent_of_another_tenant_does_not_log_in_here(acme: Tenant) -> None:
    other = make_tenant()
    agent = make_agent(other)
    assert_problem(log_in(acme, number=agent.number, extension=make_station(acme).extension)[1], 403, "who-unknown")


def test_guessing_is_stopped(acme: Tenant, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    agent, station = make_agent(acme), make_station(acme)
    for _attempt in range(2):
        assert_problem(log_in(acme, number=agent.number, password="wrong")[1], 403, "who-unknown")
    assert_problem(log_in(acme, number=agent.number, password="wrong")[1], 429, "too-many-attempts")
    assert_problem(log_in(acme, number=agent.number, extension=station.extension)[1], 429, "too-many-attempts")
    other = make_agent(acme)
    assert log_in(acme, number=other.number, extension=station.extension)[1].status_code == 201


def test_a_foreign_reason_is_none(acme: Tenant) -> None:
    browser, _session = desk(acme)
    theirs = make_reason(make_tenant())
    problem = assert_problem(browser.send("agent-session/not-ready/", {"reason": str(theirs.id)}), 422, "invalid")
    assert problem["errors"][0]["pointer"] == "/reason"
    with tenant_scope(acme.id, read_only=True):
        assert AgentSession.objects.get().reason_id != theirs.id


def test_an_agent_administers_nothing(acme: Tenant) -> None:
    browser, _session = desk(acme)
    for path in ("agents/", "skills/", "queues/", "contacts/", "members/", "api-keys/"):
        assert_problem(browser.read(path), 403, "missing-right")


def test_others_have_no_session(acme: Tenant) -> None:
    make_session(acme)
    for path in ("ready/", "logout/"):
        assert_problem(program(acme, role=Role.SUPERVISOR).send(f"agent-session/{path}"), 403, "missing-right")
    with tenant_scope(acme.id, read_only=True):
        assert AgentSession.objects.get().state == "not_ready"
        assert NotReadyReason.objects.exists()
