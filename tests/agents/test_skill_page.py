"""The administration's page that edits the skills of many agents."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from agents.public import Agent
from agents.services.profiles import skills_of
from tenants.public import Role, Tenant, tenant_scope
from tests import factories
from tests.api import Api, signed_in

PAGE = "admin:agents_agent_edit_skills"


@pytest.fixture
def acme() -> Tenant:
    tenant = factories.make_tenant()
    for code in ("english", "french", "loans"):
        factories.make_skill(tenant, code)
    return tenant


@pytest.fixture
def browser(acme: Tenant) -> Api:
    return signed_in(acme)


def hire(tenant: Tenant, number: str, **fields: Any) -> Agent:
    return factories.make_agent(tenant, number=number, skills={"english": 2}, **fields)


def skills(agent: Agent) -> dict[str, int]:
    with tenant_scope(agent.tenant_id, read_only=True):
        return skills_of(agent.id)


def test_those_ticked_in_the_list_are_edited_together(acme: Tenant, browser: Api) -> None:
    one, two, third = hire(acme, "1001"), hire(acme, "1002"), hire(acme, "1003")
    ticked = {"action": "edit_theirs", "_selected_action": [str(one.id), str(two.id)]}
    led = browser.post(reverse("admin:agents_agent_changelist"), ticked)
    shown = browser.get(led["Location"]).content.decode()
    assert "1001, 1002" in shown
    values = {"agents": "1001, 1002", "team": "", "skill-french": "4", "skill-english": "take"}
    saved = browser.post(led["Location"], values, follow=True)
    assert "2 agents have other skills now." in saved.content.decode()
    assert [skills(agent) for agent in (one, two, third)] == [{"french": 4}, {"french": 4}, {"english": 2}]


def test_a_whole_team_is_edited(acme: Tenant, browser: Api) -> None:
    team = factories.make_team(acme)
    one, two = hire(acme, "1001", team=team), hire(acme, "1002")
    saved = browser.post(reverse(PAGE), {"agents": "", "team": str(team.id), "skill-loans": "5"})
    assert saved.status_code == 302
    assert [skills(one), skills(two)] == [{"english": 2, "loans": 5}, {"english": 2}]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"agents": "1001；9999、8888", "skill-french": "4"}, "No agent has the number 8888, 9999."),
        ({"agents": "1001"}, "Give or take at least one skill."),
        ({"agents": "", "skill-french": "4"}, "Name either agents or a team."),
        ({"agents": "1001", "skill-french": "6"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_that_was_put_in_is_lost(
    acme: Tenant, browser: Api, values: dict[str, str], said: str
) -> None:
    agent = hire(acme, "1001")
    answer = browser.post(reverse(PAGE), {"team": "", **values})
    text = answer.content.decode()
    assert (answer.status_code, said in text, values["agents"] in text) == (200, True, True)
    assert skills(agent) == {"english": 2}


def test_who_would_be_left_without_a_skill_at_work_is_named(acme: Tenant, browser: Api) -> None:
    agent = hire(acme, "1001")
    factories.make_session(acme, agent=agent)
    answer = browser.post(reverse(PAGE), {"agents": "1001", "team": "", "skill-english": "take"})
    assert "1001" in answer.content.decode()
    assert skills(agent) == {"english": 2}


def test_others_neither_see_nor_use_it(acme: Tenant) -> None:
    agent = hire(acme, "1001")
    for role in (Role.SUPERVISOR, Role.AGENT):
        browser = signed_in(acme, role=role)
        values = {"agents": "1001", "team": "", "skill-french": "4"}
        assert browser.get(reverse(PAGE), follow=True).status_code == 403
        assert browser.post(reverse(PAGE), values, follow=True).status_code == 403
    stranger = signed_in(factories.make_tenant())
    assert (
        "No agent has the number 1001." in stranger.post(reverse(PAGE), {"agents": "1001", "team": ""}).content.decode()
    )
    assert skills(agent) == {"english": 2}
