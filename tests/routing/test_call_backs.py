"""Call-backs, the agent first: in the customer's place, dialled when the agent is there, and every way it can end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.public import SessionState
from routing.call_back_states import CallBackState, Outcome
from routing.models import BarredPrefix, CommandKind, ContactParty, Direction, Leg, Trunk
from routing.services.calling_back import begin_call_back, call_back_timer
from routing.states import ContactState, EndReason, OfferState, SegmentKind
from routing.switch.port import Cause
from tenants.public import CSP_TENANT_ID, db_now, engine_scope, tenant_scope
from tenants.timers import due_timers, fire
from tests import factories
from tests.routing import call_backs
from tests.routing.backups import make_trunk
from tests.routing.call_backs import (
    CUSTOMER,
    asked,
    begun,
    brought_forward,
    customer_answers,
    customer_ends,
    customer_rings,
    dials,
    now_of,
    outcomes_of,
    timer_of,
)
from tests.routing.calls import (
    Line,
    agent_answers,
    bridged,
    call,
    commands,
    hung_up,
    leg_ends,
    make_line,
    offer_of,
    offers_of,
    rings,
    segments,
)
from tests.routing.calls import now_of as contact_now


@pytest.fixture
def line() -> Line:
    make_trunk()
    return make_line()


def test_an_agent_is_rung_then_the_customer_and_they_talk(line: Line) -> None:
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line, name="Ann")
    contact = begun(call_back)
    offer = offer_of(contact)
    assert (contact.direction, now_of(call_back).state) == (Direction.OUTBOUND, CallBackState.WAITING)
    assert dials(contact) == []
    rings(offer)
    agent_answers(offer)
    (dial,) = dials(contact)
    assert CUSTOMER not in str(dial.arguments)
    assert (dial.arguments["endpoint"], now_of(call_back).state) == ("trunk", CallBackState.DIALLING)
    customer_rings(contact)
    customer_answers(contact)
    assert now_of(call_back).state == CallBackState.REACHED
    bridged(contact, offer)
    assert contact_now(contact).state == ContactState.ENGAGED
    customer_ends(contact)
    ended, done = contact_now(contact), now_of(call_back)
    assert (ended.state, ended.end_reason) == (ContactState.ENDED, EndReason.HANDLED)
    assert (done.state, done.outcome, done.attempts) == (CallBackState.DONE, Outcome.REACHED, 1)
    assert segments(contact) == [
        SegmentKind.FLOW, SegmentKind.QUEUE, SegmentKind.RING, SegmentKind.RING, SegmentKind.TALK
    ]  # fmt: skip
    interaction = ended.interaction
    assert interaction.answered_at is not None
    assert ended.ended_at is not None
    assert ended.metered_ms == (ended.ended_at - interaction.answered_at) // timedelta(milliseconds=1)
    assert factories.reread(session).state == SessionState.READY
    assert not factories.slot_of(session).held
    assert timer_of(call_back) is None


def test_the_number_is_the_partys_and_nowhere_the_engine_can_read(line: Line) -> None:
    call_back = asked(line, name="Ann", note="a loan")
    contact = begun(call_back)
    with tenant_scope(line.tenant.id, read_only=True):
        party = ContactParty.objects.get(contact=contact)
    assert (party.dnis, party.ani, party.name) == (CUSTOMER, line.number, "Ann")
    party_then = call_backs.party_of(call_back)
    assert (party_then.number, party_then.note) == (CUSTOMER, "a loan")
    assert CUSTOMER not in str(vars(now_of(call_back)))


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.USER_BUSY, Outcome.BUSY),
        (Cause.NO_ANSWER, Outcome.NO_ANSWER),
        (Cause.CALL_REJECTED, Outcome.REFUSED),
        (Cause.CONGESTION, Outcome.FAILED),
    ],
)
def test_a_customer_who_is_not_reached_is_tried_again_after_the_spacing(line: Line, cause: int, outcome: str) -> None:
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line, rule={"spacing_seconds": 600})
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    customer_ends(contact, cause=cause)
    again, ended = now_of(call_back), contact_now(contact)
    assert (again.state, again.outcome, again.attempts) == (CallBackState.SCHEDULED, outcome, 1)
    assert ended.end_reason == EndReason.NOT_REACHED
    assert ended.ended_at is not None
    assert again.due_at - ended.ended_at == timedelta(seconds=600)
    assert offer.leg_channel in hung_up(contact)
    assert (offer_of(contact).state, factories.reread(session).state) == (OfferState.RESCINDED, SessionState.READY)
    assert not begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    second = begun(brought_forward(call_back))
    assert second.id != contact.id
    assert outcomes_of(call_back) == [outcome, ""]


def test_after_the_last_attempt_it_is_given_up_and_says_why(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line, rule={"most_attempts": 2})
    for _ in range(2):
        contact = begun(brought_forward(call_back))
        agent_answers(offer_of(contact))
        customer_ends(contact, cause=Cause.USER_BUSY)
    over = now_of(call_back)
    assert (over.state, over.outcome, over.attempts) == (CallBackState.UNREACHABLE, Outcome.BUSY, 2)
    assert timer_of(call_back) is None


def test_a_number_that_is_no_number_is_given_up_at_once(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    agent_answers(offer_of(contact))
    customer_ends(contact, cause=Cause.UNALLOCATED_NUMBER)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.UNREACHABLE, Outcome.INVALID)


def test_an_agent_who_does_not_answer_costs_the_customer_nothing(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    first = offer_of(contact)
    rings(first)
    leg_ends(first.leg_channel, cause=Cause.NO_ANSWER)
    back = contact_now(contact)
    assert (back.state, back.order_at) == (ContactState.QUEUED, contact.order_at)
    assert (now_of(call_back).state, now_of(call_back).attempts) == (CallBackState.WAITING, 0)
    factories.make_session(line.tenant, ready=True)
    agent_answers(offer_of(contact))
    assert len(offers_of(contact)) == 2
    assert len(dials(contact)) == 1


def test_an_agent_who_hangs_up_while_it_rings_has_the_customer_called_again_soon(line: Line) -> None:
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    customer_rings(contact)
    leg_ends(offer.leg_channel)
    again = now_of(call_back)
    assert (again.state, again.outcome) == (CallBackState.SCHEDULED, Outcome.AGENT_LEFT)
    assert contact.caller_channel in hung_up(contact)
    assert contact_now(contact).end_reason == EndReason.NOT_REACHED
    assert factories.reread(session).state == SessionState.READY
    customer_ends(contact)
    assert now_of(call_back).version == again.version


def test_a_customer_whose_agent_left_as_they_answered_waits_at_the_head_of_the_queue(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    customer_answers(contact)
    leg_ends(offer.leg_channel)
    waits = contact_now(contact)
    assert (waits.state, waits.order_at) == (ContactState.QUEUED, contact.order_at)
    assert commands(contact, CommandKind.START_MUSIC)
    factories.make_session(line.tenant, ready=True)
    second = offer_of(contact)
    agent_answers(second)
    bridged(contact, second)
    assert contact_now(contact).state == ContactState.ENGAGED
    assert len(dials(contact)) == 1


def test_a_dial_of_which_nothing_is_heard_is_given_up_by_the_lease(line: Line) -> None:
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    with engine_scope(read_only=True):
        later = db_now() + timedelta(minutes=2)
    (due,) = [timer for timer in due_timers(until=later) if timer.subject_id == offer.id]
    fire(due)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.SCHEDULED, Outcome.FAILED)
    assert {contact.caller_channel, offer.leg_channel} <= set(hung_up(contact))
    assert factories.reread(session).state == SessionState.READY
    # It comes to life all the same.
    customer_answers(contact)
    assert hung_up(contact).count(contact.caller_channel) == 2
    customer_ends(contact)
    with engine_scope(read_only=True):
        assert Leg.objects.get(channel_id=contact.caller_channel).ended_at is not None
    assert now_of(call_back).state == CallBackState.SCHEDULED


def test_reports_that_come_twice_or_late_dial_nobody_twice(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    for _ in range(2):
        agent_answers(offer)
    for _ in range(2):
        customer_answers(contact)
    for _ in range(2):
        customer_ends(contact)
    assert len(dials(contact)) == 1
    assert (now_of(call_back).state, now_of(call_back).attempts) == (CallBackState.SCHEDULED, 1)
    assert outcomes_of(call_back) == [Outcome.ABANDONED]


def test_one_that_waits_for_too_long_expires_and_says_so(line: Line) -> None:
    call_back = asked(line)
    contact = begun(call_back)
    due = timer_of(call_back)
    assert due is not None
    assert due.due_at == call_back.expires_at
    call_back_timer(due)
    over = now_of(call_back)
    assert (over.state, over.outcome) == (CallBackState.EXPIRED, Outcome.EXPIRED)
    assert (contact_now(contact).state, contact_now(contact).end_reason) == (ContactState.ENDED, EndReason.CALLED_OFF)
    assert "call_back.expired" in call_backs.events_of(call_back)
    assert timer_of(call_back) is None


def test_without_a_trunk_it_is_put_off_and_loses_no_attempt(line: Line) -> None:
    call_back = asked(line)
    _take_trunks_away()
    assert begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    off = now_of(call_back)
    assert (off.state, off.attempts) == (CallBackState.SCHEDULED, 0)
    assert off.due_at > call_back.due_at
    assert "call_back.put_off" in call_backs.events_of(call_back)


def test_a_number_barred_since_is_never_dialled(line: Line) -> None:
    call_back = asked(line)
    with tenant_scope(CSP_TENANT_ID):
        BarredPrefix.objects.create(prefix=CUSTOMER[:8])
    assert begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.UNREACHABLE, Outcome.INVALID)
    assert call_backs.contacts_of(call_back) == []


def test_the_timer_begins_what_no_worker_has(line: Line) -> None:
    call_back = asked(line)
    due = timer_of(call_back)
    assert due is not None
    call_back_timer(due)
    assert now_of(call_back).state == CallBackState.WAITING
    call_back_timer(due)
    assert not begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    assert len(call_backs.contacts_of(call_back)) == 1


def test_a_waiting_call_back_is_in_order_with_callers(line: Line) -> None:
    call_back = asked(line)
    first = call(line.number)
    contact = begun(call_back)
    session = factories.make_session(line.tenant, ready=True)
    assert offer_of(contact).session_id == session.id
    assert contact_now(first).state == ContactState.QUEUED


def _take_trunks_away() -> None:
    with tenant_scope(CSP_TENANT_ID):
        Trunk.objects.update(active=False)
