"""WHO, WHAT and WHERE at login: what is found, and each refusal."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, make_password

from agents.public import (
    Agent,
    AgentSession,
    AgentSkill,
    NotReadyReason,
    Slot,
    Station,
    log_in_agent,
    log_out,
)
from agents.services.login import seat_agent
from tenants.public import CSP_TENANT_ID, Conflict, Event, Forbidden, HotseatError, Invalid, Tenant, tenant_scope
from tests.factories import (
    ACTOR,
    PASSWORD,
    entitle,
    make_agent,
    make_session,
    make_site,
    make_station,
    make_tenant,
    reread,
    slot_of,
)


def log_in(tenant: Tenant, agent: Agent, **changes: Any) -> AgentSession:
    call: dict[str, Any] = {"number": agent.number, "password": PASSWORD, "ip_address": "10.0.0.9", **changes}
    return log_in_agent(tenant_id=tenant.id, **call)


def refusal(tenant: Tenant, agent: Agent, **changes: Any) -> HotseatError:
    with pytest.raises(HotseatError) as refused:
        log_in(tenant, agent, **changes)
    return refused.value


def open_sessions(tenant: Tenant) -> int:
    with tenant_scope(tenant.id, read_only=True):
        return int(AgentSession.objects.filter(logged_out_at__isnull=True).count())


def test_it_finds_what_and_where(acme: Tenant) -> None:
    station = make_station(acme, ip_address="10.0.0.9")
    agent = make_agent(acme, name="李娜 🎧", skills={"loans": 5, "english": 3})
    session = reread(log_in(acme, agent))
    assert (session.agent_id, session.station_id, session.profile.key) == (agent.id, station.id, "english=3,loans=5")
    assert session.profile.skills == {"english": 3, "loans": 5}
    assert session.reason is not None
    assert (session.state, session.reason.system_code, session.presence_at) == ("not_ready", "logged_in", None)
    slot = slot_of(session)
    assert (slot.channel, slot.open, slot.held, slot.profile_id) == ("voice", False, False, session.profile_id)
    with tenant_scope(acme.id, read_only=True):
        event = Event.objects.get(aggregate_id=session.id)
    assert (event.type, event.seq, event.actor, event.occurred_at) == (
        "agent.logged_in",
        1,
        f"agent:{agent.id}",
        session.logged_in_at,
    )
    assert event.data == {
        "agent": str(agent.id),
        "station": str(station.id),
        "profile": str(session.profile_id),
        "state": "not_ready",
        "reason": str(session.reason_id),
    }


def test_the_extension_wins_over_the_address(acme: Tenant) -> None:
    make_station(acme, ip_address="10.0.0.9")
    chosen = make_station(acme, extension="2002")
    assert log_in(acme, make_agent(acme), extension=" 2002 ").station_id == chosen.id


def test_an_ipv6_workstation_is_found_however_it_is_written(acme: Tenant) -> None:
    station = make_station(acme, ip_address="2001:db8::9")
    assert log_in(acme, make_agent(acme), ip_address="2001:0db8:0:0::9").station_id == station.id


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"password": ""},
        {"number": "nobody"},
        {"number": ""},
        {"number": "70\x0001"},
        {"number": "7' OR 1=1 --"},
        {"number": "９９９"},
    ],
)
def test_who_tells_nobody_which_half_was_wrong(acme: Tenant, changes: dict[str, str]) -> None:
    make_station(acme, ip_address="10.0.0.9")
    error = refusal(acme, make_agent(acme), **changes)
    assert isinstance(error, Forbidden)
    assert (error.code, error.status, error.data) == ("who-unknown", 403, {})


def test_an_unknown_number_costs_as_much_hashing_as_a_wrong_password(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(acme)
    hashed: list[str] = []

    def making(password: str) -> str:
        hashed.append(password)
        return make_password(password)

    def checking(password: str, encoded: str) -> bool:
        hashed.append(password)
        return check_password(password, encoded)

    monkeypatch.setattr("agents.services.login.make_password", making)
    monkeypatch.setattr("agents.services.login.check_password", checking)
    refusal(acme, agent, number="nobody", password="a")
    refusal(acme, agent, password="b")
    assert hashed == ["a", "b"]


def test_an_agent_of_another_tenant_does_not_exist(acme: Tenant, globex: Tenant) -> None:
    make_station(acme, ip_address="10.0.0.9")
    assert refusal(acme, make_agent(globex)).code == "who-unknown"


def test_an_unknown_tenant_is_told_like_a_wrong_password(acme: Tenant) -> None:
    agent = make_agent(acme)
    with pytest.raises(Forbidden) as refused:
        log_in_agent(tenant_id=agent.id, number=agent.number, password=PASSWORD, ip_address="10.0.0.9")
    assert refused.value.code == "who-unknown"


def test_an_inactive_agent_is_refused_only_after_the_right_password(acme: Tenant) -> None:
    agent = make_agent(acme)
    with tenant_scope(acme.id):
        Agent.objects.filter(id=agent.id).update(active=False)
    assert refusal(acme, agent).code == "agent-inactive"
    assert refusal(acme, agent, password="wrong").code == "who-unknown"


def test_a_suspended_tenant_is_refused() -> None:
    tenant = make_tenant(status=Tenant.Status.SUSPENDED)
    make_station(tenant, ip_address="10.0.0.9")
    error = refusal(tenant, make_agent(tenant))
    assert (error.code, error.status) == ("tenant-suspended", 403)
    assert open_sessions(tenant) == 0


def test_an_agent_without_a_skill_is_refused(acme: Tenant) -> None:
    make_station(acme, ip_address="10.0.0.9")
    error = refusal(acme, make_agent(acme, number="7001", skills={}))
    assert (error.code, error.status, error.data) == ("agent-has-no-skill", 409, {"number": "7001"})


@pytest.mark.parametrize(
    ("where", "looked_for"),
    [
        ({"extension": "9999"}, "9999"),
        ({"extension": "二〇"}, "二〇"),
        ({"extension": "1\x00"}, "1\x00"),
        ({"ip_address": "192.0.2.1"}, "192.0.2.1"),
        ({"ip_address": "not an address"}, "not an address"),
        ({"ip_address": ""}, ""),
    ],
)
def test_an_unknown_seat_lists_the_tenants_free_ones(
    acme: Tenant, globex: Tenant, where: dict[str, str], looked_for: str
) -> None:
    site = make_site(acme, "北京")
    free = make_station(acme, extension="1001", site=site, ip_address="10.0.0.9")
    make_session(acme, station=make_station(acme, extension="1002", site=site))
    make_station(globex, extension="1003", ip_address="192.0.2.1")
    error = refusal(acme, make_agent(acme), **where)
    assert isinstance(error, Invalid)
    assert (error.code, error.status) == ("station-unknown", 422)
    assert error.data == {
        "looked_for": looked_for,
        "stations": [{"id": str(free.id), "extension": "1001", "site": "北京"}],
    }


def test_a_taken_station_names_who_sits_there(acme: Tenant) -> None:
    """kazoo#2464: one open session a station."""
    station = make_station(acme, extension="1001")
    make_session(acme, agent=make_agent(acme, number="7001", name="王芳 😀"), station=station)
    error = refusal(acme, make_agent(acme), extension="1001")
    assert isinstance(error, Conflict)
    assert (error.code, error.status) == ("station-taken", 409)
    assert error.data == {"extension": "1001", "agent_number": "7001", "agent_name": "王芳 😀"}
    assert "王芳 😀" in error.message


def test_a_second_login_names_where_the_first_is(acme: Tenant) -> None:
    """kazoo#5689: one open session an agent."""
    agent = make_agent(acme)
    first = make_session(acme, agent=agent, station=make_station(acme, extension="1001"))
    make_station(acme, extension="1002")
    error = refusal(acme, agent, extension="1002")
    assert (error.code, error.status) == ("already-logged-in", 409)
    assert error.data == {"session_id": str(first.id), "extension": "1001", "site": "Main house", "wanted": "1002"}


@pytest.mark.parametrize("where", [{"extension": "1001"}, {"ip_address": "10.0.0.9"}])
def test_who_comes_back_to_the_same_station_goes_on_with_the_open_session(acme: Tenant, where: dict[str, str]) -> None:
    """chatwoot#7204: whose browser died is not locked out."""
    agent, station = make_agent(acme), make_station(acme, extension="1001", ip_address="10.0.0.9")
    first = make_session(acme, agent=agent, station=station, ready=True)
    again = seat_agent(
        tenant_id=acme.id,
        number=agent.number,
        password=PASSWORD,
        ip_address=where.get("ip_address", ""),
        extension=where.get("extension", ""),
    )
    assert (again.resumed, again.session.id, again.session.state) == (True, first.id, "ready")
    assert open_sessions(acme) == 1
    with tenant_scope(acme.id, read_only=True):
        event = Event.objects.filter(aggregate_id=first.id).latest("seq")
    assert (event.type, event.actor, event.data) == (
        "agent.session_resumed",
        f"agent:{agent.id}",
        {"station": str(station.id)},
    )


def test_a_wrong_password_resumes_nothing(acme: Tenant) -> None:
    agent, station = make_agent(acme), make_station(acme, extension="1001")
    first = make_session(acme, agent=agent, station=station)
    assert refusal(acme, agent, extension="1001", password="wrong").code == "who-unknown"
    assert reread(first).version == first.version


def test_a_session_goes_on_when_all_seats_are_in_use(acme: Tenant) -> None:
    entitle(acme, seats=1)
    agent, station = make_agent(acme), make_station(acme, extension="1001")
    first = make_session(acme, agent=agent, station=station)
    assert log_in(acme, agent, extension="1001").id == first.id


def test_who_has_lost_the_seat_is_offered_it_again(acme: Tenant) -> None:
    agent = make_agent(acme)
    make_session(acme, agent=agent, station=make_station(acme, extension="1001"))
    make_session(acme, station=make_station(acme, extension="1002"))
    stations = refusal(acme, agent, ip_address="192.0.2.1").data["stations"]
    assert [station["extension"] for station in stations] == ["1001"]


def test_a_session_elsewhere_is_taken_over(acme: Tenant) -> None:
    entitle(acme, seats=1)
    agent = make_agent(acme)
    left, taken = make_station(acme, extension="1001"), make_station(acme, extension="1002")
    first = make_session(acme, agent=agent, station=left, ready=True)
    second = log_in(acme, agent, extension="1002", take_over=True)
    assert (second.station_id, second.state) == (taken.id, "not_ready")
    assert second.id != first.id
    assert (reread(first).state, open_sessions(acme)) == ("logged_out", 1)
    assert slot_of(first).open is False
    with tenant_scope(acme.id, read_only=True):
        events = list(Event.objects.filter(aggregate_id=first.id).order_by("seq").values_list("type", "data"))
    assert [event_type for event_type, _data in events[-2:]] == ["agent.session_taken_over", "agent.state_changed"]
    assert events[-2][1] == {"station": str(left.id), "new_station": str(taken.id)}


def test_nothing_is_taken_over_in_the_middle_of_a_contact(acme: Tenant) -> None:
    agent = make_agent(acme)
    first = make_session(acme, agent=agent, station=make_station(acme, extension="1001"), ready=True)
    make_station(acme, extension="1002")
    with tenant_scope(acme.id):
        Slot.objects.filter(session_id=first.id).update(held=True)
    error = refusal(acme, agent, extension="1002", take_over=True)
    assert (error.code, error.status, error.data) == ("contact-in-progress", 409, {"extension": "1001"})
    assert (reread(first).version, open_sessions(acme)) == (first.version, 1)


def test_a_take_over_that_is_refused_leaves_the_old_session(acme: Tenant) -> None:
    agent = make_agent(acme)
    first = make_session(acme, agent=agent, station=make_station(acme, extension="1001"))
    make_session(acme, station=make_station(acme, extension="1002"))
    assert refusal(acme, agent, extension="1002", take_over=True).code == "station-taken"
    assert (reread(first).state, reread(first).version) == ("not_ready", first.version)


def test_a_take_over_with_nothing_to_take_over_is_a_login(acme: Tenant) -> None:
    make_station(acme, extension="1002")
    assert log_in(acme, make_agent(acme), extension="1002", take_over=True).state == "not_ready"


def test_two_tenants_may_use_the_same_extension_and_number(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        make_station(tenant, extension="1001", ip_address="10.0.0.9")
        log_in(tenant, make_agent(tenant, number="7001"))
    assert (open_sessions(acme), open_sessions(globex)) == (1, 1)


def test_seats_are_limited_by_entitlement(acme: Tenant) -> None:
    entitle(acme, seats=1)
    first = make_session(acme)
    make_station(acme, extension="1002")
    late = make_agent(acme)
    error = refusal(acme, late, extension="1002")
    assert isinstance(error, Forbidden)
    assert (error.code, error.status, error.data) == ("seats-exhausted", 403, {"limit": 1, "used": 1})
    log_out(tenant_id=acme.id, session_id=first.id, actor=ACTOR)
    assert log_in(acme, late, extension="1002").state == "not_ready"


def test_no_entitlement_is_no_seat() -> None:
    tenant = make_tenant(seats=None)
    make_station(tenant, ip_address="10.0.0.9")
    assert refusal(tenant, make_agent(tenant)).data == {"limit": 0, "used": 0}


def test_another_tenants_seats_are_its_own(acme: Tenant, globex: Tenant) -> None:
    entitle(acme, seats=1)
    make_session(globex)
    assert make_session(acme).state == "not_ready"


def test_a_refused_login_leaves_nothing(acme: Tenant) -> None:
    entitle(acme, seats=0)
    make_station(acme, ip_address="10.0.0.9")
    refusal(acme, make_agent(acme))
    with tenant_scope(acme.id, read_only=True):
        assert (AgentSession.objects.count(), Slot.objects.count(), Event.objects.count()) == (0, 0, 0)


def test_each_login_makes_sure_of_the_systems_reasons(acme: Tenant) -> None:
    session = make_session(acme)
    with tenant_scope(acme.id):
        log_out_reasons = NotReadyReason.objects.exclude(system_code="logged_in")
        log_out_reasons.delete()
    log_out(tenant_id=acme.id, session_id=session.id, actor=ACTOR)
    make_session(acme)
    with tenant_scope(acme.id, read_only=True):
        codes = set(NotReadyReason.objects.values_list("system_code", flat=True))
    assert codes == set(NotReadyReason.System.values)


def test_skills_are_read_at_each_login(acme: Tenant) -> None:
    agent = make_agent(acme, skills={"english": 3})
    first = make_session(acme, agent=agent)
    log_out(tenant_id=acme.id, session_id=first.id, actor=ACTOR)
    with tenant_scope(acme.id):
        AgentSkill.objects.filter(agent_id=agent.id).update(proficiency=4)
    second = make_session(acme, agent=agent)
    assert (reread(first).profile.key, reread(second).profile.key) == ("english=3", "english=4")


def test_logging_out_frees_the_station_and_can_be_repeated(acme: Tenant) -> None:
    station = make_station(acme)
    session = make_session(acme, station=station, ready=True)
    for _ in range(2):
        over = log_out(tenant_id=acme.id, session_id=session.id, actor=ACTOR)
        assert (over.state, over.logged_out_at is None) == ("logged_out", False)
    assert reread(session).version == over.version == 3
    assert slot_of(session).open is False
    make_session(acme, station=station)


def test_nobody_logs_out_of_a_contact(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    with tenant_scope(acme.id):
        Slot.objects.filter(session_id=session.id).update(held=True)
    with pytest.raises(Conflict) as refused:
        log_out(tenant_id=acme.id, session_id=session.id, actor=ACTOR)
    assert refused.value.code == "contact-in-progress"
    assert reread(session).logged_out_at is None


def test_another_tenants_session_does_not_exist(acme: Tenant, globex: Tenant) -> None:
    session = make_session(globex)
    for tenant_id in (acme.id, CSP_TENANT_ID):
        with pytest.raises(HotseatError) as refused:
            log_out(tenant_id=tenant_id, session_id=session.id, actor=ACTOR)
        assert (refused.value.code, refused.value.status) == ("session-unknown", 404)
    assert reread(session).logged_out_at is None


def test_stations_of_another_tenant_stay_hidden_by_the_database(acme: Tenant, globex: Tenant) -> None:
    make_station(globex)
    with tenant_scope(acme.id, read_only=True):
        assert list(Station.objects.raw("SELECT * FROM agents_station")) == []
        assert list(Agent.objects.raw("SELECT * FROM agents_agent")) == []
