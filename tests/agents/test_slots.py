"""How many slots an agent has on each channel, which of them keep which shut, and how both change while at work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from agents.errors import FieldsInvalid
from agents.public import (
    Agent,
    AgentSession,
    Slot,
    change_agent,
    change_channel_rules,
    free_slot,
    hold_slots,
    lock_sessions,
    mend_sessions,
    set_not_ready,
    set_ready,
)
from tenants.public import Event, Tenant, db_now, engine_scope, tenant_scope
from tests import factories


def at_work(tenant: Tenant, capacity: Mapping[str, int], *, ready: bool = True) -> AgentSession:
    """An agent with this capacity, logged in."""
    return factories.make_session(tenant, agent=able(tenant, capacity), ready=ready)


def able(tenant: Tenant, capacity: Mapping[str, int]) -> Agent:
    agent = factories.make_agent(tenant)
    change(agent, capacity)
    return agent


def change(agent: Agent, capacity: Mapping[str, int]) -> None:
    change_agent(tenant_id=agent.tenant_id, agent_id=agent.id, capacity=capacity, actor="test")


def rules(tenant: Tenant, **values: Any) -> None:
    change_channel_rules(tenant_id=tenant.id, values=values, actor="test")


def slots(session: AgentSession) -> list[Slot]:
    with tenant_scope(session.tenant_id, read_only=True):
        return list(Slot.objects.filter(session_id=session.id).order_by("channel", "ordinal"))


def free(session: AgentSession) -> list[str]:
    """The channels of the slots that are free."""
    return [slot.channel for slot in slots(session) if slot.open and not slot.held]


def hold(session: AgentSession, channel: str) -> UUID:
    """Hold one of the free slots of this channel, as a pass does."""
    slot = next(slot for slot in slots(session) if slot.channel == channel and slot.open and not slot.held)
    with engine_scope():
        lock_sessions([session.id])
        hold_slots([slot.id], blocking=[slot.id] if slot.blocks else [], at=db_now())
    return slot.id


def let_go(session: AgentSession, slot_id: UUID, *, worked: bool = True) -> None:
    with engine_scope():
        locked = lock_sessions([session.id])[session.id]
        free_slot(locked, slot_id, worked_until=db_now() if worked else None)


def test_an_agent_has_one_slot_for_calls_unless_somebody_says_otherwise(acme: Tenant) -> None:
    assert free(factories.make_session(acme, ready=True)) == ["voice"]


def test_capacity_is_the_agents_own_or_the_tenants(acme: Tenant, globex: Tenant) -> None:
    rules(acme, capacity={"voice": 1, "work": 2})
    assert free(at_work(acme, {})) == ["voice", "work", "work"]
    assert free(at_work(acme, {"work": 1})) == ["voice", "work"]
    assert free(at_work(acme, {"voice": 0})) == ["work", "work"]
    assert free(at_work(globex, {})) == ["voice"]


def test_nothing_is_written_of_the_rules_where_there_is_one_channel(acme: Tenant) -> None:
    """An ordinary call then holds and frees its slot with the statements it always had."""
    assert [slot.blocks for slot in slots(at_work(acme, {}))] == [[]]
    assert [slot.blocks for slot in slots(at_work(acme, {"work": 1}))] == [["work"], []]


def test_no_work_comes_while_a_call_is_held_but_a_call_comes_on_top_of_work(acme: Tenant) -> None:
    session = at_work(acme, {"work": 2})
    hold(session, "work")
    assert free(session) == ["voice", "work"]
    call = hold(session, "voice")
    assert free(session) == []
    let_go(session, call)
    assert free(session) == ["voice", "work"]


def test_after_a_call_the_agent_is_idle_for_work_too_from_then_on(acme: Tenant) -> None:
    session = at_work(acme, {"work": 1})
    before = slots(session)[1].idle_since
    let_go(session, hold(session, "voice"), worked=False)
    assert slots(session)[1].idle_since == before
    let_go(session, hold(session, "voice"))
    assert slots(session)[1].idle_since == slots(session)[0].idle_since > before


def test_what_two_channels_keep_away_comes_when_both_are_through(acme: Tenant) -> None:
    rules(acme, kept_away_by={"voice": ["work"]})
    session = at_work(acme, {"work": 2})
    first, second = hold(session, "work"), hold(session, "work")
    assert free(session) == []
    let_go(session, first)
    assert free(session) == ["work"]
    let_go(session, second)
    assert free(session) == ["voice", "work", "work"]


def test_who_is_not_ready_gets_no_work_after_a_call(acme: Tenant) -> None:
    session, reason = at_work(acme, {"work": 1}), factories.make_reason(acme)
    call = hold(session, "voice")
    set_not_ready(tenant_id=acme.id, session_id=session.id, reason_id=reason.id, actor="agent:1")
    let_go(session, call)
    assert free(session) == []
    set_ready(tenant_id=acme.id, session_id=session.id, actor="agent:1")
    assert free(session) == ["voice", "work"]


def test_being_ready_again_during_a_call_opens_no_slot_for_work(acme: Tenant) -> None:
    session, reason = at_work(acme, {"work": 1}), factories.make_reason(acme)
    hold(session, "voice")
    set_not_ready(tenant_id=acme.id, session_id=session.id, reason_id=reason.id, actor="agent:1")
    set_ready(tenant_id=acme.id, session_id=session.id, actor="agent:1")
    assert free(session) == []


def test_more_slots_appear_at_once_and_their_pool_is_matched(acme: Tenant, matched: list[UUID]) -> None:
    session = at_work(acme, {})
    matched.clear()
    change_agent(tenant_id=acme.id, agent_id=session.agent_id, capacity={"work": 2}, actor="test")
    assert (free(session), matched) == (["voice", "work", "work"], [acme.id])
    with tenant_scope(acme.id, read_only=True):
        event = Event.objects.get(type="agent.capacity_changed", aggregate_id=session.id)
    assert event.data["capacity"] == {"voice": 1, "work": 2}


def test_fewer_slots_go_at_once_where_free_and_when_released_where_held(acme: Tenant) -> None:
    session = at_work(acme, {"work": 3})
    held = [hold(session, "work"), hold(session, "work")]
    change_agent(tenant_id=acme.id, agent_id=session.agent_id, capacity={"work": 1}, actor="test")
    assert free(session) == ["voice"]
    let_go(session, held[0])
    assert free(session) == ["voice"], "one is in hand, which is as many as may be"
    let_go(session, held[1])
    assert free(session) == ["voice", "work"]
    change_agent(tenant_id=acme.id, agent_id=session.agent_id, capacity={"work": 3}, actor="test")
    assert free(session) == ["voice", "work", "work", "work"]
    assert len(slots(session)) == 4


def test_a_relaxed_rule_opens_what_it_kept_shut_and_runs_a_pass(acme: Tenant, matched: list[UUID]) -> None:
    session = at_work(acme, {"work": 1})
    hold(session, "voice")
    matched.clear()
    rules(acme, kept_away_by={})
    assert (free(session), matched) == (["work"], [acme.id])
    rules(acme, kept_away_by={"work": ["voice"]})
    assert free(session) == []


def test_rules_that_change_nothing_for_an_agent_leave_them_alone(acme: Tenant, matched: list[UUID]) -> None:
    session = at_work(acme, {})
    matched.clear()
    rules(acme, kept_away_by={})
    assert (factories.reread(session).version, matched) == (factories.reread(session).version, [])


def test_who_takes_no_calls_needs_no_telephone(acme: Tenant) -> None:
    agent, station = able(acme, {"voice": 0, "work": 1}), factories.make_station(acme, reachable=False)
    session = factories.make_session(acme, agent=agent, station=station, ready=True)
    assert free(session) == ["work"]


def test_slots_against_the_rules_are_mended(acme: Tenant) -> None:
    session = at_work(acme, {"work": 1})
    hold(session, "voice")
    assert mend_sessions() == 0
    with engine_scope():
        Slot.objects.filter(session_id=session.id).update(open=True)
    assert mend_sessions() == 1
    assert free(session) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"capacity": {"voice": 2}}, "capacity"),
        ({"capacity": {"work": -1}}, "capacity"),
        ({"capacity": {"work": 51}}, "capacity"),
        ({"capacity": {"fax": 1}}, "capacity"),
        ({"kept_away_by": {"voice": ["voice"]}}, "kept_away_by"),
        ({"kept_away_by": {"voice": ["fax"]}}, "kept_away_by"),
        ({"kept_away_by": {"voice": "work"}}, "kept_away_by"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_what_is_wrong(acme: Tenant, values: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldsInvalid) as refused:
        rules(acme, **values)
    assert field in refused.value.data["errors"]


def test_a_capacity_that_cannot_be_changes_nothing(acme: Tenant) -> None:
    agent = able(acme, {"work": 1})
    with pytest.raises(FieldsInvalid):
        change(agent, {"voice": 7})
    assert free(factories.make_session(acme, agent=agent, ready=True)) == ["voice", "work"]
