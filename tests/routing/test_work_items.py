"""Work items: a letter waits as a call does, goes to one agent, and ends with what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.errors import ContactInProgress
from agents.public import AgentSession, SessionState, log_out
from reporting.live import read_live
from routing.models import Contact, ContactParty, Disposition, Interaction, RoutingPolicy, SwitchCommand, WorkItem
from routing.services.mend import mend
from routing.services.work_items import WORK_END_TIMER, cancel_work_item, finish_work_item
from routing.states import ContactState, EndReason, OfferState
from tenants.models import Timer
from tenants.public import Conflict, Invalid, NotFound, Role, Tenant, db_now, engine_scope, tenant_scope
from tests import factories
from tests.api import assert_problem, program
from tests.factories import ACTOR
from tests.routing import calls
from tests.routing.ringing import fire, reject, timer_kinds
from tests.routing.work import clerk, letter, take_up


@pytest.fixture
def acme() -> Tenant:
    return factories.make_tenant()


@pytest.fixture
def line(acme: Tenant) -> calls.Line:
    return calls.make_line(acme, wrap_up_seconds=30)


def finish(contact: Contact, session: AgentSession, *, disposition: UUID | None = None, note: str = "") -> Contact:
    finish_work_item(
        tenant_id=contact.tenant_id,
        contact_id=contact.id,
        session_id=session.id,
        disposition_id=disposition,
        note=note,
        actor="agent:1",
    )
    return calls.now_of(contact)


def test_a_letter_waits_is_taken_up_and_done_without_the_exchange(acme: Tenant, line: calls.Line) -> None:
    contact = letter(line)
    assert (contact.state, contact.channel) == (ContactState.QUEUED, "work")
    session = clerk(acme)
    offer = calls.offer_of(contact)
    assert (offer.session_id, offer.answer_mode) == (session.id, "desk")
    assert take_up(contact).state == ContactState.ENGAGED
    with tenant_scope(acme.id, read_only=True):
        assert read_live(acme.id).agents_by_state() == {"ready": 1}
    with tenant_scope(acme.id):
        sold = Disposition.objects.create(name="Answered")
    done = finish(contact, session, disposition=sold.id, note="Sent ✉")
    assert (done.state, done.end_reason, done.disposition_id) == (ContactState.ENDED, EndReason.HANDLED, sold.id)
    assert done.metered_ms == 0
    assert calls.segments(contact) == ["queue", "ring", "talk"]
    assert factories.reread(session).state == SessionState.READY
    assert timer_kinds(contact.id) == []
    with engine_scope(read_only=True):
        assert not SwitchCommand.objects.exists()
        assert Interaction.objects.get(id=contact.interaction_id).ended_at is not None
    with tenant_scope(acme.id, read_only=True):
        assert ContactParty.objects.get(contact=contact).note == "Sent ✉"
    assert mend() == 0


def test_who_has_letters_in_hand_still_gets_a_call_but_no_letter_during_one(acme: Tenant, line: calls.Line) -> None:
    session = clerk(acme, work=2)
    first = letter(line)
    take_up(first)
    call = calls.call(line.number)
    assert calls.offer_of(call).session_id == session.id
    second = letter(line)
    assert calls.offers_of(second) == []
    calls.talk(call)
    assert calls.offers_of(second) == []
    calls.caller_hangs_up(call)
    fire("wrap-up", session.id)
    assert calls.offer_of(second).session_id == session.id
    assert finish(first, session).state == ContactState.ENDED
    assert factories.reread(session).state == SessionState.READY


def test_a_letter_that_is_done_in_wrap_up_leaves_the_wrap_up_alone(acme: Tenant, line: calls.Line) -> None:
    session = clerk(acme)
    contact = letter(line)
    take_up(contact)
    call = calls.call(line.number)
    calls.talk(call)
    calls.caller_hangs_up(call)
    assert factories.reread(session).state == SessionState.WRAP_UP
    finish(contact, session)
    wrapping = factories.reread(session)
    assert (wrapping.state, wrapping.wrap_up_contact_id) == (SessionState.WRAP_UP, call.id)


def test_nobody_gets_work_who_has_no_slot_for_it(acme: Tenant, line: calls.Line) -> None:
    factories.make_session(acme, ready=True)
    assert calls.offers_of(letter(line)) == []


def test_skills_priority_and_who_came_first_count_as_for_calls(acme: Tenant) -> None:
    line = calls.make_line(acme, requires="french >= 2")
    late, urgent = letter(line), letter(line, priority=7)
    clerk(acme)
    assert calls.offers_of(late) == calls.offers_of(urgent) == []
    clerk(acme, skills={"french": 3})
    assert len(calls.offers_of(urgent)) == 1
    assert calls.offers_of(late) == []


def test_where_what_is_due_first_goes_first_a_letter_is_ordered_by_its_own_due_time(acme: Tenant) -> None:
    with tenant_scope(acme.id):
        RoutingPolicy.objects.create(order=RoutingPolicy.Order.EARLIEST_DUE)
    line = calls.make_line(acme)
    with tenant_scope(acme.id, read_only=True):
        due = db_now() + timedelta(days=2)
    assert letter(line, due_at=due).order_at == due


def test_a_letter_that_is_missed_or_rejected_goes_to_somebody_else_in_its_place(acme: Tenant, line: calls.Line) -> None:
    contact = letter(line)
    first = clerk(acme)
    fire("offer-lease", calls.offer_of(contact).id)
    assert calls.offers_of(contact)[0].state == OfferState.TIMED_OUT
    assert factories.reread(first).state == SessionState.NOT_READY
    second = clerk(acme)
    reject(calls.offer_of(contact))
    assert [offer.session_id for offer in calls.offers_of(contact)] == [first.id, second.id]
    now = calls.now_of(contact)
    assert (now.state, now.order_at) == (ContactState.QUEUED, contact.order_at)


def test_a_letter_is_passed_on_to_another_queue_and_back(acme: Tenant, line: calls.Line) -> None:
    other = factories.make_queue(acme, requires="french >= 1", announce_seconds=15)
    session = clerk(acme)
    contact = take_up(letter(line))
    api = program(acme)
    sent = api.send(f"contacts/{contact.id}/transfer/", {"queue": other.code, "reason": "language"})
    assert sent.status_code == 204, sent.content
    moved = calls.now_of(contact)
    assert (moved.state, moved.queue_id, "announce" in timer_kinds(contact.id)) == (
        ContactState.QUEUED,
        other.id,
        False,
    )
    assert factories.reread(session).state == SessionState.READY
    fluent = clerk(acme, skills={"french": 3})
    take_up(contact)
    assert finish(contact, fluent).end_reason == EndReason.HANDLED
    with engine_scope(read_only=True):
        assert not SwitchCommand.objects.exists()


def test_it_is_taken_back_wherever_it_is(acme: Tenant, line: calls.Line) -> None:
    waiting, ringing, held = (letter(line) for _ in range(3))
    cancel_work_item(tenant_id=acme.id, contact_id=waiting.id, actor=ACTOR)
    session = clerk(acme, work=2)
    take_up(held)
    assert calls.offer_of(ringing).session_id == session.id
    for contact in (ringing, held):
        cancel_work_item(tenant_id=acme.id, contact_id=contact.id, actor=ACTOR)
    ended = [calls.now_of(contact) for contact in (waiting, ringing, held)]
    assert {contact.end_reason for contact in ended} == {EndReason.REJECTED}
    assert calls.offer_of(ringing).state == OfferState.RESCINDED
    assert all(not slot.held for slot in slots_of(session))
    with pytest.raises(Conflict):
        cancel_work_item(tenant_id=acme.id, contact_id=held.id, actor=ACTOR)


def slots_of(session: AgentSession) -> list[Any]:
    with tenant_scope(session.tenant_id, read_only=True):
        return list(session.slots.all())


def test_an_end_that_was_asked_for_by_a_process_that_died_comes_by_its_timer_or_is_mended(
    acme: Tenant, line: calls.Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = clerk(acme, work=2)
    contacts = [take_up(letter(line)) for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr("routing.services.work_items._end", lambda *_args, **_more: None)
        for contact in contacts:
            finish(contact, session)
    assert {calls.now_of(contact).state for contact in contacts} == {ContactState.ENGAGED}
    fire(WORK_END_TIMER, contacts[0].id)
    with engine_scope():
        Timer.objects.filter(kind=WORK_END_TIMER, subject_id=contacts[1].id).delete()
    assert mend() == 1
    fire(WORK_END_TIMER, contacts[1].id)
    assert {calls.now_of(contact).end_reason for contact in contacts} == {EndReason.HANDLED}
    assert mend() == 0


def test_who_has_a_letter_in_hand_does_not_log_out_before_it_is_done_or_passed_on(
    acme: Tenant, line: calls.Line
) -> None:
    session = clerk(acme)
    contact = take_up(letter(line))
    with pytest.raises(ContactInProgress):
        log_out(tenant_id=acme.id, session_id=session.id, actor="agent:1")
    finish(contact, session)
    log_out(tenant_id=acme.id, session_id=session.id, actor="agent:1")


def test_only_who_has_it_in_hand_says_what_came_of_it(acme: Tenant, line: calls.Line) -> None:
    session, other = clerk(acme), factories.make_session(acme)
    contact = take_up(letter(line))
    with pytest.raises(NotFound):
        finish(contact, other)
    with pytest.raises(Invalid):
        finish(contact, session, note="x" * 4001)
    with pytest.raises(NotFound):
        finish(contact, session, disposition=uuid4())
    assert calls.now_of(contact).state == ContactState.ENGAGED
    finish(contact, session)
    with pytest.raises(Conflict):
        finish(contact, session)
    call = calls.call(line.number)
    with pytest.raises(NotFound):
        cancel_work_item(tenant_id=acme.id, contact_id=call.id, actor=ACTOR)


def test_a_program_makes_lists_and_takes_back_work(acme: Tenant, line: calls.Line) -> None:
    api, elsewhere = program(acme), factories.make_tenant()
    customer = factories.make_customer(acme)
    made = api.send(
        "work-items/",
        {
            "queue": line.queue.code,
            "subject": "Adresse ändern",
            "kind": "form",
            "body": "…",
            "reference": "DMS-7",
            "customer": str(customer.id),
            "due_at": "2026-11-30T12:00:00+01:00",
        },
    )
    assert made.status_code == 201, made.content
    shown = made.json()
    assert (shown["state"], shown["queue"], shown["customer"]) == ("queued", line.queue.code, str(customer.id))
    rows = api.read("work-items/?open=true&reference=DMS-7&kind=form").json()["results"]
    assert [row["id"] for row in rows] == [shown["id"]]
    assert api.read("work-items/?open=false").json()["results"] == []
    assert_problem(api.send(f"contacts/{shown['id']}/end/", {}), 409, "is-work-item")
    stranger = program(elsewhere)
    assert stranger.read("work-items/").json()["results"] == []
    assert_problem(stranger.send(f"work-items/{shown['id']}/cancel/", {}), 404, "not-found")
    assert api.send(f"work-items/{shown['id']}/cancel/", {}).json()["end_reason"] == "rejected"
    assert_problem(api.send(f"work-items/{shown['id']}/cancel/", {}), 409, "contact-over")


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"queue": "nowhere"}, 422, "invalid"),
        ({"subject": "   "}, 422, "invalid"),
        ({"subject": "x" * 201}, 422, "invalid"),
        ({"priority": -1}, 422, "invalid"),
        ({"kind": "fax"}, 422, "invalid"),
        ({"customer": str(uuid4())}, 422, "invalid"),
    ],
)
def test_work_that_cannot_be_is_refused_and_leaves_nothing(
    acme: Tenant, line: calls.Line, values: dict[str, Any], status: int, code: str
) -> None:
    body = {"queue": line.queue.code, "subject": "A letter", **values}
    assert_problem(program(acme).send("work-items/", body), status, code)
    with tenant_scope(acme.id, read_only=True):
        assert not WorkItem.objects.exists()
        assert not Contact.objects.exists()


def test_a_full_queue_takes_no_more_work_and_agents_make_none(acme: Tenant) -> None:
    line = calls.make_line(acme, most_waiting=1)
    body = {"queue": line.queue.code, "subject": "A letter"}
    assert program(acme).send("work-items/", body).status_code == 201
    assert_problem(program(acme).send("work-items/", body), 409, "queue-full")
    assert_problem(program(acme, role=Role.AGENT).send("work-items/", body), 403, "missing-right")


def test_a_queue_whose_skills_change_takes_its_letters_along(acme: Tenant, line: calls.Line) -> None:
    contact = letter(line)
    factories.make_skill(acme, "french")
    changed = program(acme).change(f"queues/{line.queue.id}/", {"requires": "french >= 2"})
    assert changed.status_code == 200, changed.content
    clerk(acme)
    assert calls.offers_of(contact) == []
    fluent = clerk(acme, skills={"french": 2})
    assert calls.offer_of(contact).session_id == fluent.id
