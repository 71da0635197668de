"""A caller whom an agent has served before waits for that agent if the queue wants it; after so long, for anybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from agents.public import (
    Agent,
    AgentSession,
    NotReadyReason,
    change_agent,
    log_out,
    set_not_ready,
    set_ready,
    update_agent_skills,
)
from routing.matching import pools_with_pairs, run_pool
from routing.models import Contact
from routing.states import ContactState
from tenants.models import Timer
from tenants.public import Event, engine_scope, fire_due_timers, tenant_scope
from tests import factories
from tests.api import program
from tests.routing import calls
from tests.routing.ringing import due, reject, timer_kinds
from tests.statements import statements_sent

OTHER = "+447700900456"


def served_by(line: calls.Line, session: AgentSession, *, ani: str = calls.ANI) -> Contact:
    """A caller has talked with the agent, who is the only one ready meanwhile, and has hung up."""
    contact = calls.call(line.number, ani=ani)
    assert calls.talk(contact).session_id == session.id
    calls.caller_hangs_up(contact)
    return contact


def pause(session: AgentSession) -> None:
    with tenant_scope(session.tenant_id):
        reason, _ = NotReadyReason.objects.get_or_create(name="Pause")
    set_not_ready(tenant_id=session.tenant_id, session_id=session.id, reason_id=reason.id, actor="agent:1")


def resume(session: AgentSession) -> None:
    set_ready(tenant_id=session.tenant_id, session_id=session.id, actor="agent:1")


def acquainted(**queue: Any) -> tuple[calls.Line, AgentSession, AgentSession]:
    """A line, the agent who has served its usual caller, and another who is idle for longer; both are ready."""
    line = calls.make_line(**{"affinity_seconds": 60, **queue})
    known = factories.make_session(line.tenant, ready=True)
    served_by(line, known)
    pause(known)
    other = factories.make_session(line.tenant, ready=True)
    resume(known)
    return line, known, other


def asked(contact: Contact) -> list[Any]:
    return [offer.session_id for offer in calls.offers_of(contact)]


def test_the_last_agent_is_asked_though_another_is_idle_for_longer() -> None:
    line, known, other = acquainted()
    contact, stranger = calls.call(line.number), calls.call(line.number, ani=OTHER)
    assert (asked(contact), asked(stranger)) == ([known.id], [other.id])
    assert calls.offer_of(contact).decision["affinity"] == str(known.id)
    with engine_scope(read_only=True):
        data = Event.objects.get(aggregate_id=contact.id, type="contact.queued").data
        assert data["affinity"] == str(known.id)
        assert "affinity" not in Event.objects.get(aggregate_id=stranger.id, type="contact.queued").data


def test_while_the_last_agent_is_away_nobody_else_is_asked_until_the_time_is_over(admin_database_url: str) -> None:
    line, known, other = acquainted()
    pause(known)
    contact = calls.call(line.number)
    assert calls.now_of(contact).state == ContactState.QUEUED
    assert pools_with_pairs(patience_seconds=0) == []
    timer = due("affinity", contact.id)
    assert contact.queued_at is not None
    assert timer.due_at - contact.queued_at == timedelta(seconds=60) == contact.affinity_until - contact.queued_at  # type: ignore[operator]  # it has one
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("UPDATE tenants_timer SET due_at = clock_timestamp() WHERE kind = 'affinity'")
    fire_due_timers()
    assert asked(contact) == [other.id]
    assert "affinity" not in calls.offer_of(contact).decision
    assert timer_kinds(contact.id) == []


def test_an_agent_who_comes_back_in_time_gets_the_caller() -> None:
    line, known, _ = acquainted()
    pause(known)
    contact = calls.call(line.number)
    assert asked(contact) == []
    resume(known)
    assert asked(contact) == [known.id]


def test_when_the_agent_logs_out_the_caller_is_everybodys_at_once_and_stays_so() -> None:
    line, known, other = acquainted()
    pause(other)
    pause(known)
    contact = calls.call(line.number)
    resume(other)
    assert asked(contact) == []
    log_out(tenant_id=line.tenant.id, session_id=known.id, actor="agent:1")
    assert asked(contact) == [other.id]
    reject(calls.offer_of(contact))
    with tenant_scope(line.tenant.id, read_only=True):
        agent = Agent.objects.get(id=known.agent_id)
    # Another session of the same agent is not waited for: it is asked as anybody is.
    again = factories.make_session(line.tenant, agent=agent, ready=True)
    assert (asked(contact), contact.affinity_session_id) == ([other.id, again.id], known.id)


@pytest.mark.parametrize("way", ["rejected", "missed", "failed"])
def test_an_agent_who_was_asked_in_vain_is_waited_for_no_longer(way: str) -> None:
    line, known, other = acquainted()
    contact = calls.call(line.number)
    offer = calls.offer_of(contact)
    if way == "rejected":
        reject(offer)
    elif way == "missed":
        calls.rings(offer)
        calls.leg_ends(offer.leg_channel, cause=19)
    else:
        calls.leg_ends(offer.leg_channel, cause=38)
    assert asked(contact) == [known.id, other.id]
    assert calls.now_of(contact).affinity_until is None
    assert "affinity" not in timer_kinds(contact.id)


@pytest.mark.parametrize(
    "queue", [{"affinity_seconds": 0}, {"affinity_days": 1}], ids=["the queue does not ask", "too long ago"]
)
def test_nobody_in_particular_is_waited_for(queue: dict[str, int], admin_database_url: str) -> None:
    line, _known, other = acquainted(**queue)
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("UPDATE routing_contact SET arrived_at = arrived_at - interval '25 hours'")
    contact = calls.call(line.number)
    assert (asked(contact), contact.affinity_session_id, timer_kinds(contact.id)) == ([other.id], None, [])


def test_an_agent_without_the_skills_for_this_queue_is_not_waited_for() -> None:
    line, known, other = acquainted()
    factories.make_skill(line.tenant, "french")
    update_agent_skills(tenant_id=line.tenant.id, agent_id=known.agent_id, skills={"french": 3}, actor="test")
    assert asked(calls.call(line.number)) == [other.id]


def test_a_hidden_number_and_another_tenants_caller_know_nobody() -> None:
    line, _, other = acquainted()
    assert asked(calls.call(line.number, ani="")) == [other.id]
    elsewhere = calls.make_line(affinity_seconds=60)
    session = factories.make_session(elsewhere.tenant, ready=True)
    contact = calls.call(elsewhere.number)
    assert (asked(contact), contact.affinity_session_id) == ([session.id], None)


def test_who_hung_up_before_anybody_answered_was_served_by_nobody() -> None:
    line, known, _other = acquainted()
    pause(known)
    calls.caller_hangs_up(calls.call(line.number))
    contact = calls.call(line.number)
    assert contact.affinity_session_id == known.id
    calls.caller_hangs_up(contact)
    assert timer_kinds(contact.id) == []
    assert calls.now_of(contact).affinity_until is None


def test_a_plain_contact_costs_no_statement_more() -> None:
    """The queue that asks pays one look-up; the other pays nothing."""
    costs = []
    for seconds in (0, 60):
        line = calls.make_line(affinity_seconds=seconds)
        with calls.matching_by_hand():
            calls.call(line.number)
            with statements_sent() as sent:
                calls.call(line.number)
        costs.append(len(sent))
    assert costs[1] - costs[0] == 1


def test_the_api_tells_for_whom_a_contact_waits() -> None:
    line, known, _ = acquainted()
    pause(known)
    contact = calls.call(line.number)
    with engine_scope(read_only=True):
        assert Timer.objects.filter(kind="affinity", subject_id=contact.id).exists()
    shown = program(line.tenant).read(f"contacts/{contact.id}/").json()
    assert shown["affinity_agent"] is not None
    assert shown["affinity_until"] is not None
    first, *others = program(line.tenant).read("contacts/").json()["results"]
    assert (first["id"], first["affinity_agent"]) == (str(contact.id), shown["affinity_agent"])
    assert [row["affinity_agent"] for row in others] == [None]


def test_an_agent_who_is_deactivated_frees_the_caller() -> None:
    line, known, other = acquainted()
    pause(known)
    contact = calls.call(line.number)
    assert run_pool(line.tenant.id) == 0
    change_agent(tenant_id=line.tenant.id, agent_id=known.agent_id, active=False, actor="test")
    assert asked(contact) == [other.id]
