"""What a caller's keys do: those pressed too early, wrong ones, and none."""

from __future__ import annotations

import pytest

from routing.flows import FlowState
from routing.flows.actions import (
    CancelTimer,
    EnterQueue,
    HandOver,
    HangUp,
    PlayMedia,
    StartTimer,
    StopMedia,
    StoreDigits,
)
from routing.flows.interpreter import MAX_TYPED_AHEAD
from routing.flows.media import Say, Sound
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, Started, TimedOut
from tests.routing.flows.caller import NODES, Call, at_menu, definition

pytestmark = pytest.mark.nodb


# Hasty keys


def test_a_key_stops_the_menus_prompt() -> None:
    call = at_menu()
    assert call(KeyPressed("1")) == [StopMedia("p2"), EnterQueue("sales", 5)]


def test_a_key_during_the_welcome_goes_to_the_menu() -> None:
    call = Call()
    call(Started())
    call(Answered())
    assert call(KeyPressed("1")) == [StopMedia("p1"), EnterQueue("sales", 5)]


def test_a_key_before_the_answer_is_kept_for_the_menu() -> None:
    call = Call()
    call(Started())
    assert call(KeyPressed("1")) == []
    assert call(Answered()) == [EnterQueue("sales", 5)]


def test_keys_and_answer_before_the_start_are_kept() -> None:
    call = Call()
    assert call(KeyPressed("2")) == []
    assert call(Answered()) == []
    assert call(Started()) == [HandOver("acme", "main")]


def test_without_barge_in_the_prompt_goes_on_and_the_key_is_kept() -> None:
    call = Call(definition(welcome=NODES["welcome"] | {"barge_in": False}))
    call(Started())
    call(Answered())
    assert call(KeyPressed("1")) == []
    assert call(MediaFinished("p1")) == [EnterQueue("sales", 5)]


def test_a_key_does_not_cut_words_that_no_question_follows() -> None:
    call = Call(definition("thanks"), state=FlowState(answered=True))
    call(Started())
    assert call(KeyPressed("1")) == []
    assert call(MediaFinished("p1")) == [EnterQueue("sales", 5)]


def test_a_key_typed_ahead_does_not_skip_words_that_no_question_follows() -> None:
    call = Call(definition("thanks"), state=FlowState(answered=True, typed_ahead="1"))
    assert call(Started()) == [PlayMedia("p1", (Sound("thanks"),))]


def test_keys_typed_ahead_answer_several_questions() -> None:
    call = Call()
    call(Started())
    call.keys("34711")
    assert call(Answered()) == [StoreDigits("customer", "4711"), PlayMedia("p1", (Sound("thanks"),))]


def test_digits_begun_ahead_are_completed_without_the_prompt() -> None:
    call = Call()
    call(Started())
    call.keys("34")
    assert call(Answered()) == [StartTimer("t1", 3.0)]
    assert call.keys("2#") == [
        CancelTimer("t1"),
        StartTimer("t2", 3.0),
        CancelTimer("t2"),
        StoreDigits("customer", "42"),
        PlayMedia("p3", (Sound("thanks"),)),
    ]


def test_keys_typed_ahead_go_along_to_the_next_tenant() -> None:
    call = Call()
    call(Started())
    call.keys("24")
    call(Answered())
    assert call.state.handed_over() == FlowState(
        answered=True, typed_ahead="4", transitions=call.state.transitions, sequence=call.state.sequence
    )


def test_only_so_many_keys_are_kept() -> None:
    call = Call()
    call(Started())
    call.keys("1" * (MAX_TYPED_AHEAD + 10))
    assert call.state.typed_ahead == "1" * MAX_TYPED_AHEAD


# Wrong and missing keys


def test_a_wrong_key_is_told_and_asked_again_then_the_way_out() -> None:
    call = at_menu()
    assert call(KeyPressed("7")) == [StopMedia("p2"), PlayMedia("p3", (Say("wrong", "en"), Say("menu", "en")))]
    assert call(KeyPressed("*")) == [StopMedia("p3"), HangUp("rejected")]


def test_wrong_keys_lead_the_silent_way_when_none_of_their_own_is_given() -> None:
    menu = {name: value for name, value in NODES["menu"].items() if name != "on_invalid"}
    call = Call(definition("menu", menu=menu), state=FlowState(answered=True))
    call(Started())
    assert call.keys("77")[-1] == HangUp("no_input")


def test_what_was_typed_after_a_wrong_key_is_forgotten() -> None:
    call = Call()
    call(Started())
    call.keys("71")
    assert call(Answered()) == [PlayMedia("p1", (Say("wrong", "en"), Say("menu", "en")))]
    assert call.state.typed_ahead == ""


def test_a_missing_key_is_asked_for_again_then_the_way_out() -> None:
    call = at_menu()
    assert call(MediaFinished("p2")) == [StartTimer("t3", 4.0)]
    assert call(TimedOut("t3")) == [PlayMedia("p4", (Say("menu", "en"),))]
    assert call(MediaFinished("p4")) == [StartTimer("t5", 4.0)]
    assert call(TimedOut("t5")) == [HangUp("no_input")]


def test_attempts_are_counted_afresh_when_the_menu_is_entered_again() -> None:
    call = at_menu()
    call(KeyPressed("7"))
    call(KeyPressed("9"))
    assert call.state.node == "menu"
    assert call(KeyPressed("7"))[-1] == PlayMedia("p5", (Say("中文 wrong", "zh-hans"), Say("中文 menu", "zh-hans")))


@pytest.mark.parametrize("key", ["A", "", "12", "x", "１", "²"])
def test_what_is_not_a_key_does_nothing(key: str) -> None:
    call = at_menu()
    before = call.state
    assert call(KeyPressed(key)) == []
    assert call.state == before
