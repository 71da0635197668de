"""Capacity and channel rules over the API and in the administration: who may, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.public import Role, Tenant
from tests.api import Api, assert_problem, program
from tests.factories import PASSWORD, make_agent, make_skill

USUAL = {"capacity": {"voice": 1, "work": 0}, "kept_away_by": {"work": ["voice"]}}


def test_rules_are_read_and_changed(acme: Tenant, globex: Tenant) -> None:
    api = program(acme)
    assert api.read("channel-rules/").json() == USUAL
    changed = api.change("channel-rules/", {"capacity": {"voice": 1, "work": 4}})
    assert (changed.status_code, changed.json()) == (200, {**USUAL, "capacity": {"voice": 1, "work": 4}})
    assert api.read("channel-rules/").json() == changed.json()
    assert program(globex).read("channel-rules/").json() == USUAL


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"capacity": {"voice": 2}}, "/capacity"),
        ({"capacity": {"fax": 1}}, "/capacity"),
        ({"kept_away_by": {"work": ["fax"]}}, "/kept_away_by/work/0"),
        ({"kept_away_by": {"work": ["work"]}}, "/kept_away_by"),
    ],
)
def test_what_cannot_be_is_refused(acme: Tenant, body: dict[str, Any], pointer: str) -> None:
    problem = assert_problem(program(acme).change("channel-rules/", body), 422, "invalid")
    assert pointer in str(problem)


def test_a_supervisor_reads_them_and_changes_nothing(acme: Tenant) -> None:
    api = program(acme, role=Role.SUPERVISOR)
    assert api.read("channel-rules/").status_code == 200
    assert api.change("channel-rules/", {}).status_code == 403


def test_an_agent_has_a_capacity(acme: Tenant) -> None:
    api: Api = program(acme)
    make_skill(acme, "english")
    body = {"number": "7001", "name": "Bob", "password": PASSWORD, "skills": [{"skill": "english", "proficiency": 3}]}
    made = api.send("agents/", {**body, "capacity": {"work": 3}}).json()
    assert made["capacity"] == {"work": 3}
    address = f"agents/{made['id']}/"
    assert api.change(address, {"capacity": {}}).json()["capacity"] == {}
    assert_problem(api.change(address, {"capacity": {"voice": 9}}), 422, "invalid")
    assert api.change(f"agents/{make_agent(acme).id}/", {"name": "Eve"}).json()["capacity"] == {}
