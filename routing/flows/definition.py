"""A flow as data: the node types, where each leads, and how JSON becomes a `FlowDefinition`.

`parse_definition` trusts its input; what a person wrote goes through `validation.validate_flow` first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from routing.flows.hours import OpeningHours, parse_hours
from routing.flows.media import Prompt, RecordedSound, SpokenText

SCHEMA_VERSION = 1
KEYS = "0123456789*#"
DEFAULT_RETRIES = 2
DEFAULT_TIMEOUT_SECONDS = 5.0


class QueueRefusal(StrEnum):
    """Why a queue does not take a caller."""

    FULL = "full"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a node: the fields that name it in the JSON, and the node it leads to.

    `pauses`: it is taken after a key or a wait in the queue, so that a circle with it in it is no trap.
    """

    path: tuple[str, ...]
    target: str
    pauses: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers the call; does nothing when it is answered already."""

    next: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Speaks or plays something (`say`, `play`)."""

    prompt: Prompt
    prompt_path: tuple[str, ...]
    next: str
    barge_in: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What `menu` and `digits` share: a prompt, then so many seconds for a key, then the next attempt."""

    prompt: Prompt
    invalid: Prompt | None
    retries: int
    timeout_seconds: float
    on_timeout: str
    on_invalid: str | None

    @property
    def invalid_target(self) -> str:
        """Where too many wrong entries lead: the way of the silent caller unless the flow says otherwise."""
        return self.on_timeout if self.on_invalid is None else self.on_invalid


@dataclass(frozen=True, slots=True)
class Menu:
    """One key chooses the next node."""

    question: Question
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Digits:
    """Collects `min_digits` to `max_digits` digits; the terminator ends them early, another key clears them.

    They lead to `next`, or where there are `choices` to the node of exactly these digits; others are a wrong entry.
    """

    question: Question
    name: str
    min_digits: int
    max_digits: int
    terminator: str | None
    next: str | None
    choices: Mapping[str, str]

    def target(self, digits: str) -> str | None:
        """Where these digits lead; None when they are not among the choices."""
        return self.choices.get(digits) if self.next is None else self.next


@dataclass(frozen=True, slots=True)
class Hours:
    """Branches on opening hours in the tenant's time zone."""

    hours: OpeningHours
    open: str
    closed: str


@dataclass(frozen=True, slots=True)
class Called:
    """Branches on the number that was dialled (DNIS, E.164)."""

    numbers: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Branches on the segment of the customer whose calling number it is, else on whether there is one."""

    known: str
    unknown: str
    segments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Language:
    """Sets the contact's language."""

    language: str
    next: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """Takes a call-back to the caller's number, or to one that they have typed, and goes on by what came of it.

    `number` names the digits typed; None: the calling number, unless hidden. `queue` is where the call-back waits;
    None: the queue from which the caller has come. `exists`: there is an open call-back to the number already.
    """

    taken: str
    refused: str
    exists: str
    number: str | None
    queue: str | None

    def target(self, result: str) -> str:
        """Where a result leads."""
        return {"taken": self.taken, "exists": self.exists}.get(result, self.refused)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Ends the flow: the interaction goes on at another tenant's service."""

    tenant: str
    service: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Ends the flow: the contact waits in a queue, at the queue's own priority unless one is given.

    The flow goes on when the caller presses one of `keys`, has waited for `max_wait_seconds`, or cannot wait there
    because the queue is full or closed.
    """

    queue: str
    priority: int | None
    keys: Mapping[str, str]
    max_wait_seconds: float | None
    on_max_wait: str | None
    on_full: str | None
    on_closed: str | None

    def refused(self, why: QueueRefusal) -> str | None:
        """Where the caller goes whom the queue does not take; None when the flow has no way for that."""
        return self.on_full if why is QueueRefusal.FULL else self.on_closed


@dataclass(frozen=True, slots=True)
class HangUp:
    """Ends the flow and the call."""

    reason: str


Node = Answer | Announce | Menu | Digits | Hours | Called | Caller | Language | CallBack | HandOver | Queue | HangUp
TERMINAL_NODES = (HandOver, Queue, HangUp)
QUESTION_NODES = (Menu, Digits)
MEDIA_NODES = (Announce, Menu, Digits)


@dataclass(frozen=True, slots=True)
class FlowDefinition:
    """A flow ready to be interpreted.

    `interruptible` names the announcements that a key cuts short: those with barge-in from which the caller comes
    to a question without pressing anything more. A key during "we are closed, good-bye" must not swallow the words.
    """

    start: str
    nodes: Mapping[str, Node]
    interruptible: frozenset[str]


def exits(node: Node) -> tuple[Exit, ...]:  # noqa: PLR0911 - one return a type of node
    """All ways out of a node, in the order in which they are written; none for the last node of a path."""
    match node:
        case Answer() | Announce() | Language():
            return (Exit(("next",), node.next),)
        case Menu():
            return _key_exits(node.keys) + _question_exits(node.question)
        case Digits():
            entered = tuple(Exit(("choices", digits), way, pauses=True) for digits, way in node.choices.items())
            onward = () if node.next is None else (Exit(("next",), node.next, pauses=True),)
            return (*onward, *entered, *_question_exits(node.question))
        case Hours():
            return (Exit(("open",), node.open), Exit(("closed",), node.closed))
        case Called():
            dialled = tuple(Exit(("numbers", number), target) for number, target in node.numbers.items())
            return (*dialled, Exit(("otherwise",), node.otherwise))
        case Caller():
            of_segments = tuple(Exit(("segments", name), target) for name, target in node.segments.items())
            return (*of_segments, Exit(("known",), node.known), Exit(("unknown",), node.unknown))
        case CallBack():
            ways = (Exit(("taken",), node.taken), Exit(("refused",), node.refused))
            return ways if node.exists == node.taken else (*ways, Exit(("exists",), node.exists))
        case Queue():
            return _key_exits(node.keys) + tuple(_queue_exits(node))
        case HandOver() | HangUp():
            return ()


def prompts(node: Node) -> Iterator[tuple[tuple[str, ...], Prompt]]:
    """The prompts of a node with the fields that hold them."""
    if isinstance(node, Announce):
        yield node.prompt_path, node.prompt
    elif isinstance(node, QUESTION_NODES):
        yield _prompt_path(("prompt",), node.question.prompt), node.question.prompt
        if node.question.invalid is not None:
            yield _prompt_path(("invalid",), node.question.invalid), node.question.invalid


def parse_definition(data: Mapping[str, Any]) -> FlowDefinition:
    """Builds the flow from JSON that `validate_flow` has accepted; raises KeyError or ValueError on other data."""
    nodes = {name: parse_node(node) for name, node in data["nodes"].items()}
    return FlowDefinition(start=data["start"], nodes=nodes, interruptible=_interruptible(nodes))


def parse_node(data: Mapping[str, Any]) -> Node:
    """Builds one node from JSON of the right shape."""
    return _PARSERS[data["type"]](data)


def _question_exits(question: Question) -> tuple[Exit, ...]:
    silent = Exit(("on_timeout",), question.on_timeout)
    if question.on_invalid is None:
        return (silent,)
    return (silent, Exit(("on_invalid",), question.on_invalid, pauses=True))


def _key_exits(keys: Mapping[str, str]) -> tuple[Exit, ...]:
    return tuple(Exit(("keys", key), target, pauses=True) for key, target in keys.items())


def _queue_exits(node: Queue) -> Iterator[Exit]:
    if node.on_max_wait is not None:
        yield Exit(("on_max_wait",), node.on_max_wait, pauses=True)
    if node.on_full is not None:
        yield Exit(("on_full",), node.on_full)
    if node.on_closed is not None:
        yield Exit(("on_closed",), node.on_closed)


def _prompt_path(path: tuple[str, ...], prompt: Prompt) -> tuple[str, ...]:
    return (*path, "text" if isinstance(prompt, SpokenText) else "sound")


def _interruptible(nodes: Mapping[str, Node]) -> frozenset[str]:
    return frozenset(
        name
        for name, node in nodes.items()
        if isinstance(node, Announce) and node.barge_in and _leads_to_question(nodes, node.next)
    )


def _leads_to_question(nodes: Mapping[str, Node], name: str) -> bool:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        node = nodes[name]
        if isinstance(node, QUESTION_NODES):
            return True
        if not isinstance(node, TERMINAL_NODES):
            waiting.extend(way.target for way in exits(node))
    return False


def _parse_prompt(data: Mapping[str, Any]) -> Prompt:
    return SpokenText(dict(data["text"])) if "text" in data else RecordedSound(data["sound"])


def _parse_announce(data: Mapping[str, Any]) -> Announce:
    prompt = _parse_prompt(data)
    return Announce(prompt, _prompt_path((), prompt), data["next"], data.get("barge_in", True))


def _parse_question(data: Mapping[str, Any]) -> Question:
    return Question(
        prompt=_parse_prompt(data["prompt"]),
        invalid=_parse_prompt(data["invalid"]) if "invalid" in data else None,
        retries=int(data.get("retries", DEFAULT_RETRIES)),
        timeout_seconds=float(data.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
        on_timeout=data["on_timeout"],
        on_invalid=data.get("on_invalid"),
    )


def _parse_digits(data: Mapping[str, Any]) -> Digits:
    return Digits(
        question=_parse_question(data),
        name=data["name"],
        min_digits=int(data.get("min_digits", 1)),
        max_digits=int(data["max_digits"]),
        terminator=data.get("terminator", "#"),
        next=data.get("next"),
        choices=dict(data.get("choices", {})),
    )


def _parse_call_back(data: Mapping[str, Any]) -> CallBack:
    taken = data["taken"]
    return CallBack(taken, data["refused"], data.get("exists", taken), data.get("number"), data.get("queue"))


def _parse_queue(data: Mapping[str, Any]) -> Queue:
    priority, most = data.get("priority"), data.get("max_wait_seconds")
    return Queue(
        queue=data["queue"],
        priority=None if priority is None else int(priority),
        keys=dict(data.get("keys", {})),
        max_wait_seconds=None if most is None else float(most),
        on_max_wait=data.get("on_max_wait"),
        on_full=data.get("on_full"),
        on_closed=data.get("on_closed"),
    )


_PARSERS: dict[str, Callable[[Mapping[str, Any]], Node]] = {
    "answer": lambda data: Answer(data["next"]),
    "say": _parse_announce,
    "play": _parse_announce,
    "menu": lambda data: Menu(_parse_question(data), dict(data["keys"])),
    "digits": _parse_digits,
    "hours": lambda data: Hours(parse_hours(data), data["open"], data["closed"]),
    "called": lambda data: Called(dict(data["numbers"]), data["otherwise"]),
    "caller": lambda data: Caller(data["known"], data["unknown"], dict(data.get("segments", {}))),
    "language": lambda data: Language(data["language"], data["next"]),
    "callback": _parse_call_back,
    "hand_over": lambda data: HandOver(data["tenant"], data["service"]),
    "queue": _parse_queue,
    "hang_up": lambda data: HangUp(data["reason"]),
}
