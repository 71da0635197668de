"""A caller who goes through a flow by hand: the flow, and what the exchange tells of the caller."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from routing.flows import FlowDefinition, FlowFacts, FlowState, advance, parse_definition
from routing.flows.actions import Action
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, Started, Trigger

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


def definition(start: str = "answer", **changes: dict[str, Any]) -> FlowDefinition:
    return parse_definition({"schema": 1, "start": start, "nodes": NODES | changes})


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
