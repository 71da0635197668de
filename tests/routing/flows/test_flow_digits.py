"""How a caller's digits are gathered, and how they choose the way."""

from __future__ import annotations

from typing import Any

import pytest

from routing.flows import FlowState
from routing.flows.actions import EnterQueue, HandOver, HangUp, PlayMedia, StartTimer, StopMedia, StoreDigits
from routing.flows.media import Say, Sound
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, Started, TimedOut
from tests.routing.flows.caller import NODES, Call, at_number, definition, text

pytestmark = pytest.mark.nodb

PIN: dict[str, Any] = {
    "type": "digits",
    "prompt": {"text": text("pin")},
    "name": "pin",
    "max_digits": 4,
    "next": "sales",
    "on_timeout": "lost",
}


# Digits


def test_digits_end_with_the_terminator() -> None:
    call = at_number()
    assert call(KeyPressed("4")) == [StopMedia("p3"), StartTimer("t4", 3.0)]
    call(KeyPressed("2"))
    assert call(KeyPressed("#"))[1:] == [StoreDigits("customer", "42"), PlayMedia("p6", (Sound("thanks"),))]
    assert call.state.collected == {"customer": "42"}


def test_digits_end_with_the_last_one() -> None:
    call = at_number()
    assert StoreDigits("customer", "4711") in call.keys("4711")


def test_enough_digits_end_with_silence() -> None:
    call = at_number()
    call.keys("42")
    assert call.state.timer == "t5"
    assert call(TimedOut("t5")) == [StoreDigits("customer", "42"), PlayMedia("p6", (Sound("thanks"),))]


def test_too_few_digits_are_a_timeout_by_silence_and_wrong_by_the_terminator() -> None:
    call = at_number()
    call(KeyPressed("4"))
    assert call(TimedOut("t4")) == [HangUp("no_input")]
    call = at_number()
    assert call.keys("4#")[-1] == HangUp("rejected")


def test_another_key_begins_the_number_again() -> None:
    call = at_number()
    assert StoreDigits("customer", "22") in call.keys("11*22#")


def test_a_terminator_that_comes_after_the_last_digit_is_forgiven() -> None:
    call = Call(definition("number", number=NODES["number"] | {"next": "pin"}, pin=PIN), FlowState(answered=True))
    call(Started())
    call.keys("4711#")
    assert (call.state.node, call.state.playing is not None) == ("pin", True)
    assert call.keys("12#")[-2:] == [StoreDigits("pin", "12"), EnterQueue("sales", 5)]


def test_a_terminator_typed_ahead_after_the_last_digit_is_forgiven() -> None:
    call = Call(definition("number", number=NODES["number"] | {"next": "menu"}))
    call.keys("4711#1")
    call(Answered())
    assert call(Started()) == [StoreDigits("customer", "4711"), EnterQueue("sales", 5)]


def test_a_terminator_still_ends_digits_that_were_begun_ahead() -> None:
    call = Call(definition("number", number=NODES["number"] | {"next": "pin"}, pin=PIN), FlowState(answered=True))
    call.keys("47115")
    call(Started())
    assert call(KeyPressed("#"))[1:] == [StoreDigits("pin", "5"), EnterQueue("sales", 5)]


def test_a_terminator_is_not_forgiven_after_something_else_was_heard() -> None:
    call = Call(definition("number", thanks=NODES["thanks"] | {"next": "menu"}), FlowState(answered=True))
    call(Started())
    call.keys("4711")
    assert call.state.playing is not None
    call(MediaFinished(call.state.playing))
    assert call(KeyPressed("#"))[-1] == PlayMedia("p7", (Say("wrong", "en"), Say("menu", "en")))


def test_a_late_terminator_still_chooses_where_the_menu_has_it() -> None:
    menu = NODES["menu"] | {"keys": {"#": "sales"}}
    call = Call(definition("number", number=NODES["number"] | {"next": "menu"}, menu=menu), FlowState(answered=True))
    call(Started())
    assert call.keys("4711#")[-1] == EnterQueue("sales", 5)


# Digits that choose


def at_choice() -> Call:
    """A caller who is asked for an enterprise's number of two to four digits, and may be wrong once."""
    choices = {"10": "sales", "1001": "acme"}
    asked = {key: value for key, value in NODES["number"].items() if key != "next"}
    asked |= {"choices": choices, "retries": 1, "invalid": {"text": text("wrong")}}
    call = Call(definition("number", number=asked), FlowState(answered=True))
    assert call(Started()) == [PlayMedia("p1", (Say("number", "en"),))]
    return call


def test_digits_choose_the_enterprise() -> None:
    assert at_choice().keys("1001")[-2:] == [StoreDigits("customer", "1001"), HandOver("acme", "main")]
    assert at_choice().keys("10#")[-2:] == [StoreDigits("customer", "10"), EnterQueue("sales", 5)]


def test_digits_that_are_no_choice_are_asked_for_again_and_not_kept() -> None:
    call = at_choice()
    assert call.keys("9999")[-1] == PlayMedia("p5", (Say("wrong", "en"), Say("number", "en")))
    assert (call.state.digits, call.state.collected) == ("", {})
    assert call(KeyPressed("#")) == [], "the terminator of the wrong number is forgiven"
    assert call.keys("1001")[-1] == HandOver("acme", "main")


def test_digits_that_are_no_choice_twice_lead_out() -> None:
    assert at_choice().keys("99999999")[-1] == HangUp("rejected")


def test_a_choice_may_be_ended_by_silence() -> None:
    call = at_choice()
    call.keys("10")
    assert call.state.timer is not None
    assert call(TimedOut(call.state.timer))[-1] == EnterQueue("sales", 5)


def test_a_wrong_choice_typed_ahead_forgets_what_came_after_it() -> None:
    call = at_choice()
    call = Call(call.flow, FlowState(answered=True, typed_ahead="9999#1001"))
    assert call(Started()) == [PlayMedia("p1", (Say("wrong", "en"), Say("number", "en")))]
    assert call.state.typed_ahead == ""
