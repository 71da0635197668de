"""Routing steps: a contact widens as it waits, and goes another way in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agents.public import AgentSession, set_ready, update_agent_skills
from routing.models import CommandKind, Contact, Demand, Queue, RoutingPolicy
from routing.public import change_queue, create_queue, mend, reject_offer, remove_queue
from routing.services.contacts import AGED, NOT_WHILE_IT_RINGS, STEP_TIMER
from routing.services.staffing import STAFFING_TIMER
from routing.states import ContactState, SegmentKind
from tenants import timers
from tenants.models import Timer
from tenants.public import Event, HotseatError, Tenant, db_now, engine_scope, tenant_scope
from tests import factories
from tests.api import assert_problem, program
from tests.factories import ACTOR
from tests.routing import calls
from tests.routing.ringing import due, fire

STEPS = [{"after": 20, "requires": "french", "priority": 2}, {"after": 60, "requires": ""}]


@pytest.fixture
def acme() -> Tenant:
    tenant = factories.make_tenant()
    for code in ("french", "english"):
        factories.make_skill(tenant, code)
    return tenant


@pytest.fixture
def line(acme: Tenant) -> calls.Line:
    """Experts in French; anybody with French after 20 s; anybody after 60 s."""
    return calls.make_line(acme, requires="french >= 4", steps=STEPS)


def timer_of(kind: str, subject: UUID) -> Timer | None:
    with engine_scope(read_only=True):
        row: Timer | None = Timer.objects.filter(kind=kind, subject_id=subject).first()
    return row


def step(contact: Contact) -> Contact:
    """The contact's next step comes."""
    fire(STEP_TIMER, contact.id)
    return calls.now_of(contact)


def demand_of(contact: Contact) -> str:
    with engine_scope(read_only=True):
        return str(Contact.objects.select_related("demand").get(id=contact.id).demand.expression)


def refused(tenant: Tenant, queue: Queue, **changes: Any) -> HotseatError:
    with pytest.raises(HotseatError) as error:
        change_queue(tenant_id=tenant.id, queue_id=queue.id, changes=changes, actor=ACTOR)
    return error.value


def test_a_contact_widens_as_it_waits(acme: Tenant, line: calls.Line) -> None:
    factories.make_session(acme, skills={"english": 5}, ready=True)
    contact = calls.call(line.number)
    assert (contact.state, contact.step, demand_of(contact)) == (ContactState.QUEUED, 0, "french>=4")
    first = timer_of(STEP_TIMER, contact.id)
    assert first is not None
    assert contact.queued_at is not None
    assert first.due_at - contact.queued_at == timedelta(seconds=20)
    wider = step(contact)
    assert (wider.step, wider.priority, demand_of(wider)) == (1, 2, "french>=1")
    assert (wider.order_at, wider.queued_at) == (contact.order_at, contact.queued_at)
    second = timer_of(STEP_TIMER, contact.id)
    assert second is not None
    assert second.due_at - contact.queued_at == timedelta(seconds=60)
    anybody = step(contact)
    assert (anybody.step, anybody.priority, demand_of(anybody)) == (2, 2, "")
    assert anybody.state == ContactState.OFFERED, "the step asks for a pass"
    assert timer_of(STEP_TIMER, contact.id) is None
    with tenant_scope(acme.id, read_only=True):
        taken = Event.objects.filter(aggregate_id=contact.id, type="contact.step_taken").order_by("seq")
        assert [(event.data["step"], event.data["priority"]) for event in taken] == [(1, 2), (2, 2)]
    assert calls.offer_of(contact).decision["step"] == 2


def test_a_contact_that_rings_widens_too_and_comes_back_so(acme: Tenant, line: calls.Line) -> None:
    expert = factories.make_session(acme, skills={"french": 5}, ready=True)
    contact = calls.call(line.number)
    other = factories.make_session(acme, skills={"french": 1}, ready=True)
    calls.pair_up(contact, expert)
    ringing = step(contact)
    assert (ringing.state, ringing.step, demand_of(ringing)) == (ContactState.OFFERED, 1, "french>=1")
    offer = calls.offer_of(contact)
    reject_offer(tenant_id=acme.id, offer_id=offer.id, session_id=expert.id, reason="busy", actor="agent:1")
    calls.pair_up(contact, other)


def test_a_contact_that_is_served_or_gone_takes_no_step(acme: Tenant, line: calls.Line) -> None:
    """Its timer goes with it; one that was found due just before does nothing."""
    factories.make_session(acme, skills={"french": 5}, ready=True)
    for ends in (calls.talk, calls.caller_hangs_up):
        contact = calls.call(line.number)
        found_due = due(STEP_TIMER, contact.id)
        ends(contact)
        assert timer_of(STEP_TIMER, contact.id) is None
        timers.fire(found_due)
        assert calls.now_of(contact).step == 0


def test_a_timer_that_two_engines_found_due_makes_one_step(acme: Tenant, line: calls.Line) -> None:
    contact = calls.call(line.number)
    found_due = due(STEP_TIMER, contact.id)
    timers.fire(found_due)
    timers.fire(found_due)
    assert calls.now_of(contact).step == 1


def test_the_last_step_leads_to_another_queue_with_the_same_place(acme: Tenant) -> None:
    sales = factories.make_queue(acme, code="sales", requires="english", weight_seconds=7, music_class="jazz")
    way = [{"after": 30, "queue": "sales", "priority": 3}]
    line = calls.make_line(acme, requires="french", steps=way, priority=1, weight_seconds=10)
    contact = calls.call(line.number)
    calls.caller_is_answered(contact)
    moved = step(contact)
    assert (moved.queue_id, moved.state, moved.step, moved.priority) == (sales.id, ContactState.QUEUED, 0, 4)
    assert contact.order_at is not None
    assert moved.order_at == contact.order_at + timedelta(seconds=10 - 7)
    assert demand_of(moved) == "english>=1"
    assert calls.segments(contact)[-2:] == [SegmentKind.QUEUE, SegmentKind.QUEUE]
    music = [row.arguments["music_class"] for row in calls.commands(contact, CommandKind.START_MUSIC)]
    assert music == ["default", "jazz"]
    with tenant_scope(acme.id, read_only=True):
        types = list(Event.objects.filter(aggregate_id=contact.id).order_by("seq").values_list("type", flat=True))
    assert types[-2:] == ["contact.overflowed", "contact.queued"]
    session = factories.make_session(acme, skills={"english": 1}, ready=True)
    calls.pair_up(moved, session)


def test_a_contact_that_rings_leaves_for_no_other_queue(acme: Tenant) -> None:
    factories.make_queue(acme, code="sales", requires="english")
    line = calls.make_line(acme, requires="french", steps=[{"after": 30, "queue": "sales"}])
    session = factories.make_session(acme, skills={"french": 1}, ready=True)
    contact = calls.call(line.number)
    calls.pair_up(contact, session)
    still = step(contact)
    assert (still.queue_id, still.state) == (line.queue.id, ContactState.OFFERED)
    again = timer_of(STEP_TIMER, contact.id)
    assert again is not None
    with engine_scope(read_only=True):
        assert db_now() < again.due_at <= db_now() + NOT_WHILE_IT_RINGS


def test_a_way_that_was_closed_meanwhile_leaves_the_contact_where_it_is(acme: Tenant) -> None:
    sales = factories.make_queue(acme, code="sales", requires="english")
    line = calls.make_line(acme, requires="french", steps=[{"after": 30, "queue": "sales"}])
    contact = calls.call(line.number)
    with tenant_scope(acme.id):
        Queue.objects.filter(id=sales.id).update(active=False)
    still = step(contact)
    assert (still.queue_id, still.state, still.step) == (line.queue.id, ContactState.QUEUED, 0)
    assert timer_of(STEP_TIMER, contact.id) is not None


def test_new_steps_hold_for_those_who_wait(acme: Tenant, line: calls.Line) -> None:
    contact = calls.call(line.number)
    step(contact)
    change_queue(
        tenant_id=acme.id,
        queue_id=line.queue.id,
        changes={"steps": [{"after": 20, "requires": "english >= 2"}, {"after": 25, "requires": "english"}]},
        actor=ACTOR,
    )
    now = calls.now_of(contact)
    assert (now.step, now.priority, demand_of(now)) == (1, 2, "english>=2")
    due = timer_of(STEP_TIMER, contact.id)
    assert due is not None
    assert contact.queued_at is not None
    assert due.due_at == contact.queued_at + timedelta(seconds=25)
    change_queue(tenant_id=acme.id, queue_id=line.queue.id, changes={"steps": []}, actor=ACTOR)
    assert (calls.now_of(contact).step, demand_of(contact)) == (0, "french>=4")
    assert step(contact).step == 0


def test_a_step_that_was_lost_comes_back(acme: Tenant, line: calls.Line) -> None:
    contact = calls.call(line.number)
    with engine_scope():
        Timer.objects.filter(kind=STEP_TIMER).delete()
    assert mend() == 1
    assert timer_of(STEP_TIMER, contact.id) is not None
    assert mend() == 0


@pytest.mark.parametrize(
    ("steps", "pointers"),
    [
        ("soon", ["/steps"]),
        ([{"after": 5, "requires": "french"}] * 11, ["/steps"]),
        ([{"after": 0, "requires": "french"}], ["/steps/0/after"]),
        ([{"after": 90_000, "requires": "french"}], ["/steps/0/after"]),
        ([{"after": 9, "requires": "french"}, {"after": 9, "requires": ""}], ["/steps/1/after"]),
        ([{"after": 9}], ["/steps/0"]),
        ([{"after": True, "priority": 1}], ["/steps/0/after"]),
        ([{"after": 9, "priority": 1001}], ["/steps/0/priority"]),
        ([{"after": 9, "requires": "french >= 9"}], ["/steps/0/requires"]),
        (
            [{"after": 9, "requires": "klingon"}, {"after": 19, "requires": "elvish"}],
            ["/steps/0/requires", "/steps/1/requires"],
        ),
        ([{"after": 9, "queue": "sales"}, {"after": 19, "requires": ""}], ["/steps/0"]),
        ([{"after": 9, "queue": "sales", "requires": ""}], ["/steps/0/requires"]),
        ([{"after": 9, "queue": "nowhere"}], ["/steps/0/queue"]),
        ([{"after": 9, "team": "x", "requires": ""}], ["/steps/0/team"]),
    ],
)
def test_steps_that_cannot_be_are_refused_and_nothing_is_lost(
    acme: Tenant, line: calls.Line, steps: Any, pointers: list[str]
) -> None:
    factories.make_queue(acme, code="sales", requires="english")
    error = refused(acme, line.queue, steps=steps, name="Other")
    assert (error.code, [fault["pointer"] for fault in error.data["errors"]]) == ("invalid", pointers)
    with tenant_scope(acme.id, read_only=True):
        row = Queue.objects.get(id=line.queue.id)
        assert (row.steps, row.name) == (STEPS, line.queue.name)


def test_what_is_refused_leaves_no_demand_behind(acme: Tenant, line: calls.Line) -> None:
    refused(acme, line.queue, requires="klingon >= 3")
    refused(acme, line.queue, steps=[{"after": 9, "requires": "french & klingon"}])
    with tenant_scope(acme.id, read_only=True):
        assert not Demand.objects.filter(expression__contains="klingon").exists()


def test_who_finds_the_way_closed_ages_all_the_same(acme: Tenant) -> None:
    set_policy(acme, ageing_seconds=25)
    sales = factories.make_queue(acme, code="sales", requires="english")
    line = calls.make_line(acme, requires="french", steps=[{"after": 20, "queue": "sales"}])
    contact = calls.call(line.number)
    with tenant_scope(acme.id):
        Queue.objects.filter(id=sales.id).update(active=False)
    assert step(contact).queue_id == line.queue.id
    assert step(contact).priority == AGED


def test_contacts_never_go_round_in_a_circle(acme: Tenant) -> None:
    for code, to in (("c", None), ("b", "c"), ("a", "b")):
        steps = [{"after": 9, "queue": to}] if to else []
        create_queue(tenant_id=acme.id, values={"code": code, "name": code, "steps": steps}, actor=ACTOR)
    with tenant_scope(acme.id, read_only=True):
        queues = {row.code: row for row in Queue.objects.all()}
    error = refused(acme, queues["c"], steps=[{"after": 9, "queue": "a"}])
    assert "c → a → b → c" in error.message
    assert "c → c" in refused(acme, queues["c"], steps=[{"after": 9, "queue": "c"}]).message


def test_a_queue_to_which_others_lead_stays(acme: Tenant) -> None:
    sales = factories.make_queue(acme, code="sales", requires="english")
    factories.make_queue(acme, code="help", requires="french", steps=[{"after": 9, "queue": "sales"}])
    error = refused(acme, sales, active=False)
    assert (error.code, error.data["queues"]) == ("queue-in-steps", ["help"])
    with pytest.raises(HotseatError) as kept:
        remove_queue(tenant_id=acme.id, queue_id=sales.id, actor=ACTOR)
    assert kept.value.code == "queue-in-steps"


def test_another_tenants_queue_is_no_way_out(acme: Tenant, line: calls.Line) -> None:
    factories.make_queue(factories.make_tenant(), code="theirs")
    error = refused(acme, line.queue, steps=[{"after": 9, "queue": "theirs"}])
    assert error.data["errors"][0]["pointer"] == "/steps/0/queue"


def test_what_nobody_can_serve_is_accepted_and_told(acme: Tenant) -> None:
    values = {"code": "f", "name": "F", "requires": "french >= 4", "steps": STEPS}
    queue = create_queue(tenant_id=acme.id, values=values, actor=ACTOR)
    assert queue.unserved == [0, 1, 2], "there is no agent yet"
    agent = factories.make_agent(acme, skills={"french": 2})
    fire(STAFFING_TIMER, acme.id)
    with tenant_scope(acme.id, read_only=True):
        assert Queue.objects.get(id=queue.id).unserved == [0]
    update_agent_skills(tenant_id=acme.id, agent_id=agent.id, skills={"french": 5}, actor=ACTOR)
    fire(STAFFING_TIMER, acme.id)
    with tenant_scope(acme.id, read_only=True):
        assert Queue.objects.get(id=queue.id).unserved == []
    changed = change_queue(tenant_id=acme.id, queue_id=queue.id, changes={"requires": "french & !french"}, actor=ACTOR)
    assert changed.unserved == [0]


# --- Order -----------------------------------------------------------------------------------------------------------


def set_policy(tenant: Tenant, **fields: Any) -> None:
    with tenant_scope(tenant.id):
        RoutingPolicy.objects.update_or_create(defaults=fields)


def came(contact: Contact, *, seconds_ago: float) -> Contact:
    """The contact, as if it had come to its queue so long ago."""
    earlier = timedelta(seconds=seconds_ago)
    with engine_scope():
        row = Contact.objects.get(id=contact.id)
        assert row.order_at is not None
        assert row.queued_at is not None
        row.order_at, row.queued_at = row.order_at - earlier, row.queued_at - earlier
        row.ages_at = row.ages_at - earlier if row.ages_at else None
        row.save(update_fields=["order_at", "queued_at", "ages_at"])
        if row.ages_at:
            Timer.objects.filter(kind=STEP_TIMER, subject_id=row.id).update(due_at=row.ages_at)
    return calls.now_of(contact)


def offered_in_turn(tenant: Tenant, agent: AgentSession, count: int) -> list[UUID]:
    """The contacts in the order in which one agent gets them, who rejects nothing and talks to each."""
    turns = []
    set_ready(tenant_id=tenant.id, session_id=agent.id, actor=ACTOR)
    for _ in range(count):
        with engine_scope(read_only=True):
            contact = Contact.objects.get(tenant=tenant, state=ContactState.OFFERED)
        turns.append(contact.id)
        calls.caller_hangs_up(contact)
    return turns


def test_contacts_are_ordered_by_when_their_service_level_is_due(acme: Tenant) -> None:
    set_policy(acme, order=RoutingPolicy.Order.EARLIEST_DUE)
    slow = calls.make_line(acme, requires="english", target_seconds=120)
    quick = calls.make_line(acme, requires="english", target_seconds=20)
    long_wait, just_come = came(calls.call(slow.number), seconds_ago=60), calls.call(quick.number)
    very_long = came(calls.call(slow.number), seconds_ago=115)
    agent = factories.make_session(acme, skills={"english": 3})
    assert offered_in_turn(acme, agent, 3) == [very_long.id, just_come.id, long_wait.id]


def test_without_a_policy_who_came_first_goes_first(acme: Tenant) -> None:
    slow = calls.make_line(acme, requires="english", target_seconds=120)
    quick = calls.make_line(acme, requires="english", target_seconds=20)
    first, second = calls.call(slow.number), calls.call(quick.number)
    agent = factories.make_session(acme, skills={"english": 3})
    assert offered_in_turn(acme, agent, 2) == [first.id, second.id]


def test_nobody_is_overtaken_by_one_who_came_later_than_the_ageing_time(acme: Tenant) -> None:
    """Whatever the priorities: those who have waited for so long go by when they came, before all others."""
    set_policy(acme, ageing_seconds=60)
    plain = calls.make_line(acme, requires="english", priority=-5)
    favoured = calls.make_line(acme, requires="english", priority=900, weight_seconds=3600)
    older, old = (came(calls.call(plain.number), seconds_ago=wait) for wait in (90, 61))
    fresh = calls.call(plain.number)
    vips = [calls.call(favoured.number) for _ in range(3)]
    vip_who_waited = came(calls.call(favoured.number), seconds_ago=70)
    for contact in (vip_who_waited, old, older):
        fire(STEP_TIMER, contact.id)
    assert [calls.now_of(contact).priority for contact in (older, old, vip_who_waited, fresh)] == [AGED] * 3 + [-5]
    agent = factories.make_session(acme, skills={"english": 3})
    turns = offered_in_turn(acme, agent, 7)
    assert turns == [older.id, vip_who_waited.id, old.id, *[vip.id for vip in vips], fresh.id]


def test_ageing_and_steps_share_a_timer(acme: Tenant) -> None:
    set_policy(acme, ageing_seconds=30)
    line = calls.make_line(acme, requires="french >= 4", steps=STEPS)
    contact = calls.call(line.number)
    assert step(contact).step == 1, "after 20 s"
    aged = step(contact)
    assert (aged.step, aged.priority, aged.ages_at) == (1, AGED, None), "after 30 s"
    assert (step(contact).step, calls.now_of(contact).priority) == (2, AGED), "after 60 s"
    assert timer_of(STEP_TIMER, contact.id) is None


def test_who_has_aged_keeps_that_in_another_queue(acme: Tenant) -> None:
    set_policy(acme, ageing_seconds=10)
    sales = factories.make_queue(acme, code="sales", requires="english", weight_seconds=500)
    line = calls.make_line(acme, requires="french", steps=[{"after": 30, "queue": "sales", "priority": 3}])
    contact = calls.call(line.number)
    aged = step(contact)
    moved = step(contact)
    assert (moved.queue_id, moved.priority, moved.ages_at) == (sales.id, AGED, None)
    assert moved.order_at == aged.order_at, "head starts are no matter any more"


def test_a_contact_that_is_served_leaves_no_timer(acme: Tenant) -> None:
    set_policy(acme, ageing_seconds=30)
    line = calls.make_line(acme, requires="english")
    factories.make_session(acme, skills={"english": 1}, ready=True)
    contact = calls.call(line.number)
    assert timer_of(STEP_TIMER, contact.id) is not None
    calls.talk(contact)
    assert timer_of(STEP_TIMER, contact.id) is None
    gone = calls.call(line.number)
    calls.caller_hangs_up(gone)
    assert timer_of(STEP_TIMER, gone.id) is None


def test_a_tenant_has_one_policy(acme: Tenant) -> None:
    api = program(acme)
    made = api.send("routing-policies/", {"order": "earliest_due", "ageing_seconds": 300})
    assert made.status_code == 201, made.content
    assert_problem(api.send("routing-policies/", {"order": "arrival"}), 409, "taken")
    assert_problem(api.change(f"routing-policies/{made.json()['id']}/", {"ageing_seconds": 90_000}), 422, "invalid")
    assert_problem(program(factories.make_tenant()).read(f"routing-policies/{made.json()['id']}/"), 404, "not-found")
    assert api.remove(f"routing-policies/{made.json()['id']}/").status_code == 204
