"""Passing contacts on over the API, and what the next agent's desk shows of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from agents.public import AgentSession
from routing.desk import desk_rows
from routing.models import Contact
from tenants.public import Role, Tenant, tenant_scope
from tests import factories
from tests.api import Api, assert_problem, program
from tests.routing import calls
from tests.routing.api.test_routing_api import desk

WHY = {"reason": "authority", "note": "wants a refund"}


@pytest.fixture
def acme() -> Tenant:
    return factories.make_tenant()


def talking(tenant: Tenant, **queue: Any) -> tuple[Api, Contact]:
    """An agent in a browser, who talks with a caller."""
    factories.make_queue(tenant, code="experts", name="Experts")
    line = calls.make_line(tenant, code="first", name="First", escalates_to="experts", **queue)
    browser = desk(tenant, answer_mode="phone")
    contact = calls.call(line.number)
    calls.talk(contact)
    return browser, contact


def session_of(browser: Api) -> UUID:
    return UUID(browser.read("agent-session/").json()["id"])


def rows(tenant: Tenant, session_id: UUID, kind: str) -> list[dict[str, Any]]:
    with tenant_scope(tenant.id, read_only=True):
        return [row for row in desk_rows(session_id) if row["kind"] == kind]


def test_the_next_agent_sees_who_passed_it_on_and_why(acme: Tenant) -> None:
    browser, contact = talking(acme)
    (shown,) = rows(acme, session_of(browser), "contact")
    assert (shown["escalates"], shown["transfers"]) == (True, [])
    expert = desk(acme, answer_mode="phone")
    assert browser.send(f"contacts/{contact.id}/escalate/", WHY).status_code == 204
    (offer,) = rows(acme, session_of(expert), "offer")
    (entry,) = offer["transfers"]
    assert {key: entry[key] for key in ("queue", "how", "reason", "note")} == {
        "queue": "First",
        "how": "to the next tier",
        "reason": "needs somebody who may decide",
        "note": "wants a refund",
    }
    assert entry["agent"] == browser.read("agent-session/").json()["agent"]["name"]
    calls.talk(contact)
    (talk,) = rows(acme, session_of(expert), "contact")
    assert (talk["transfers"], talk["queue"], talk["escalates"]) == ([entry], "Experts", False)
    (former,) = rows(acme, session_of(browser), "contact")
    assert former["state"] == "ended", "for the agent it is over when they have left"
    assert_problem(browser.send(f"contacts/{contact.id}/escalate/", WHY), 404, "not-found")


def test_back_to_the_queue_and_to_a_queue_by_code(acme: Tenant) -> None:
    browser, contact = talking(acme)
    assert_problem(browser.send(f"contacts/{contact.id}/transfer/", {**WHY, "queue": "none"}), 404, "queue-unknown")
    assert browser.send(f"contacts/{contact.id}/return-to-queue/", WHY).status_code == 204
    assert calls.now_of(contact).state == "queued"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"queue": "experts", "agent": "1001"},
        {"tenant": "acme"},
        {"service": "claims"},
        {"queue": "experts", "reason": "because"},
        {"queue": "experts", "note": "x" * 501},
    ],
)
def test_a_body_that_makes_no_sense_changes_nothing(acme: Tenant, body: dict[str, str]) -> None:
    browser, contact = talking(acme)
    assert_problem(browser.send(f"contacts/{contact.id}/transfer/", {**WHY, **body}), 422, "invalid")
    assert calls.now_of(contact).state == "engaged"


def test_who_may_pass_on_what(acme: Tenant) -> None:
    _, contact = talking(acme)
    path = f"contacts/{contact.id}/escalate/"
    assert desk(acme).send(path, WHY).status_code == 404
    assert program(factories.make_tenant()).send(path, WHY).status_code == 404
    assert Api().send(path, WHY).status_code == 401
    assert program(acme, role=Role.SUPERVISOR).send(path, WHY).status_code == 204


def test_where_to_is_told_to_agents(acme: Tenant) -> None:
    browser, _ = talking(acme)
    free, busy = factories.make_session(acme, ready=True), factories.make_session(acme)
    partner = factories.make_tenant()
    for code, public in (("claims", True), ("private", False)):
        flow = factories.make_flow(partner, factories.queue_flow(factories.make_queue(partner)))
        factories.make_entry_point(partner, flow=flow, code=code, public=public)
    targets = browser.read("agent-session/transfer-targets/").json()
    assert targets["queues"] == [{"code": "experts", "name": "Experts"}, {"code": "first", "name": "First"}]
    with tenant_scope(acme.id, read_only=True):
        numbers = {
            session.agent.number: session.id == free.id
            for session in AgentSession.objects.select_related("agent").filter(id__in=[free.id, busy.id])
        }
    assert {row["number"]: row["free"] for row in targets["agents"]} == numbers
    assert {"tenant": partner.slug, "service": "claims"} in targets["services"]
    assert "private" not in {row["service"] for row in targets["services"] if row["tenant"] == partner.slug}
