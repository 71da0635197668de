"""A caller takes a call-back: from the queue with their place, or in a flow; what is refused costs them nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from routing.call_back_states import CallBackState
from routing.models import CallBackSource, CommandKind, Contact, FlowRun
from routing.node.handling import handle
from routing.services import flow
from routing.services.call_back_asking import take_call_back
from routing.services.calling_back import begin_call_back
from routing.services.contacts import lock_contact
from routing.services.playback import playback_id
from routing.states import ContactState, EndReason
from routing.switch.port import KeyPressed, PlaybackFinished
from tenants.public import db_now, engine_scope, tenant_scope
from tenants.timers import due_timers
from tests import factories
from tests.routing import call_backs
from tests.routing.backups import make_trunk
from tests.routing.call_backs import CUSTOMER, begun, brought_forward, call_back_flow, call_backs_of, make_rule, now_of
from tests.routing.calls import (
    ANI,
    NODE,
    Line,
    call,
    caller_hangs_up,
    caller_is_answered,
    commands,
    make_line,
    offer_of,
)
from tests.routing.calls import now_of as contact_now


class _Dead(Exception):
    """The process died."""


def _taken(contact: Contact, number: str = ANI) -> None:
    with tenant_scope(contact.tenant_id):
        take_call_back(lock_contact(contact.id), number=number, at=db_now())


def _line(**node: Any) -> Line:
    """A line whose callers come to the call-back at once."""
    line = make_line()
    made = factories.make_flow(line.tenant, call_back_flow(line.queue, **node))
    number = factories.make_number(line.tenant)
    factories.make_entry_point(line.tenant, flow=made, number=number)
    return Line(line.tenant, line.queue, number.e164)


def test_a_waiting_caller_keeps_their_place() -> None:
    make_trunk()
    line = make_line(weight_seconds=30)
    first = call(line.number, ani=CUSTOMER)
    second = call(line.number, ani="+447700900555")
    _taken(first, CUSTOMER)
    (call_back,) = call_backs_of(line.tenant)
    assert (call_back.source, call_back.origin_id) == (CallBackSource.QUEUE, first.id)
    caller_hangs_up(first)
    assert contact_now(first).end_reason == EndReason.CALLBACK_TAKEN
    contact = begun(brought_forward(call_back))
    assert (contact.order_at, contact.priority) == (first.order_at, first.priority)
    assert contact.order_at is not None
    assert second.order_at is not None
    assert contact.order_at < second.order_at
    session = factories.make_session(line.tenant, ready=True)
    assert offer_of(contact).session_id == session.id
    assert contact_now(second).state == ContactState.QUEUED


def test_a_caller_who_has_not_hung_up_is_not_called_yet() -> None:
    make_trunk()
    line = make_line()
    first = call(line.number)
    _taken(first)
    (call_back,) = call_backs_of(line.tenant)
    began = begun_if_due(call_back)
    assert began == CallBackState.SCHEDULED
    caller_hangs_up(first)
    ended = contact_now(first).ended_at
    assert ended is not None
    assert (now_of(call_back).due_at - ended).total_seconds() == 1


def begun_if_due(call_back: Any) -> str:
    """Its state once it was due."""
    begin_call_back(tenant_id=call_back.tenant_id, call_back_id=brought_forward(call_back).id)
    return now_of(call_back).state


def test_a_flow_takes_the_call_back_says_so_and_hangs_up() -> None:
    line = _line()
    contact = call(line.number, ani=CUSTOMER)
    caller_is_answered(contact)
    (call_back,) = call_backs_of(line.tenant)
    assert call_backs.party_of(call_back).number == CUSTOMER
    (play,) = commands(contact, CommandKind.PLAY)
    assert play.arguments["media"][0]["say"] == "We call you back."
    _heard(contact)
    assert commands(contact, CommandKind.HANG_UP)
    caller_hangs_up(contact)
    assert contact_now(contact).end_reason == EndReason.CALLBACK_TAKEN


def test_a_caller_who_hangs_up_during_the_words_has_taken_it_too() -> None:
    line = _line()
    contact = call(line.number, ani=CUSTOMER)
    caller_is_answered(contact)
    caller_hangs_up(contact)
    assert contact_now(contact).end_reason == EndReason.CALLBACK_TAKEN
    assert call_backs_of(line.tenant)[0].state == CallBackState.SCHEDULED


@pytest.mark.parametrize("ani", ["", "+4490912345678", "+1911"])
def test_a_number_that_cannot_be_called_leads_the_other_way(ani: str) -> None:
    line = _line()
    contact = call(line.number, ani=ani)
    caller_is_answered(contact)
    assert contact_now(contact).state == ContactState.QUEUED
    assert call_backs_of(line.tenant) == []


def test_a_second_wish_for_the_same_number_finds_the_first() -> None:
    line = _line(exists="queue")
    first = call(line.number, ani=CUSTOMER)
    caller_is_answered(first)
    caller_hangs_up(first)
    second = call(line.number, ani=CUSTOMER)
    caller_is_answered(second)
    assert len(call_backs_of(line.tenant)) == 1
    assert contact_now(second).state == ContactState.QUEUED


def test_the_step_is_made_up_for_when_its_process_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    line = _line()
    contact = call(line.number, ani=CUSTOMER)

    def dies(*_: object, **__: object) -> None:
        raise _Dead

    with monkeypatch.context() as patched:
        patched.setattr(flow, "_take_call_back", dies)
        with pytest.raises(_Dead):
            caller_is_answered(contact)
    assert call_backs_of(line.tenant) == []
    (due,) = [timer for timer in _timers() if timer.subject_id == contact.id]
    flow.flow_timer(due)
    assert len(call_backs_of(line.tenant)) == 1
    assert commands(contact, CommandKind.PLAY)


def test_typed_digits_are_completed_by_the_country_of_the_number_called() -> None:
    line = make_line()
    definition = call_back_flow(line.queue, number="number")
    definition["nodes"]["answer"]["next"] = "ask"
    definition["nodes"]["ask"] = {
        "type": "digits", "name": "number", "max_digits": 15, "next": "take", "on_timeout": "queue",
        "prompt": {"text": {"en": "Your number?"}},
    }  # fmt: skip
    asks = factories.make_flow(line.tenant, definition)
    number = factories.make_number(line.tenant)
    make_rule(factories.make_entry_point(line.tenant, flow=asks, number=number))
    contact = call(number.e164, ani="")
    caller_is_answered(contact)
    for key in "07700900123#":
        _press(contact, key)
    (call_back,) = call_backs_of(line.tenant)
    assert call_backs.party_of(call_back).number == "+447700900123"


def _press(contact: Contact, key: str) -> None:
    handle(KeyPressed(channel=contact.caller_channel, digit=key, at=datetime.now(UTC)), node=NODE)


def _heard(contact: Contact) -> None:
    with tenant_scope(contact.tenant_id, read_only=True):
        label = FlowRun.objects.get(contact=contact).state["playing"]
    at = datetime.now(UTC)
    handle(PlaybackFinished(channel=contact.caller_channel, playback=playback_id(contact.id, label), at=at), node=NODE)


def _timers() -> list[Any]:
    with engine_scope(read_only=True):
        later = db_now() + timedelta(minutes=1)
    return due_timers(until=later)
