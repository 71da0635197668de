"""A customer whom an agent looks after waits for that agent if the queue wants it; after so long, for anybody."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from agents.public import AccountAgent, Agent, AgentSession, log_out
from tenants.models import AuditEntry
from tenants.public import Customer, Role, tenant_scope
from tests import factories
from tests.api import assert_problem, program
from tests.factories import ACTOR
from tests.routing import calls
from tests.routing.ringing import due, fire, timer_kinds
from tests.routing.test_affinity import asked, pause, served_by

KNOWN = "+447700900321"


def look_after(line: calls.Line, session: AgentSession) -> None:
    """The session's agent looks after who calls from KNOWN."""
    customer = factories.make_customer(line.tenant, phone=KNOWN)
    with tenant_scope(line.tenant.id, read_only=True):
        agent = Agent.objects.get(id=session.agent_id)
    factories.make_account_agent(line.tenant, customer=customer, agent=agent)


def looked_after(**queue: Any) -> tuple[calls.Line, AgentSession, AgentSession]:
    """A line, the agent who looks after who calls from KNOWN, and another who is idle for longer; both are ready."""
    line = calls.make_line(**{"account_seconds": 60, **queue})
    other = factories.make_session(line.tenant, ready=True)
    own = factories.make_session(line.tenant, ready=True)
    look_after(line, own)
    return line, own, other


def test_the_account_agent_is_asked_though_another_is_idle_for_longer() -> None:
    line, own, other = looked_after()
    contact, stranger = calls.call(line.number, ani=KNOWN), calls.call(line.number)
    assert (asked(contact), asked(stranger)) == ([own.id], [other.id])
    assert calls.offer_of(contact).decision["affinity"] == str(own.id)
    assert (contact.account_agent_id, stranger.account_agent_id) == (own.agent_id, None)


def test_while_the_account_agent_is_away_nobody_else_is_asked_until_the_time_is_over() -> None:
    line, own, other = looked_after()
    pause(own)
    contact = calls.call(line.number, ani=KNOWN)
    assert asked(contact) == []
    assert contact.queued_at is not None
    assert (due("affinity", contact.id).due_at - contact.queued_at).total_seconds() == 60
    fire("affinity", contact.id)
    assert asked(contact) == [other.id]


def test_the_account_agent_goes_before_the_last_agent_who_is_waited_for_else() -> None:
    line = calls.make_line(account_seconds=60, affinity_seconds=30)
    last = factories.make_session(line.tenant, ready=True)
    served_by(line, last, ani=KNOWN)
    own = factories.make_session(line.tenant, ready=True)
    look_after(line, own)
    assert asked(calls.call(line.number, ani=KNOWN)) == [own.id]
    with tenant_scope(line.tenant.id):
        AccountAgent.objects.all().delete()
    assert asked(calls.call(line.number, ani=KNOWN)) == [last.id]


@pytest.mark.parametrize("why", ["the queue does not ask", "not at work", "other skills", "hidden number"])
def test_nobody_in_particular_is_waited_for(why: str) -> None:
    line = calls.make_line(account_seconds=0 if why == "the queue does not ask" else 60)
    other = factories.make_session(line.tenant, ready=True)
    skills = {"french": 3} if why == "other skills" else factories.SKILLS
    own = factories.make_session(line.tenant, ready=True, skills=skills)
    if why == "not at work":
        log_out(tenant_id=line.tenant.id, session_id=own.id, actor=ACTOR)
    look_after(line, own)
    contact = calls.call(line.number, ani="" if why == "hidden number" else KNOWN)
    assert (asked(contact), contact.affinity_session_id, "affinity" in timer_kinds(contact.id)) == (
        [other.id],
        None,
        False,
    )


def test_a_program_sets_them_for_its_own_customers_and_agents_only() -> None:
    tenant, elsewhere = factories.make_tenant(), factories.make_tenant()
    customer, agent = factories.make_customer(tenant), factories.make_agent(tenant)
    api = program(tenant)
    wanted = {"customer": str(customer.id), "agent": str(agent.id)}
    made = api.send("account-agents/", wanted)
    assert made.status_code == 201, made.content
    assert_problem(api.send("account-agents/", wanted), 409, "taken")
    for wrong in (
        {**wanted, "agent": str(factories.make_agent(elsewhere).id)},
        {**wanted, "customer": str(factories.make_customer(elsewhere).id)},
        {**wanted, "agent": str(uuid4())},
    ):
        assert_problem(api.send("account-agents/", wrong), 422, "invalid")
    other = factories.make_agent(tenant)
    changed = api.change(f"account-agents/{made.json()['id']}/", {"agent": str(other.id)})
    assert changed.json()["agent"] == str(other.id)
    assert [row["id"] for row in api.read(f"account-agents/?customer={customer.id}").json()["results"]] == [
        made.json()["id"]
    ]
    with tenant_scope(tenant.id, read_only=True):
        trail = AuditEntry.objects.filter(table_name="agents_accountagent").order_by("id")
        assert [entry.action for entry in trail] == ["INSERT", "UPDATE"]
    assert_problem(program(tenant, role=Role.AGENT).send("account-agents/", wanted), 403, "missing-right")


def test_a_customer_who_is_removed_has_no_account_agent() -> None:
    line, _own, other = looked_after()
    with tenant_scope(line.tenant.id):
        Customer.objects.filter(phone=KNOWN).delete()
        assert not AccountAgent.objects.exists()
    assert asked(calls.call(line.number, ani=KNOWN)) == [other.id]
