"""What a caller's keys, silence and late news do in a flow."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from routing.flows import FlowDefinition, FlowFacts, FlowState, FlowStep, advance, parse_definition
from routing.flows.actions import (
    Action,
    Answer,
    CancelTimer,
    EnterQueue,
    HandOver,
    HangUp,
    PlayMedia,
    SetLanguage,
    StartTimer,
    StopMedia,
    StoreDigits,
)
from routing.flows.interpreter import MAX_TRANSITIONS, MAX_TYPED_AHEAD
from routing.flows.media import Say, Sound
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, Started, TimedOut, Trigger

pytestmark = pytest.mark.nodb

FACTS = FlowFacts(
    now=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
    time_zone=ZoneInfo("Asia/Shanghai"),
    language="en",
    dnis="+8610123456",
    ani_known=False,
)


def text(words: str) -> dict[str, str]:
    return {"en": words, "zh-hans": f"中文 {words}"}


NODES: dict[str, dict[str, Any]] = {
    "answer": {"type": "answer", "next": "welcome"},
    "welcome": {"type": "say", "text": text("welcome"), "next": "menu"},
    "menu": {
        "type": "menu",
        "prompt": {"text": text("menu")},
        "invalid": {"text": text("wrong")},
        "keys": {"1": "sales", "2": "acme", "3": "number", "9": "chinese"},
        "retries": 1,
        "timeout_seconds": 4,
        "on_timeout": "nobody",
        "on_invalid": "lost",
    },
    "number": {
        "type": "digits",
        "prompt": {"text": text("number")},
        "name": "customer",
        "min_digits": 2,
        "max_digits": 4,
        "retries": 0,
        "timeout_seconds": 3,
        "next": "thanks",
        "on_timeout": "nobody",
        "on_invalid": "lost",
    },
    "thanks": {"type": "play", "sound": "thanks", "next": "sales"},
    "chinese": {"type": "language", "language": "zh-hans", "next": "menu"},
    "sales": {"type": "queue", "queue": "sales", "priority": 5},
    "acme": {"type": "hand_over", "tenant": "acme", "service": "main"},
    "nobody": {"type": "hang_up", "reason": "no_input"},
    "lost": {"type": "hang_up", "reason": "rejected"},
}


PIN: dict[str, Any] = {
    "type": "digits",
    "prompt": {"text": text("pin")},
    "name": "pin",
    "max_digits": 4,
    "next": "sales",
    "on_timeout": "lost",
}


def definition(start: str = "answer", **changes: dict[str, Any]) -> FlowDefinition:
    return parse_definition({"schema": 1, "start": start, "nodes": NODES | changes})


def queue(code: str) -> dict[str, Any]:
    return {"type": "queue", "queue": code}


@dataclass
class Call:
    """A caller in a flow. The state goes through JSON between triggers, as it does through the database."""

    flow: FlowDefinition = field(default_factory=definition)
    state: FlowState = field(default_factory=FlowState)
    facts: FlowFacts = FACTS

    def __call__(self, trigger: Trigger) -> list[Action]:
        step = advance(self.flow, self.state, trigger, self.facts)
        self.state = FlowState.from_json(json.loads(json.dumps(step.state.as_json())))
        assert self.state == step.state
        return list(step.actions)

    def keys(self, keys: str) -> list[Action]:
        return [action for key in keys for action in self(KeyPressed(key))]


def at_menu() -> Call:
    """A caller who heard the welcome and hears the menu: playback p2."""
    call = Call()
    call(Started())
    call(Answered())
    call(MediaFinished("p1"))
    assert call.state.node == "menu"
    return call


def at_number() -> Call:
    """A caller who is asked for a number: playback p3."""
    call = at_menu()
    call(KeyPressed("3"))
    assert call.state.node == "number"
    return call


# The plain way


def test_a_call_from_ring_to_queue() -> None:
    call = Call()
    assert call(Started()) == [Answer()]
    assert call(Answered()) == [PlayMedia("p1", (Say("welcome", "en"),))]
    assert call(MediaFinished("p1")) == [PlayMedia("p2", (Say("menu", "en"),))]
    assert call(MediaFinished("p2")) == [StartTimer("t3", 4.0)]
    assert call(KeyPressed("1")) == [CancelTimer("t3"), EnterQueue("sales", 5)]
    assert call.state.ended


def test_a_flow_may_queue_without_answering() -> None:
    call = Call(definition("sales", sales=queue("sales")))
    assert call(Started()) == [EnterQueue("sales", None)]
    assert not call.state.answered


def test_an_answered_call_is_not_answered_again() -> None:
    call = Call(state=FlowState(answered=True))
    assert call(Started()) == [PlayMedia("p1", (Say("welcome", "en"),))]


def test_a_hand_over_names_the_tenants_service() -> None:
    call = at_menu()
    assert call(KeyPressed("2")) == [StopMedia("p2"), HandOver("acme", "main")]


def test_the_callers_language_is_kept_and_spoken() -> None:
    call = at_menu()
    assert call(KeyPressed("9")) == [
        StopMedia("p2"),
        SetLanguage("zh-hans"),
        PlayMedia("p3", (Say("中文 menu", "zh-hans"),)),
    ]


@pytest.mark.parametrize(
    ("texts", "heard"),
    [
        ({"en": "hello", "zh-hans": "您好"}, Say("您好", "zh-hans")),
        ({"en": "hello", "fr": "bonjour"}, Say("hello", "en")),
        ({"fr": "bonjour"}, Say("bonjour", "fr")),
    ],
)
def test_a_missing_text_is_replaced_by_the_next_best_language(texts: dict[str, str], heard: Say) -> None:
    call = Call(definition("welcome", welcome={"type": "say", "text": texts, "next": "sales"}))
    call.state = FlowState(answered=True, language="zh-hans")
    assert call(Started()) == [PlayMedia("p1", (heard,))]


def test_hours_branch_by_the_tenants_clock() -> None:
    hours = {"type": "hours", "weekly": {"mon": [["10:00", "18:00"]]}, "open": "sales", "closed": "lost"}
    flow = definition("hours", hours=hours)
    assert Call(flow)(Started()) == [EnterQueue("sales", 5)]
    earlier = replace(FACTS, now=datetime(2026, 11, 23, 1, 59, tzinfo=UTC))
    assert Call(flow, facts=earlier)(Started()) == [HangUp("rejected")]


def test_the_number_dialled_chooses_the_way() -> None:
    flow = definition("called", called={"type": "called", "numbers": {"+8610123456": "sales"}, "otherwise": "lost"})
    assert Call(flow)(Started()) == [EnterQueue("sales", 5)]
    assert Call(flow, facts=replace(FACTS, dnis="+8610123457"))(Started()) == [HangUp("rejected")]
    assert Call(flow, facts=replace(FACTS, dnis=None))(Started()) == [HangUp("rejected")]


def test_a_known_caller_goes_another_way() -> None:
    flow = definition("caller", caller={"type": "caller", "known": "sales", "unknown": "lost"})
    assert Call(flow, facts=replace(FACTS, ani_known=True))(Started()) == [EnterQueue("sales", 5)]
    assert Call(flow)(Started()) == [HangUp("rejected")]


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


# Late, repeated and foreign news


@pytest.mark.parametrize(
    "trigger", [Started(), Answered(), MediaFinished("p1"), MediaFinished("p9"), TimedOut("t1"), TimedOut("p2")]
)
def test_news_of_something_else_changes_nothing(trigger: Trigger) -> None:
    call = at_menu()
    before = call.state
    assert call(trigger) == []
    assert call.state == before


def test_the_end_of_a_playback_that_was_cut_is_not_the_end_of_the_next() -> None:
    call = at_menu()
    call(KeyPressed("7"))
    assert call(MediaFinished("p2")) == []
    assert call(MediaFinished("p3")) == [StartTimer("t4", 4.0)]


def test_a_timer_that_was_cancelled_too_late_does_nothing() -> None:
    call = at_menu()
    call(MediaFinished("p2"))
    call(KeyPressed("7"))
    assert call(TimedOut("t3")) == []


@pytest.mark.parametrize(
    "trigger", [Started(), Answered(), KeyPressed("1"), MediaFinished("p2"), TimedOut("t3"), KeyPressed("#")]
)
def test_nothing_happens_after_the_end(trigger: Trigger) -> None:
    call = at_menu()
    call(KeyPressed("1"))
    before = call.state
    assert call(trigger) == []
    assert call.state == before


# The limit


def test_a_loop_that_no_validator_saw_ends_at_the_limit() -> None:
    call = Call(definition("a", a={"type": "answer", "next": "b"}, b={"type": "answer", "next": "a"}))
    call.state = FlowState(answered=True)
    assert call(Started()) == [HangUp("flow-limit")]
    assert (call.state.ended, call.state.transitions) == (True, MAX_TRANSITIONS)


def test_a_caller_who_goes_round_for_ever_is_hung_up_on() -> None:
    call = at_menu()
    pressed = 0
    while not call.state.ended:
        last = call(KeyPressed("9"))
        pressed += 1
    assert last[-1] == HangUp("flow-limit")
    assert pressed == 99


def test_tenants_that_hand_over_in_a_circle_come_to_the_limit() -> None:
    flow = definition("acme")
    state, hand_overs = FlowState(answered=True), 0
    step = FlowStep(state, (HandOver("acme", "main"),))
    while step.actions == (HandOver("acme", "main"),):
        step = advance(flow, step.state.handed_over(), Started(), FACTS)
        hand_overs += 1
    assert step.actions == (HangUp("flow-limit"),)
    assert hand_overs == MAX_TRANSITIONS + 1
