"""Queues that change while contacts are in them and flows lead to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from agents.public import Skill
from agents.services.skills import remove_skill
from routing.models import CommandKind, Contact, Eligibility, EntryPoint, Offer, Queue
from routing.public import change_queue, publish_flow, remove_queue
from routing.services.arrive import arrive_call
from routing.services.flow import start_flow
from routing.services.queues import QUEUE_TIMER
from routing.states import ContactState, EndReason
from routing.switch.port import CallArrived, Cause, Presentation
from routing.web.text_lines import read_texts, show_texts
from tenants.models import Timer
from tenants.public import Conflict, Event, HotseatError, Tenant, db_now, engine_scope, tenant_scope
from tenants.timers import due_timers, fire
from tests.factories import (
    ACTOR,
    make_agent,
    make_private_line,
    make_queue,
    make_session,
    make_skill,
    make_tenant,
    unique,
)
from tests.routing.calls import commands


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def queue(acme: Tenant) -> Queue:
    make_skill(acme, "loans", "Loans")
    return make_queue(acme, name="Sales", code="sales", requires={"english": 3})


@pytest.fixture
def line(acme: Tenant, queue: Queue) -> EntryPoint:
    """A private number, straight into the queue."""
    return make_private_line(acme, queue=queue)


def call(tenant: Tenant, line: EntryPoint) -> Contact:
    """A caller who waits in the queue."""
    with engine_scope(read_only=True):
        now = db_now()
    with tenant_scope(tenant.id, read_only=True):
        dnis = EntryPoint.objects.select_related("number").get(id=line.id).number.e164
    event = CallArrived(
        channel=f"c{unique()}", at=now, dnis=dnis, ani="+447700900123", ani_presentation=Presentation.ALLOWED
    )
    arrival = arrive_call(node="node1", event=event)
    assert arrival is not None
    start_flow(tenant_id=tenant.id, contact_id=arrival.contact_id, node="node1")
    return now_of(tenant, arrival.contact_id)


def now_of(tenant: Tenant, contact_id: Any) -> Contact:
    with tenant_scope(tenant.id, read_only=True):
        contact: Contact = Contact.objects.select_related("demand").get(id=contact_id)
    return contact


def change(tenant: Tenant, queue: Queue, **changes: Any) -> Queue:
    return change_queue(tenant_id=tenant.id, queue_id=queue.id, changes=changes, actor=ACTOR)


def refused(tenant: Tenant, queue: Queue, **changes: Any) -> HotseatError:
    with pytest.raises(HotseatError) as error:
        change(tenant, queue, **changes)
    return error.value


def look_again(tenant: Tenant) -> None:
    """Let the time of the queue's timer come."""
    with tenant_scope(tenant.id):
        Timer.objects.filter(kind=QUEUE_TIMER).update(due_at=db_now() - timedelta(seconds=1))
    (due,) = [timer for timer in due_timers() if timer.kind == QUEUE_TIMER]
    fire(due)


def test_who_waits_is_served_by_what_the_queue_requires_now(acme: Tenant, queue: Queue, line: EntryPoint) -> None:
    make_session(acme, agent=make_agent(acme, skills={"loans": 4}), ready=True)
    first, second = call(acme, line), call(acme, line)
    assert (first.state, first.demand.expression) == (ContactState.QUEUED, "english>=3")
    assert change(acme, queue, requires="loans >= 3", ring_seconds=15).ring_seconds == 15
    after = now_of(acme, first.id)
    assert (after.state, after.demand.expression) == (ContactState.OFFERED, "loans>=3"), "the change asks for a match"
    assert (after.order_at, after.priority) == (first.order_at, first.priority)
    assert now_of(acme, second.id).demand.expression == "loans>=3"
    with tenant_scope(acme.id, read_only=True):
        assert Offer.objects.get().contact_id == first.id
        assert Eligibility.objects.filter(demand=after.demand).count() == 1
        changed = Event.objects.get(aggregate_id=first.id, type="contact.demand_changed")
        last = Event.objects.filter(aggregate_id=first.id).latest("seq")
        assert (changed.data["demand"], last.seq) == (str(after.demand_id), after.version)


def test_a_contact_that_was_just_entering_follows(acme: Tenant, queue: Queue, line: EntryPoint) -> None:
    late = call(acme, line)
    change(acme, queue, requires="loans >= 3")
    with tenant_scope(acme.id):
        Contact.objects.filter(id=late.id).update(demand=late.demand)
    look_again(acme)
    assert now_of(acme, late.id).demand.expression == "loans>=3"
    with tenant_scope(acme.id, read_only=True):
        assert not Timer.objects.filter(kind=QUEUE_TIMER).exists()


def test_a_queue_that_is_gone_by_then_disturbs_nobody(acme: Tenant, queue: Queue) -> None:
    change(acme, queue, requires="loans >= 3")
    with tenant_scope(acme.id):
        Eligibility.objects.all().delete()
    remove_queue(tenant_id=acme.id, queue_id=queue.id, actor=ACTOR)
    look_again(acme)


def test_a_change_of_anything_else_leaves_the_waiting_alone(acme: Tenant, queue: Queue, line: EntryPoint) -> None:
    contact = call(acme, line)
    change(acme, queue, priority=9, weight_seconds=600)
    after = now_of(acme, contact.id)
    assert (after.version, after.priority, after.order_at) == (contact.version, 0, contact.order_at)


def test_a_value_that_no_queue_has_changes_nothing(acme: Tenant, queue: Queue) -> None:
    error = refused(acme, queue, ring_seconds=500, name="Other")
    assert (error.code, list(error.data["errors"])) == ("invalid", ["ring_seconds"])
    with tenant_scope(acme.id, read_only=True):
        assert Queue.objects.get().name == "Sales"


def test_a_skill_that_is_gone_is_not_required(acme: Tenant, queue: Queue) -> None:
    error = refused(acme, queue, requires="nothing")
    assert (error.code, error.status, error.data["errors"][0]["pointer"]) == ("invalid", 422, "/requires")


def test_a_queue_with_contacts_stays_active(acme: Tenant, queue: Queue, line: EntryPoint) -> None:
    contact = call(acme, line)
    error = refused(acme, queue, active=False)
    assert (error.code, error.data) == ("queue-in-flows", {"queue": "sales", "flows": [line.flow.code]})
    closed = {"schema": 1, "start": "bye", "nodes": {"bye": {"type": "hang_up", "reason": "closed"}}}
    publish_flow(tenant_id=acme.id, flow_id=line.flow_id, definition=closed, actor=ACTOR)
    error = refused(acme, queue, active=False, name="Other")
    assert (error.code, error.status, error.data) == ("queue-busy", 409, {"queue": "sales", "contacts": 1})
    with tenant_scope(acme.id):
        now = Queue.objects.get(id=queue.id)
        assert (now.active, now.name) == (True, "Sales")
        Contact.objects.filter(id=contact.id).update(state="ended", end_reason="abandoned", ended_at=db_now())
    assert change(acme, queue, active=False).active is False


def test_a_queue_that_a_flow_ever_led_to_is_not_removed(acme: Tenant, queue: Queue, line: EntryPoint) -> None:
    with pytest.raises(Conflict) as error:
        remove_queue(tenant_id=acme.id, queue_id=queue.id, actor=ACTOR)
    assert (error.value.code, error.value.data["flows"]) == ("queue-in-flows", [line.flow.code])


def test_a_skill_that_a_queue_requires_stays(acme: Tenant, queue: Queue) -> None:
    with tenant_scope(acme.id, read_only=True):
        skill = Skill.objects.get(code="english")
    with pytest.raises(Conflict) as error:
        remove_skill(tenant_id=acme.id, skill_id=skill.id, actor=ACTOR)
    assert (error.value.code, error.value.data) == ("skill-required", {"skill": "english", "queues": ["Sales"]})
    assert "Sales" in error.value.message
    change(acme, queue, requires="loans")
    remove_skill(tenant_id=acme.id, skill_id=skill.id, actor=ACTOR)
    with tenant_scope(acme.id, read_only=True):
        assert list(Skill.objects.values_list("code", flat=True)) == ["loans"]


def test_another_tenants_queue_and_skill_do_not_exist(acme: Tenant, queue: Queue) -> None:
    other = make_tenant()
    skill = make_skill(other, "english")
    assert refused(other, queue, name="Mine").status == 404
    with pytest.raises(HotseatError) as no_queue:
        remove_queue(tenant_id=other.id, queue_id=queue.id, actor=ACTOR)
    with pytest.raises(HotseatError) as no_skill:
        remove_skill(tenant_id=acme.id, skill_id=skill.id, actor=ACTOR)
    assert (no_queue.value.status, no_skill.value.status) == (404, 404)


# --- A full queue ----------------------------------------------------------------------------------------------------


def test_who_comes_to_a_full_queue_goes_to_another(acme: Tenant, queue: Queue, line: EntryPoint) -> None:
    other = make_queue(acme, code="other", requires="english")
    change(acme, queue, most_waiting=2, when_full="other")
    there = [call(acme, line) for _ in range(4)]
    assert [contact.queue_id for contact in there] == [queue.id, queue.id, other.id, other.id]
    with tenant_scope(acme.id, read_only=True):
        event = Event.objects.get(aggregate_id=there[2].id, type="contact.queue_full")
    assert (event.data["full"], event.data["to"]) == (str(queue.id), str(other.id))


@pytest.mark.parametrize("when_full", ["", "other"])
def test_where_all_is_full_the_line_is_busy(acme: Tenant, queue: Queue, line: EntryPoint, when_full: str) -> None:
    other = make_queue(acme, code="other", requires="english", most_waiting=1)
    change(acme, queue, most_waiting=1, when_full=when_full)
    call(acme, line)
    if when_full:
        assert call(acme, line).queue_id == other.id
    refused_call = call(acme, line)
    (command,) = commands(refused_call, CommandKind.HANG_UP)
    assert (refused_call.ending, command.arguments["cause"]) == (EndReason.REJECTED, Cause.USER_BUSY)


def test_a_way_out_of_a_full_queue_must_be_there(acme: Tenant, queue: Queue) -> None:
    error = refused(acme, queue, when_full="nowhere")
    assert [fault["pointer"] for fault in error.data["errors"]] == ["/when_full"]
    other = make_queue(acme, code="other", requires="english")
    change(acme, queue, when_full="other")
    assert refused(acme, other, active=False).code == "queue-in-steps"


@pytest.mark.parametrize(
    ("comfort", "pointer"),
    [
        ({"fr": "Bonjour"}, "/comfort/fr"),
        ({"en": " "}, "/comfort/en"),
        ({"en": "a" * 501}, "/comfort/en"),
        ({"en": "two\nlines"}, "/comfort/en"),
        ({"en": 3}, "/comfort/en"),
        (["en"], "/comfort"),
    ],
)
def test_a_comfort_message_that_no_voice_can_say_is_refused(
    acme: Tenant, queue: Queue, comfort: object, pointer: str
) -> None:
    assert [fault["pointer"] for fault in refused(acme, queue, comfort=comfort).data["errors"]] == [pointer]


def test_a_comfort_message_is_written_a_line_each_language() -> None:
    texts = {"en": "Thank you: really.", "zh-hans": "请稍候。"}
    assert read_texts(show_texts(texts)) == texts
    assert read_texts("") == {}
    for lines in ("en", "en:", ": words", "en: one\nEN: two"):
        with pytest.raises(ValidationError):
            read_texts(lines)
