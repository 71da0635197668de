"""Flows as they are written: a complete one to break in one place, and what the validator finds."""

from __future__ import annotations

import copy
from typing import Any

from routing.flows import References, validate_flow

REFERENCES = References(
    queues={"sales", "support"},
    services={("acme", "main"), ("globex", "main")},
    sounds={"chime"},
    languages=("en", "zh-hans"),
    spoken=("en", "zh-hans"),
)


HELLO = {"en": "Hello.", "zh-hans": "您好。"}


COMPLETE: dict[str, Any] = {
    "schema": 1,
    "start": "hours",
    "nodes": {
        "hours": {
            "type": "hours",
            "weekly": {"mon": [["09:00", "12:00"], ["13:00", "24:00"]]},
            "holidays": ["2026-12-25"],
            "special_days": {"2026-12-24": [["09:00", "12:00"]]},
            "open": "line",
            "closed": "closed",
        },
        "closed": {"type": "hang_up", "reason": "closed"},
        "line": {"type": "called", "numbers": {"+8610123456": "express"}, "otherwise": "answer"},
        "express": {"type": "queue", "queue": "sales", "priority": 10},
        "answer": {"type": "answer", "next": "who"},
        "who": {"type": "caller", "known": "chime", "unknown": "welcome"},
        "chime": {"type": "play", "sound": "chime", "next": "menu"},
        "welcome": {"type": "say", "text": HELLO, "barge_in": False, "next": "menu"},
        "menu": {
            "type": "menu",
            "prompt": {"text": HELLO},
            "invalid": {"sound": "chime"},
            "keys": {"1": "queue", "2": "acme", "3": "number", "*": "menu", "9": "chinese"},
            "retries": 1,
            "timeout_seconds": 4,
            "on_timeout": "queue",
            "on_invalid": "bye",
        },
        "number": {
            "type": "digits",
            "prompt": {"text": HELLO},
            "name": "customer",
            "min_digits": 4,
            "max_digits": 6,
            "terminator": "#",
            "next": "queue",
            "on_timeout": "queue",
        },
        "chinese": {"type": "language", "language": "zh-hans", "next": "menu"},
        "queue": {"type": "queue", "queue": "support"},
        "acme": {"type": "hand_over", "tenant": "acme", "service": "main"},
        "bye": {"type": "hang_up", "reason": "no_input"},
    },
}


def flow(start: str = "a", **nodes: dict[str, Any]) -> dict[str, Any]:
    """A flow that begins at its node `a`."""
    return {"schema": 1, "start": start, "nodes": nodes}


def found(data: object) -> set[tuple[str, str]]:
    """Pointer and code of every error."""
    return {(problem.pointer, problem.code) for problem in validate_flow(data, REFERENCES).errors}


def messages(data: object) -> dict[str, str]:
    return {problem.pointer: problem.message for problem in validate_flow(data, REFERENCES).problems}


def changed(path: str, value: object) -> dict[str, Any]:
    """The complete flow with the value at a path of names replaced."""
    data = copy.deepcopy(COMPLETE)
    *parents, last = path.split("/")
    place = data
    for name in parents:
        place = place[name]
    place[last] = value
    return data


QUEUE = {"type": "queue", "queue": "sales"}
MENU = COMPLETE["nodes"]["menu"]
