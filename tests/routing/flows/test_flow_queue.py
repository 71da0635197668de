"""Choices of a caller who waits in a queue: keys, the longest wait, and a queue that takes nobody."""

from __future__ import annotations

from typing import Any

import pytest

from routing.flows import QueueRefusal
from routing.flows.actions import CancelTimer, EnterQueue, HangUp, LeaveQueue, PlayMedia, StartTimer, StopMedia
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, QueueRefused, Started, TimedOut
from tests.routing.flows.caller import Call, definition, text

pytestmark = pytest.mark.nodb

MENU: dict[str, Any] = {
    "type": "menu",
    "prompt": {"text": text("call-back or wait")},
    "keys": {"1": "bye", "2": "sales"},
    "on_timeout": "sales",
}


def waiting(**queue: Any) -> Call:
    """A caller who was answered and waits for sales, with these ways out."""
    sales = {"type": "queue", "queue": "sales", **queue}
    bye = {"type": "hang_up", "reason": "self_served"}
    call = Call(
        definition(start="in", **{"in": {"type": "answer", "next": "sales"}, "sales": sales, "menu": MENU, "bye": bye})
    )
    call(Started())
    call(Answered())
    assert call.state.ended
    return call


def test_a_key_leads_out_of_the_queue_and_back_to_the_same_place() -> None:
    call = waiting(keys={"1": "menu"})
    left, *played = call(KeyPressed("1"))
    assert (left, type(played[0])) == (LeaveQueue(), PlayMedia)
    assert not call.state.ended
    assert call(KeyPressed("2")) == [StopMedia("p1"), EnterQueue("sales", None, returns=True)]
    assert call.state.ended


def test_keys_that_lead_nowhere_change_nothing() -> None:
    call = waiting(keys={"1": "menu"})
    before = call.state
    assert call.keys("2#0") == []
    assert call.state == before


def test_keys_typed_before_the_queue_choose_nothing_in_it() -> None:
    call = waiting(keys={"1": "menu"})
    call.state = call.state.__class__(**{**call.state.as_json(), "typed_ahead": "1"})
    assert call(KeyPressed("1"))[0] == LeaveQueue()
    assert call.state.node == "menu"


def test_who_has_waited_for_the_longest_wait_is_led_on_and_asked_again_after_it() -> None:
    call = waiting(max_wait_seconds=60, on_max_wait="menu")
    assert call.state.timer == "t1"
    assert call(TimedOut("t1"))[0] == LeaveQueue()
    entered, again = call(KeyPressed("2"))[1:]
    assert (entered, again) == (EnterQueue("sales", None, returns=True), StartTimer("t3", 60.0))
    assert call(TimedOut("t1")) == []


def test_a_key_forgets_the_longest_wait() -> None:
    call = waiting(keys={"1": "bye"}, max_wait_seconds=60, on_max_wait="menu")
    assert call(KeyPressed("1")) == [LeaveQueue(), CancelTimer("t1"), HangUp("self_served")]


def test_a_queue_that_takes_nobody_leads_where_the_flow_says() -> None:
    call = waiting(on_full="bye")
    assert call(QueueRefused(QueueRefusal.CLOSED)) == []
    assert call(QueueRefused(QueueRefusal.FULL)) == [HangUp("self_served")]


def test_what_is_reported_is_what_has_a_way() -> None:
    call = Call(definition(start="sales", sales={"type": "queue", "queue": "sales", "on_closed": "nobody"}))
    (entered,) = call(Started())
    assert entered == EnterQueue("sales", None, reported=frozenset({QueueRefusal.CLOSED}))


def test_who_keeps_waiting_is_never_cut_off_for_it() -> None:
    call = waiting(keys={"1": "menu"})
    for _ in range(300):
        call(KeyPressed("1"))
        assert call(KeyPressed("2"))[-1] == EnterQueue("sales", None, returns=True)
        assert call(MediaFinished("p1")) == []
