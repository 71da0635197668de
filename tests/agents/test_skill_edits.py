"""One edit of what many agents can."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from agents.errors import AgentHasNoSkill, AgentUnknown, SkillsUnknown
from agents.public import AgentSession
from agents.services import skill_edits
from agents.services.profiles import skills_of
from agents.services.skill_edits import SkillEdit, edit_skills
from routing.states import ContactState
from tenants.models import AuditEntry
from tenants.public import Event, Role, Tenant, tenant_scope
from tests import factories
from tests.api import assert_problem, program, signed_in
from tests.factories import ACTOR
from tests.routing import calls


@pytest.fixture
def acme() -> Tenant:
    return factories.make_tenant()


def edit(tenant: Tenant, sessions: list[AgentSession], *, give: dict[str, int] | None = None, take: Any = ()) -> int:
    wanted = SkillEdit(give=give or {}, take=take)
    return edit_skills(tenant_id=tenant.id, agent_ids=[one.agent_id for one in sessions], edit=wanted, actor=ACTOR)


def skills(session: AgentSession) -> dict[str, int]:
    """What the agent can, after a look that the open session works with just that."""
    with tenant_scope(session.tenant_id, read_only=True):
        found = skills_of(session.agent_id)
        row = AgentSession.objects.select_related("profile").get(id=session.id)
        assert row.profile.skills == found
        assert set(row.slots.values_list("profile_id", flat=True)) == {row.profile_id}
    return found


def test_each_keeps_what_the_edit_does_not_name_and_works_with_it_at_once(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skill_edits, "AT_ONCE", 2)
    line = calls.make_line(acme, requires="french >= 3")
    before = [{"english": 2}, {"english": 4, "french": 1}, {"english": 1, "loans": 3}, {"french": 3}, {"loans": 2}]
    sessions = [factories.make_session(acme, skills=one, ready=number != 3) for number, one in enumerate(before)]
    contact = calls.call(line.number)
    assert contact.state == ContactState.QUEUED
    assert edit(acme, sessions, give={"french": 3}, take=["english"]) == 4
    assert [skills(one) for one in sessions] == [
        {"french": 3},
        {"french": 3},
        {"french": 3, "loans": 3},
        {"french": 3},
        {"french": 3, "loans": 2},
    ]
    assert calls.now_of(contact).state == ContactState.OFFERED
    with tenant_scope(acme.id, read_only=True):
        told = Event.objects.filter(type="agent.profile_changed").values_list("aggregate_id", flat=True)
        assert sorted(told) == sorted(one.id for number, one in enumerate(sessions) if number != 3)
        assert AuditEntry.objects.filter(table_name="agents_agentskill", actor=ACTOR).count() >= 4
    assert edit(acme, sessions, give={"french": 3}, take=["english"]) == 0


def test_what_is_wrong_is_refused_before_anything_changes(acme: Tenant) -> None:
    one = factories.make_session(acme, skills={"english": 2, "french": 2})
    two = factories.make_session(acme, skills={"english": 2})
    stranger = factories.make_session(factories.make_tenant(), skills={"english": 2})
    for error, sessions, wanted in (
        (SkillsUnknown, [one], {"give": {"klingon": 3}}),
        (SkillsUnknown, [one], {"give": {"french": 6}}),
        (SkillsUnknown, [one], {"take": ["klingon"]}),
        (AgentHasNoSkill, [one, two], {"take": ["english"]}),
        (AgentUnknown, [one, stranger], {"give": {"french": 5}}),
    ):
        with pytest.raises(error):
            edit(acme, sessions, **wanted)
        assert (skills(one), skills(two)) == ({"english": 2, "french": 2}, {"english": 2})
    assert skills(stranger) == {"english": 2}


def test_over_the_api_by_agents_or_by_team(acme: Tenant) -> None:
    team = factories.make_team(acme)
    agent = factories.make_agent(acme, skills={"english": 1}, team=team)
    api = program(acme)
    changed = api.send("agents/edit-skills/", {"team": str(team.id), "give": [{"skill": "english", "proficiency": 4}]})
    assert (changed.status_code, changed.json()) == (200, {"changed": 1})
    for body in (
        {"give": [{"skill": "english", "proficiency": 4}]},
        {"agents": [str(agent.id)], "team": str(team.id), "take": ["english"]},
        {"agents": [str(agent.id)]},
        {"agents": [str(agent.id)], "give": [{"skill": "english", "proficiency": 9}]},
    ):
        assert_problem(api.send("agents/edit-skills/", body), 422, "invalid")
    unknown = {"agents": [str(uuid4())], "take": ["english"]}
    assert_problem(api.send("agents/edit-skills/", unknown), 404, "agent-unknown")
    supervisor = signed_in(acme, role=Role.SUPERVISOR)
    assert_problem(
        supervisor.send("agents/edit-skills/", {"agents": [str(agent.id)], "take": ["english"]}), 403, "missing-right"
    )
    with tenant_scope(acme.id, read_only=True):
        assert skills_of(agent.id) == {"english": 4}
