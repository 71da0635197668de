"""A caller who waits chooses otherwise: by a key, or because the wait is long, or the queue takes nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from routing.models import CommandKind, Contact, FlowRun, Queue
from routing.node.handling import handle
from routing.public import change_queue
from routing.services.flow_steps import FLOW_TIMER
from routing.states import ContactState, EndReason, OfferState
from routing.switch.port import KeyPressed
from tenants.public import Tenant, tenant_scope
from tests import factories
from tests.routing import calls
from tests.routing.ringing import fire

MENU: dict[str, Any] = {
    "type": "menu",
    "prompt": {"text": {"en": "To keep waiting, press 1."}},
    "keys": {"1": "queue", "2": "other", "3": "bye"},
    "on_timeout": "queue",
}


@pytest.fixture
def acme() -> Tenant:
    return factories.make_tenant()


def make_line(tenant: Tenant, *, settings: dict[str, Any] | None = None, **ways: Any) -> calls.Line:
    """A line that is answered and leads into a queue with these ways out of it, to a menu and to another queue."""
    queue = factories.make_queue(tenant, wrap_up_seconds=0, **(settings or {}))
    other = factories.make_queue(tenant, code="other", requires="french")
    nodes = {
        "in": {"type": "answer", "next": "queue"},
        "queue": {"type": "queue", "queue": queue.code, **ways},
        "menu": MENU,
        "other": {"type": "queue", "queue": other.code},
        "bye": {"type": "hang_up", "reason": "self_served"},
    }
    flow = factories.make_flow(tenant, {"schema": 1, "start": "in", "nodes": nodes})
    number = factories.make_number(tenant)
    factories.make_entry_point(tenant, flow=flow, number=number)
    return calls.Line(tenant, queue, number.e164)


def waits(line: calls.Line) -> Contact:
    contact = calls.call(line.number)
    calls.caller_is_answered(contact)
    return calls.now_of(contact)


def presses(contact: Contact, key: str) -> Contact:
    handle(KeyPressed(channel=contact.caller_channel, at=datetime.now(UTC), digit=key), node=calls.NODE)
    return calls.now_of(contact)


def time_is_over(contact: Contact) -> Contact:
    fire(FLOW_TIMER, contact.id)
    return calls.now_of(contact)


def kinds(contact: Contact) -> list[str]:
    return [command.kind for command in calls.commands(contact)]


def test_a_key_leads_out_of_the_queue_and_who_keeps_waiting_loses_no_place(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "menu"})
    contact, behind = waits(line), waits(line)
    before = calls.now_of(contact)
    away = presses(contact, "1")
    assert (away.state, calls.segments(contact)) == (ContactState.IN_FLOW, ["flow", "queue", "flow"])
    assert kinds(contact)[-3:] == [CommandKind.STOP_MUSIC, CommandKind.STOP_PLAYBACK, CommandKind.PLAY]
    back = presses(contact, "1")
    assert (back.state, back.order_at, back.queued_at) == (ContactState.QUEUED, before.order_at, before.queued_at)
    assert kinds(contact)[-1] == CommandKind.START_MUSIC
    session = factories.make_session(acme, ready=True)
    calls.pair_up(contact, session)
    assert calls.now_of(behind).state == ContactState.QUEUED


def test_who_is_in_a_menu_is_offered_to_nobody(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "menu"})
    contact = waits(line)
    presses(contact, "1")
    session = factories.make_session(acme, ready=True)
    assert calls.offers_of(contact) == []
    presses(contact, "1")
    calls.pair_up(contact, session)


def test_a_key_while_an_agent_rings_takes_the_call_away_from_them(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "bye"})
    session = factories.make_session(acme, ready=True)
    contact = waits(line)
    assert presses(contact, "9").state == ContactState.OFFERED
    left = presses(contact, "1")
    offer = calls.offer_of(contact)
    assert (offer.state, offer.cause, left.ending) == (OfferState.RESCINDED, "caller-chose", EndReason.SELF_SERVED)
    assert calls.hung_up(contact) == [offer.leg_channel, contact.caller_channel]
    assert not factories.slot_of(session).held
    calls.caller_hangs_up(contact)
    assert calls.now_of(contact).end_reason == EndReason.SELF_SERVED


def test_a_key_once_an_agent_has_answered_comes_too_late(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "bye"})
    factories.make_session(acme, ready=True)
    contact = waits(line)
    calls.agent_answers(calls.offer_of(contact))
    assert presses(contact, "1").state == ContactState.CONNECTING
    calls.bridged(contact, calls.offer_of(contact))
    assert presses(contact, "1").state == ContactState.ENGAGED


def test_the_same_key_told_twice_counts_once(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "menu"})
    contact = waits(line)
    event = KeyPressed(channel=contact.caller_channel, at=datetime.now(UTC), digit="1")
    handle(event, node=calls.NODE)
    handle(event, node=calls.NODE)
    assert calls.now_of(contact).state == ContactState.IN_FLOW


def test_another_queue_counts_the_time_that_was_waited(acme: Tenant) -> None:
    line = make_line(acme, keys={"2": "other"}, settings={"weight_seconds": 40})
    contact = waits(line)
    assert contact.order_at is not None
    earlier = contact.order_at - timedelta(minutes=2)
    with tenant_scope(acme.id):
        Contact.objects.filter(id=contact.id).update(order_at=earlier)
    moved = presses(contact, "2")
    assert moved.queue is not None
    assert (moved.state, moved.queue.code) == (ContactState.QUEUED, "other")
    assert moved.order_at == earlier + timedelta(seconds=40)


def test_the_longest_wait_leads_on_but_not_from_an_agent_who_rings(acme: Tenant) -> None:
    line = make_line(acme, max_wait_seconds=60, on_max_wait="menu")
    session = factories.make_session(acme, ready=True)
    contact = waits(line)
    assert time_is_over(contact).state == ContactState.OFFERED
    calls.leg_ends(calls.offer_of(contact).leg_channel, cause=17)
    assert calls.now_of(contact).state == ContactState.QUEUED
    assert time_is_over(contact).state == ContactState.IN_FLOW
    assert not factories.slot_of(session).held


def test_who_hangs_up_in_the_menu_after_waiting_is_abandoned(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "menu"}, settings={"short_abandon_seconds": 0})
    contact = waits(line)
    presses(contact, "1")
    calls.caller_hangs_up(contact)
    assert calls.now_of(contact).end_reason == EndReason.ABANDONED


@pytest.mark.parametrize(("ways", "reason"), [({"on_full": "bye"}, EndReason.SELF_SERVED), ({}, EndReason.REJECTED)])
def test_a_full_queue_answers_as_the_flow_says(acme: Tenant, ways: dict[str, str], reason: EndReason) -> None:
    line = make_line(acme, settings={"most_waiting": 1}, **ways)
    waits(line)
    assert waits(line).ending == reason


def test_a_closed_queue_answers_as_the_flow_says(acme: Tenant) -> None:
    line = make_line(acme, on_closed="other")
    with tenant_scope(acme.id):
        Queue.objects.filter(id=line.queue.id).update(active=False)
    contact = waits(line)
    assert contact.queue is not None
    assert (contact.state, contact.queue.code) == (ContactState.QUEUED, "other")
    with tenant_scope(acme.id, read_only=True):
        assert FlowRun.objects.get(contact_id=contact.id).state["node"] == "other"


def test_who_comes_back_waits_for_what_the_queue_asks_for_now(acme: Tenant) -> None:
    line = make_line(acme, keys={"1": "menu"})
    factories.make_skill(acme, "french")
    contact = waits(line)
    presses(contact, "1")
    change_queue(tenant_id=acme.id, queue_id=line.queue.id, changes={"requires": "french"}, actor=factories.ACTOR)
    session = factories.make_session(acme, skills={"french": 2}, ready=True)
    presses(contact, "1")
    calls.pair_up(contact, session)
