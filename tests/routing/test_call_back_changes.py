"""Call-backs cancelled in every state, put at another time, told by their agent; the customer first; what is stuck."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from agents.public import SessionState, set_ready
from routing.call_back_states import CallBackState, Outcome
from routing.models import CallBack, CommandKind
from routing.services.call_back_asking import must_be_new
from routing.services.call_back_changes import cancel_call_back, change_call_back, tell_outcome
from routing.services.calling_back import begin_call_back, call_back_timer
from routing.services.mend import mend_call_backs, mend_contacts
from routing.states import ContactState, EndReason
from routing.switch.port import Cause
from tenants.public import Conflict, Invalid, NotFound, db_now, drop_timer, engine_scope
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
    dials,
    now_of,
    outcomes_of,
    timer_of,
)
from tests.routing.calls import Line, agent_answers, bridged, commands, hung_up, leg_ends, make_line, offer_of, rings
from tests.routing.calls import now_of as contact_now
from tests.threads import at_once

CUSTOMER_FIRST = {"mode": "customer_first"}


@pytest.fixture
def line() -> Line:
    make_trunk()
    return make_line()


def cancel(call_back: CallBack) -> None:
    cancel_call_back(tenant_id=call_back.tenant_id, call_back_id=call_back.id, actor=factories.ACTOR)


def test_one_that_is_scheduled_is_cancelled(line: Line) -> None:
    call_back = asked(line)
    cancel(call_back)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.CANCELLED, Outcome.CANCELLED)
    assert timer_of(call_back) is None
    assert not begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    with pytest.raises(Conflict) as refused:
        cancel(call_back)
    assert refused.value.code == "call-back-over"


def test_one_that_waits_leaves_the_queue_when_cancelled(line: Line) -> None:
    call_back = asked(line)
    contact = begun(call_back)
    cancel(call_back)
    assert (contact_now(contact).state, contact_now(contact).end_reason) == (ContactState.ENDED, EndReason.CALLED_OFF)
    assert (now_of(call_back).state, outcomes_of(call_back)) == (CallBackState.CANCELLED, [Outcome.CANCELLED])
    assert hung_up(contact) == []


def test_an_agent_who_rings_is_left_in_peace_when_it_is_cancelled(line: Line) -> None:
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    rings(offer)
    cancel(call_back)
    assert offer.leg_channel in hung_up(contact)
    assert (factories.reread(session).state, factories.slot_of(session).held) == (SessionState.READY, False)


def test_a_customer_who_rings_is_rung_no_more_when_it_is_cancelled(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    cancel(call_back)
    assert {offer.leg_channel, contact.caller_channel} <= set(hung_up(contact))
    customer_answers(contact)
    customer_ends(contact)
    leg_ends(offer.leg_channel)
    assert (now_of(call_back).state, now_of(call_back).attempts) == (CallBackState.CANCELLED, 1)


def test_a_customer_on_the_line_cannot_be_cancelled(line: Line) -> None:
    factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    agent_answers(offer_of(contact))
    customer_answers(contact)
    with pytest.raises(Conflict) as refused:
        cancel(call_back)
    assert refused.value.code == "call-back-under-way"


def test_another_tenants_call_back_is_none(line: Line) -> None:
    call_back = asked(line)
    with pytest.raises(NotFound):
        cancel_call_back(tenant_id=factories.make_tenant().id, call_back_id=call_back.id, actor=factories.ACTOR)
    with pytest.raises(NotFound):
        cancel_call_back(tenant_id=line.tenant.id, call_back_id=uuid4(), actor=factories.ACTOR)


def test_it_is_put_at_another_time(line: Line) -> None:
    call_back = asked(line)
    opens = _now() + timedelta(hours=2)
    change_call_back(
        tenant_id=line.tenant.id, call_back_id=call_back.id, actor=factories.ACTOR, note="later",
        opens_at=opens, closes_at=opens + timedelta(hours=1), zone="Asia/Shanghai",
    )  # fmt: skip
    later = now_of(call_back)
    assert (later.due_at, later.expires_at) == (opens, opens + timedelta(hours=1))
    due = timer_of(call_back)
    assert due is not None
    assert due.due_at == opens + timedelta(seconds=2)
    assert not begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    assert call_backs.party_of(call_back).note == "later"


@pytest.mark.parametrize(
    ("opens", "closes", "code"),
    [(60, 30, "window-backwards"), (-90, -60, "window-past"), (60 * 24 * 200, 60 * 24 * 201, "window-far")],
)
def test_a_time_that_is_none_is_refused_and_changes_nothing(line: Line, opens: int, closes: int, code: str) -> None:
    call_back, now = asked(line), _now()
    with pytest.raises(Invalid) as refused:
        change_call_back(
            tenant_id=line.tenant.id, call_back_id=call_back.id, actor=factories.ACTOR,
            opens_at=now + timedelta(minutes=opens), closes_at=now + timedelta(minutes=closes),
        )  # fmt: skip
    assert refused.value.code == code
    assert now_of(call_back).version == call_back.version


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("999", "number-emergency"), ("112", "number-emergency"), ("+44999", "number-emergency"),
        ("+449012345678", "number-premium"), ("+33899123456", "number-premium"), ("", "number-malformed"),
        ("not a number", "number-malformed"), ("+" + "4" * 30, "number-malformed"),
    ],
)  # fmt: skip
def test_a_number_that_must_not_be_called_is_refused(line: Line, number: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(line, number)
    assert refused.value.code == code
    assert call_backs.call_backs_of(line.tenant) == []


def test_of_two_at_once_one_is_open_and_both_are_told(line: Line) -> None:
    first = asked(line)
    cancel(first)
    both = at_once([lambda: asked(line)] * 2)
    assert len({each.id for each in both}) == 1
    assert [row.state for row in call_backs.call_backs_of(line.tenant)] == ["cancelled", "scheduled"]


def test_asked_again_the_open_one_is_shown(line: Line) -> None:
    call_back = asked(line)
    again = call_backs.asked_again(line)
    assert (again.existed, again.call_back.id) == (True, call_back.id)
    with pytest.raises(Conflict) as refused:
        must_be_new(again)
    assert (refused.value.code, refused.value.data["call_back"]) == ("call-back-exists", str(call_back.id))


def test_a_machine_is_tried_again_when_the_agent_says_so(line: Line) -> None:
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line, rule={"spacing_seconds": 60})
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    customer_answers(contact)
    bridged(contact, offer)
    tell_outcome(
        tenant_id=line.tenant.id, contact_id=contact.id, session_id=session.id, outcome="machine", actor="agent:1"
    )
    leg_ends(offer.leg_channel)
    customer_ends(contact)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.SCHEDULED, Outcome.MACHINE)


@pytest.mark.parametrize(("outcome", "state"), [("machine", "scheduled"), ("wrong_number", "unreachable")])
def test_in_wrap_up_it_can_still_be_told(outcome: str, state: str) -> None:
    make_trunk()
    line = make_line(wrap_up_seconds=30)
    session = factories.make_session(line.tenant, ready=True)
    call_back = asked(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    customer_answers(contact)
    bridged(contact, offer)
    customer_ends(contact)
    assert now_of(call_back).state == CallBackState.DONE
    other = factories.make_session(line.tenant)
    told = {"tenant_id": line.tenant.id, "contact_id": contact.id, "outcome": outcome, "actor": "agent:1"}
    with pytest.raises(Conflict):
        tell_outcome(session_id=other.id, **told)  # type: ignore[arg-type]
    tell_outcome(session_id=session.id, **told)  # type: ignore[arg-type]
    assert now_of(call_back).state == state


def test_the_customer_first_then_their_place_in_the_queue(line: Line) -> None:
    session = factories.make_session(line.tenant)
    call_back = asked(line, rule=CUSTOMER_FIRST)
    contact = begun(call_back)
    assert (now_of(call_back).state, len(dials(contact))) == (CallBackState.DIALLING, 1)
    assert contact_now(contact).state == ContactState.ARRIVING
    customer_answers(contact)
    waits = contact_now(contact)
    assert (waits.state, waits.order_at, now_of(call_back).state) == ("queued", call_back.since, "reached")
    assert commands(contact, CommandKind.START_MUSIC)
    set_ready(tenant_id=line.tenant.id, session_id=session.id, actor=factories.ACTOR)
    offer = offer_of(contact)
    agent_answers(offer)
    bridged(contact, offer)
    customer_ends(contact)
    assert (now_of(call_back).state, contact_now(contact).end_reason) == (CallBackState.DONE, EndReason.HANDLED)


def test_the_customer_first_is_not_called_while_nobody_is_there(line: Line) -> None:
    call_back = asked(line, rule=CUSTOMER_FIRST)
    assert begin_call_back(tenant_id=line.tenant.id, call_back_id=call_back.id)
    assert (now_of(call_back).state, call_backs.contacts_of(call_back)) == (CallBackState.SCHEDULED, [])


@pytest.mark.parametrize(("cause", "outcome"), [(Cause.USER_BUSY, "busy"), (Cause.NO_ANSWER, "no_answer")])
def test_the_customer_first_is_tried_again(line: Line, cause: int, outcome: str) -> None:
    factories.make_session(line.tenant)
    call_back = asked(line, rule=CUSTOMER_FIRST)
    contact = begun(call_back)
    customer_ends(contact, cause=cause)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.SCHEDULED, outcome)
    assert contact_now(contact).end_reason == EndReason.NOT_REACHED


def test_a_customer_who_hangs_up_while_they_wait_is_called_again(line: Line) -> None:
    factories.make_session(line.tenant)
    call_back = asked(line, rule=CUSTOMER_FIRST)
    contact = begun(call_back)
    customer_answers(contact)
    customer_ends(contact)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.SCHEDULED, Outcome.ABANDONED)


def test_a_first_dial_of_which_nothing_is_heard_is_given_up_by_the_timer(line: Line) -> None:
    factories.make_session(line.tenant)
    call_back = asked(line, rule=CUSTOMER_FIRST)
    contact = begun(call_back)
    due = timer_of(call_back)
    assert due is not None
    call_back_timer(due)
    assert (now_of(call_back).state, now_of(call_back).outcome) == (CallBackState.SCHEDULED, Outcome.FAILED)
    assert contact.caller_channel in hung_up(contact)
    assert contact_now(contact).state == ContactState.ENDED


def test_the_agent_who_promised_is_asked_before_others(line: Line) -> None:
    other = factories.make_session(line.tenant, ready=True)
    promised = factories.make_session(line.tenant)
    call_back = asked(line, agent_id=promised.agent_id)
    contact = begun(call_back)
    assert contact_now(contact).state == ContactState.QUEUED
    assert not factories.slot_of(other).held
    assert contact_now(contact).affinity_session_id == promised.id


def test_healthy_ones_are_not_mended_and_stuck_ones_are(line: Line) -> None:
    healthy, stuck = asked(line), asked(line, "+447700900778")
    begun(asked(line, "+447700900779"))
    assert (mend_call_backs(), mend_contacts()) == (0, 0)
    with engine_scope():
        drop_timer("call-back", subject_id=stuck.id)
    assert mend_call_backs() == 1
    assert timer_of(stuck) is not None
    assert now_of(healthy).version == healthy.version
    assert call_backs.party_of(healthy).number == CUSTOMER
    assert brought_forward(stuck).state == CallBackState.SCHEDULED


def _now() -> datetime:
    with engine_scope(read_only=True):
        return db_now()
