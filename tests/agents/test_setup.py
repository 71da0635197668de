"""Making agents and stations, and changing what agents can do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from agents.public import (
    Agent,
    AgentSkill,
    NotReadyReason,
    SkillProfile,
    Slot,
    Station,
    change_agent,
    create_agent,
    create_station,
    ensure_profile,
    prepare_tenant,
    profile_hooks,
    profile_key,
    update_agent_skills,
)
from agents.services.skills import remove_skill
from tenants.public import Event, HotseatError, Membership, Tenant, User, tenant_scope, uuid7
from tests.factories import (
    ACTOR,
    PASSWORD,
    make_agent,
    make_session,
    make_site,
    make_skill,
    make_station,
    make_team,
    reread,
    slot_of,
)


def agent_call(tenant: Tenant, **changes: Any) -> Agent:
    call: dict[str, Any] = {"number": "7001", "name": "Bob", "password": PASSWORD, "skills": {}, "actor": ACTOR}
    return create_agent(tenant_id=tenant.id, **call | changes)


def refusal(error: pytest.ExceptionInfo[HotseatError]) -> tuple[str, int]:
    return error.value.code, error.value.status


@pytest.mark.nodb
@pytest.mark.parametrize(
    ("skills", "key"),
    [
        ({}, ""),
        ({"english": 3}, "english=3"),
        ({"loans": 5, "english": 3}, "english=3,loans=5"),
        ({"english": 3, "loans": 5}, "english=3,loans=5"),
        ({"a-b": 1, "a": 2, "a_b": 3}, "a=2,a-b=1,a_b=3"),
    ],
)
def test_equal_skills_have_one_canonical_form(skills: dict[str, int], key: str) -> None:
    assert profile_key(skills) == key


def test_equal_profiles_are_one_row_and_are_judged_once(acme: Tenant, globex: Tenant) -> None:
    judged: list[UUID] = []
    profile_hooks.append(lambda profile: judged.append(profile.id))
    try:
        first = ensure_profile(tenant_id=acme.id, skills={"loans": 5, "english": 3})
        again = ensure_profile(tenant_id=acme.id, skills={"english": 3, "loans": 5})
        other = ensure_profile(tenant_id=globex.id, skills={"english": 3, "loans": 5})
    finally:
        profile_hooks.pop()
    assert (first.id, first.skills) == (again.id, {"english": 3, "loans": 5})
    assert judged == [first.id, other.id]


def test_a_profile_that_cannot_be_judged_is_not_kept(acme: Tenant) -> None:
    def fail(_profile: SkillProfile) -> None:
        raise RuntimeError("no verdict")

    profile_hooks.append(fail)
    try:
        with pytest.raises(RuntimeError, match="no verdict"):
            ensure_profile(tenant_id=acme.id, skills={"english": 3})
    finally:
        profile_hooks.pop()
    with tenant_scope(acme.id, read_only=True):
        assert SkillProfile.objects.count() == 0


def test_an_agent_is_a_person_with_a_membership_and_skills(acme: Tenant) -> None:
    make_skill(acme, "english")
    team = make_team(acme, "客服一组")
    agent = agent_call(acme, name="李娜 🎧", skills={"english": 4}, team_id=team.id)
    with tenant_scope(acme.id, read_only=True):
        kept = Agent.objects.select_related("user").get(id=agent.id)
        assert (str(kept), kept.team_id, kept.user.email) == ("7001 李娜 🎧", team.id, None)
        assert kept.user.check_password(PASSWORD)
        assert list(Membership.objects.filter(user=kept.user).values_list("role", flat=True)) == ["agent"]
        assert list(AgentSkill.objects.values_list("skill__code", "proficiency")) == [("english", 4)]


def test_an_agent_number_is_taken_once_a_tenant(acme: Tenant, globex: Tenant) -> None:
    agent_call(acme)
    agent_call(globex)
    with pytest.raises(HotseatError) as refused:
        agent_call(acme, name="Carol")
    assert refusal(refused) == ("agent-number-taken", 409)
    with tenant_scope(acme.id, read_only=True):
        assert not User.objects.filter(name="Carol").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": "七〇〇一"}, "number"),
        ({"number": "7" * 17}, "number"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"number": "7001\n"}, "number"),
        ({"password": "12345678"}, "password"),
        ({"team_id": uuid7()}, "team"),
    ],
)
def test_each_wrong_field_of_an_agent_is_named(acme: Tenant, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(HotseatError) as refused:
        agent_call(acme, **changes)
    assert refusal(refused) == ("invalid", 422)
    assert set(refused.value.data["errors"]) == {field}
    with tenant_scope(acme.id, read_only=True):
        assert Agent.objects.count() == 0


def test_all_wrong_skills_are_listed(acme: Tenant, globex: Tenant) -> None:
    make_skill(acme, "english")
    make_skill(acme, "loans")
    make_skill(globex, "secret")
    with pytest.raises(HotseatError) as refused:
        agent_call(acme, skills={"english": 6, "loans": True, "secret": 3, "mortgage": 2})
    assert refusal(refused) == ("skills-unknown", 422)
    assert refused.value.data["errors"] == {
        "english": "1 to 5",
        "loans": "1 to 5",
        "secret": "unknown",
        "mortgage": "unknown",
    }


def test_new_skills_reach_the_open_session_at_once(acme: Tenant, matched: list[UUID]) -> None:
    agent = make_agent(acme, skills={"english": 3})
    session = make_session(acme, agent=agent, ready=True)
    make_skill(acme, "loans")
    matched.clear()
    update_agent_skills(tenant_id=acme.id, agent_id=agent.id, skills={"loans": 5, "english": 4}, actor=ACTOR)
    after = reread(session)
    assert after.profile.key == "english=4,loans=5"
    assert slot_of(session).profile_id == after.profile_id
    assert (after.state, after.version, matched) == ("ready", 3, [acme.id])
    with tenant_scope(acme.id, read_only=True):
        event = Event.objects.get(aggregate_id=session.id, seq=3)
        kept = dict(AgentSkill.objects.filter(agent_id=agent.id).values_list("skill__code", "proficiency"))
    assert (event.type, event.data) == ("agent.profile_changed", {"profile": str(after.profile_id)})
    assert kept == {"english": 4, "loans": 5}


def test_what_is_changed_together_is_changed_whole_or_not_at_all(acme: Tenant) -> None:
    agent = make_agent(acme, name="Bob", skills={"english": 3})
    session = make_session(acme, agent=agent)
    make_skill(acme, "loans")
    change: dict[str, Any] = {
        "tenant_id": acme.id,
        "agent_id": agent.id,
        "actor": ACTOR,
        "skills": {"loans": 5},
        "name": "Eve",
    }
    for fault, code in (({"password": "123"}, "invalid"), ({"skills": {}}, "agent-has-no-skill")):
        with pytest.raises(HotseatError) as refused:
            change_agent(**{**change, **fault})
        assert refused.value.code == code
        with tenant_scope(acme.id, read_only=True):
            row = Agent.objects.select_related("user").get(id=agent.id)
            assert (row.user.name, [skill.skill.code for skill in row.skills.all()]) == ("Bob", ["english"])
        assert reread(session).version == session.version
    change_agent(**change)
    assert reread(session).profile.key == "loans=5"


def test_an_agent_who_works_is_not_deactivated(acme: Tenant) -> None:
    agent = make_agent(acme, name="Bob")
    session = make_session(acme, agent=agent, ready=True)
    with tenant_scope(acme.id):
        Slot.objects.filter(session_id=session.id).update(held=True)
    with pytest.raises(HotseatError) as refused:
        change_agent(tenant_id=acme.id, agent_id=agent.id, actor=ACTOR, active=False, name="Eve")
    assert refusal(refused) == ("contact-in-progress", 409)
    with tenant_scope(acme.id, read_only=True):
        row = Agent.objects.select_related("user").get(id=agent.id)
    assert (row.active, row.user.name, reread(session).state) == (True, "Bob", "ready")


def test_a_skill_that_an_agent_has_stays(acme: Tenant) -> None:
    make_agent(acme, skills={"english": 3})
    skill = make_skill(acme, "english")
    with pytest.raises(HotseatError) as refused:
        remove_skill(tenant_id=acme.id, skill_id=skill.id, actor=ACTOR)
    assert refusal(refused) == ("in-use", 409)


def test_the_same_skills_again_disturb_nobody(acme: Tenant, matched: list[UUID]) -> None:
    agent = make_agent(acme, skills={"english": 3})
    session = make_session(acme, agent=agent, ready=True)
    matched.clear()
    update_agent_skills(tenant_id=acme.id, agent_id=agent.id, skills={"english": 3}, actor=ACTOR)
    assert (reread(session).version, matched) == (session.version, [])


def test_who_works_keeps_a_skill(acme: Tenant) -> None:
    agent = make_agent(acme, skills={"english": 3})
    session = make_session(acme, agent=agent)
    with pytest.raises(HotseatError) as refused:
        update_agent_skills(tenant_id=acme.id, agent_id=agent.id, skills={}, actor=ACTOR)
    assert refusal(refused) == ("agent-has-no-skill", 409)
    assert reread(session).profile.key == "english=3"
    with tenant_scope(acme.id, read_only=True):
        assert AgentSkill.objects.filter(agent_id=agent.id).count() == 1


def test_another_tenants_agent_does_not_exist(acme: Tenant, globex: Tenant) -> None:
    agent = make_agent(globex)
    with pytest.raises(HotseatError) as refused:
        update_agent_skills(tenant_id=acme.id, agent_id=agent.id, skills={}, actor=ACTOR)
    assert refusal(refused) == ("agent-unknown", 404)


def test_a_stations_endpoint_carries_the_tenants_code(acme: Tenant) -> None:
    station = make_station(acme, extension="1001")
    assert station.endpoint == f"{acme.slug}-1001"


def test_a_station_is_unique_by_extension_address_and_endpoint(acme: Tenant, globex: Tenant) -> None:
    site = make_site(acme)
    create_station(
        tenant_id=acme.id, site_id=site.id, extension="1001", ip_address="10.0.0.1", endpoint="shared", actor=ACTOR
    )
    clashes: list[tuple[Tenant, dict[str, Any]]] = [
        (acme, {"extension": "1001"}),
        (acme, {"extension": "1002", "ip_address": "10.0.0.1"}),
        (globex, {"extension": "1002", "endpoint": "shared"}),
    ]
    for tenant, clash in clashes:
        with pytest.raises(HotseatError) as refused:
            create_station(tenant_id=tenant.id, site_id=make_site(tenant).id, actor=ACTOR, **clash)
        assert refusal(refused) == ("station-exists", 409)
    with tenant_scope(acme.id, read_only=True):
        assert Station.objects.count() == 1


def test_a_site_of_another_tenant_does_not_exist(acme: Tenant, globex: Tenant) -> None:
    with pytest.raises(HotseatError) as refused:
        create_station(tenant_id=acme.id, site_id=make_site(globex).id, extension="1001", actor=ACTOR)
    assert refusal(refused) == ("site-unknown", 404)


def test_each_wrong_field_of_a_station_is_named(acme: Tenant) -> None:
    with pytest.raises(HotseatError) as refused:
        create_station(
            tenant_id=acme.id,
            site_id=make_site(acme).id,
            extension="x",
            ip_address="300.1.1.1",
            endpoint="a b",
            answer_mode="telepathy",
            actor=ACTOR,
        )
    assert refusal(refused) == ("invalid", 422)
    assert set(refused.value.data["errors"]) == {"extension", "ip_address", "endpoint", "answer_mode"}


def test_the_systems_reasons_are_made_once_and_told_in_words(acme: Tenant) -> None:
    prepare_tenant(tenant_id=acme.id)
    prepare_tenant(tenant_id=acme.id)
    with tenant_scope(acme.id, read_only=True):
        told = {row.system_code: str(row) for row in NotReadyReason.objects.all()}
    assert told == {code: str(words) for code, words in NotReadyReason.System.choices}
