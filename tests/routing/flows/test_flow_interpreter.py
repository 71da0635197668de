"""What a flow does with a caller, with late news, and with one who goes round for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from routing.flows import FlowState, FlowStep, advance
from routing.flows.actions import (
    Answer,
    CancelTimer,
    EnterQueue,
    HandOver,
    HangUp,
    PlayMedia,
    SetLanguage,
    StartTimer,
    StopMedia,
)
from routing.flows.interpreter import MAX_TRANSITIONS
from routing.flows.media import Say
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, Started, TimedOut, Trigger
from tests.routing.flows.caller import FACTS, Call, at_menu, definition

pytestmark = pytest.mark.nodb


def queue(code: str) -> dict[str, Any]:
    return {"type": "queue", "queue": code}


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
