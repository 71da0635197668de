"""What the demo's callers hear, as flow definitions (docs/flows.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.demo.plan import Definition

Texts = Mapping[str, str]
Node = dict[str, Any]

_ROUND_THE_CLOCK = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
_CLOSED = {
    "en": "We are closed today. Please call again tomorrow.",
    "zh-hans": "今天不营业，请明天再来电。",
}
_NO_SUCH_KEY = {"en": "That is not one of the choices.", "zh-hans": "没有这个选项。"}


def _flow(start: str, nodes: Mapping[str, Node]) -> Definition:
    return {"schema": 1, "start": start, "nodes": dict(nodes)}


def straight_to(queue: str) -> Definition:
    """Into the queue without answering: the caller hears ringing, and pays only for talking."""
    return _flow("queue", {"queue": {"type": "queue", "queue": queue}})


def greeting_and_menu(*, greeting: Texts, prompt: Texts, choices: Mapping[str, str]) -> Definition:
    """Hours, greeting, a menu of queues. Who presses nothing gets to the first of them."""
    first = next(iter(choices.values()))
    nodes: dict[str, Node] = {
        "hours": {"type": "hours", "weekly": _ROUND_THE_CLOCK, "open": "answer", "closed": "answer_closed"},
        "answer": {"type": "answer", "next": "greeting"},
        "greeting": {"type": "say", "text": dict(greeting), "next": "menu"},
        "menu": {
            "type": "menu",
            "prompt": {"text": dict(prompt)},
            "invalid": {"text": _NO_SUCH_KEY},
            "keys": {key: f"to_{queue}" for key, queue in choices.items()},
            "retries": 1,
            "timeout_seconds": 5,
            "on_timeout": f"to_{first}",
        },
        "answer_closed": {"type": "answer", "next": "closed"},
        "closed": {"type": "say", "text": _CLOSED, "next": "bye"},
        "bye": {"type": "hang_up", "reason": "closed"},
    }
    nodes |= {f"to_{queue}": {"type": "queue", "queue": queue} for queue in choices.values()}
    return _flow("hours", nodes)


def public_menu(enterprises: Sequence[tuple[str, str, str, str]]) -> Definition:
    """The provider's own number: choose a language, then an enterprise.

    `enterprises` are key, tenant's code, its public service's code and its name.
    """
    choices = {
        "en": " ".join(f"For {name}, press {key}." for key, _, _, name in enterprises),
        "zh-hans": "".join(f"{name}，请按{key}。" for key, _, _, name in enterprises),
    }
    nodes: dict[str, Node] = {
        "answer": {"type": "answer", "next": "welcome"},
        # Each sentence has one language only, so every caller hears both.
        "welcome": {"type": "say", "text": {"en": "Welcome. For English, press 1."}, "next": "language"},
        "language": {
            "type": "menu",
            "prompt": {"text": {"zh-hans": "欢迎致电，中文服务请按2。"}},
            "keys": {"1": "english", "2": "chinese"},
            "retries": 1,
            "timeout_seconds": 5,
            "on_timeout": "english",
        },
        "english": {"type": "language", "language": "en", "next": "enterprises"},
        "chinese": {"type": "language", "language": "zh-hans", "next": "enterprises"},
        "enterprises": {
            "type": "menu",
            "prompt": {"text": choices},
            "invalid": {"text": _NO_SUCH_KEY},
            "keys": {key: f"to_{slug}" for key, slug, _, _ in enterprises},
            "retries": 2,
            "timeout_seconds": 6,
            "on_timeout": "no_choice",
        },
        "no_choice": {
            "type": "say",
            "text": {"en": "We did not hear your choice. Good-bye.", "zh-hans": "没有收到您的选择，再见。"},
            "next": "bye",
        },
        "bye": {"type": "hang_up", "reason": "no_input"},
    }
    nodes |= {
        f"to_{slug}": {"type": "hand_over", "tenant": slug, "service": service} for _, slug, service, _ in enterprises
    }
    return _flow("answer", nodes)
