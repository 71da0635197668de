"""Takes a caller through a flow: a pure function from state and trigger to new state and actions.

Whatever has nothing to do with the caller's present place (news of a stopped playback or an old timer, a second start,
keys after the end) changes nothing, so that events may come late, twice and out of order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from routing.flows import actions
from routing.flows import definition as nodes
from routing.flows.actions import Action
from routing.flows.definition import KEYS, FlowDefinition, Node
from routing.flows.media import Media, Prompt, media_for
from routing.flows.state import FlowFacts, FlowState
from routing.flows.triggers import (
    Answered,
    CallBackSettled,
    KeyPressed,
    MediaFinished,
    QueueRefused,
    Started,
    TimedOut,
    Trigger,
)

MAX_TRANSITIONS = 200
MAX_TYPED_AHEAD = 32


@dataclass(frozen=True, slots=True)
class FlowStep:
    """The state to save, then the actions to carry out."""

    state: FlowState
    actions: tuple[Action, ...]


def advance(definition: FlowDefinition, state: FlowState, trigger: Trigger, facts: FlowFacts) -> FlowStep:
    """What a trigger does to a caller.

    `definition` is the version of the flow that the caller entered; KeyError when it lacks the state's node. A caller
    who has entered more than 200 nodes is hung up on with the reason `flow-limit`.
    """
    walk = _Walk(definition, state, facts)
    if (way := _way_out_of_queue(definition, state, trigger)) is not None:
        walk.leave_queue(way, trigger)
        return FlowStep(walk.state, tuple(walk.actions))
    if state.ended or (state.node is None and not isinstance(trigger, Started)):
        return FlowStep(_noted(state, trigger), ())
    match trigger:
        case Started():
            walk.start()
        case Answered():
            walk.answered()
        case MediaFinished():
            walk.media_finished(trigger.playback)
        case KeyPressed():
            walk.key_pressed(trigger.key)
        case TimedOut():
            walk.timed_out(trigger.timer)
        case CallBackSettled():
            walk.call_back_settled(trigger.result)
    return FlowStep(walk.state, tuple(walk.actions))


def _way_out_of_queue(definition: FlowDefinition, state: FlowState, trigger: Trigger) -> str | None:
    """Where this leads a caller who waits in a queue; None for anybody else, and for one who goes on waiting."""
    node = definition.nodes[state.node] if state.ended and state.node is not None else None
    if not isinstance(node, nodes.Queue):
        return None
    match trigger:
        case KeyPressed():
            return node.keys.get(trigger.key)
        case TimedOut():
            return node.on_max_wait if trigger.timer == state.timer else None
        case QueueRefused():
            return node.refused(trigger.why)
        case _:
            return None


def _noted(state: FlowState, trigger: Trigger) -> FlowState:
    """Before the start a key or the answer may already come: they are not lost; after the end they are."""
    if state.ended:
        return state
    if isinstance(trigger, KeyPressed) and _is_key(trigger.key):
        return replace(state, typed_ahead=_with_key(state.typed_ahead, trigger.key))
    if isinstance(trigger, Answered):
        return replace(state, answered=True)
    return state


def _is_key(key: str) -> bool:
    return len(key) == 1 and key in KEYS


def _with_key(typed: str, key: str) -> str:
    return typed + key if len(typed) < MAX_TYPED_AHEAD else typed


def _last_action(node: nodes.HandOver | nodes.HangUp) -> Action:
    match node:
        case nodes.HandOver():
            return actions.HandOver(node.tenant, node.service)
        case nodes.HangUp():
            return actions.HangUp(node.reason)


class _Walk:
    """One step in the making. A method that finds out where to go returns that node's name, or None to wait."""

    def __init__(self, definition: FlowDefinition, state: FlowState, facts: FlowFacts) -> None:
        self._definition = definition
        self._facts = facts
        self.state = state
        self.actions: list[Action] = []

    # Triggers

    def start(self) -> None:
        if self.state.node is None:
            self._follow(self._definition.start)

    def answered(self) -> None:
        self._set(answered=True)
        # A caller is left at such a node only while the answer is still to come.
        if isinstance(node := self._node(), nodes.Answer):
            self._follow(node.next)

    def media_finished(self, playback: str) -> None:
        if playback != self.state.playing:
            return
        self._set(playing=None, spare_terminator=None)
        node = self._node()
        if isinstance(node, nodes.Announce):
            self._follow(node.next)
        elif isinstance(node, nodes.Menu | nodes.Digits):
            self._start_timer(node.question.timeout_seconds)

    def key_pressed(self, key: str) -> None:
        if not _is_key(key) or self._takes_spare_terminator(key):
            return
        match node := self._node():
            case nodes.Menu():
                self._follow(self._menu_key(node, key))
            case nodes.Digits():
                self._follow(self._digits_key(node, key))
                self._listen_on(node)
            case _:
                self._set(typed_ahead=_with_key(self.state.typed_ahead, key))
                if isinstance(node, nodes.Announce) and self.state.node in self._definition.interruptible:
                    self._follow(node.next)

    def timed_out(self, timer: str) -> None:
        if timer != self.state.timer:
            return
        self._set(timer=None)
        match node := self._node():
            case nodes.Digits() if len(self.state.digits) >= node.min_digits:
                self._follow(self._digits_complete(node))
            case nodes.Menu() | nodes.Digits():
                self._follow(self._ask_again(node.question, invalid=False))

    def call_back_settled(self, result: str) -> None:
        if isinstance(node := self._node(), nodes.CallBack):
            self._follow(node.target(result))

    def leave_queue(self, way: str, trigger: Trigger) -> None:
        """Go on from a queue: the caller wants to, has waited for long enough, or was not taken."""
        self._set(ended=False, typed_ahead="")
        if isinstance(trigger, TimedOut):
            self._set(timer=None)
        if not isinstance(trigger, QueueRefused):
            node = self._node()
            self._set(waited_in=node.queue if isinstance(node, nodes.Queue) else None, transitions=0)
            self.actions.append(actions.LeaveQueue())
        self._follow(way)

    # Going from node to node

    def _follow(self, target: str | None) -> None:
        while target is not None:
            self._silence()
            if self.state.transitions >= MAX_TRANSITIONS:
                self._end(actions.HangUp(actions.FLOW_LIMIT))
                return
            self._set(node=target, transitions=self.state.transitions + 1, attempt=0, digits="")
            target = self._enter(self._node())

    def _enter(self, node: Node) -> str | None:  # noqa: PLR0911 - one return a type of node
        match node:
            case nodes.Answer():
                return self._enter_answer(node)
            case nodes.Announce():
                return self._enter_announcement(node)
            case nodes.Menu():
                return self._enter_menu(node)
            case nodes.Digits():
                return self._enter_digits(node)
            case nodes.Language():
                self._set(language=node.language)
                self.actions.append(actions.SetLanguage(node.language))
                return node.next
            case nodes.Hours() | nodes.Called() | nodes.Caller():
                return self._branch(node)
            case nodes.CallBack():
                typed = self.state.collected.get(node.number, "") if node.number else None
                self.actions.append(actions.TakeCallBack(typed, node.queue))
                return None
            case nodes.Queue():
                self._enter_queue(node)
                return None
            case nodes.HandOver() | nodes.HangUp():
                self._end(_last_action(node))
                return None

    def _branch(self, node: nodes.Hours | nodes.Called | nodes.Caller) -> str:
        match node:
            case nodes.Hours():
                is_open = node.hours.is_open(self._facts.now, self._facts.time_zone)
                return node.open if is_open else node.closed
            case nodes.Called():
                return node.numbers.get(self._facts.dnis or "", node.otherwise)
            case nodes.Caller():
                otherwise = node.known if self._facts.ani_known else node.unknown
                return node.segments.get(self._facts.segment, otherwise)

    def _enter_answer(self, node: nodes.Answer) -> str | None:
        if self.state.answered:
            return node.next
        self.actions.append(actions.Answer())
        return None

    def _enter_announcement(self, node: nodes.Announce) -> str | None:
        if self.state.typed_ahead and self.state.node in self._definition.interruptible:
            return node.next
        self._play((node.prompt,))
        return None

    def _enter_menu(self, node: nodes.Menu) -> str | None:
        if not self.state.typed_ahead:
            self._play((node.question.prompt,))
            return None
        return self._menu_key(node, self._next_typed())

    def _enter_digits(self, node: nodes.Digits) -> str | None:
        if not self.state.typed_ahead:
            self._play((node.question.prompt,))
            return None
        target: str | None = None
        while target is None and self.state.typed_ahead:
            target = self._digits_key(node, self._next_typed())
        if target is None:
            self._listen_on(node)
        return target

    def _enter_queue(self, node: nodes.Queue) -> None:
        returns = node.queue == self.state.waited_in
        reported = frozenset(why for why in nodes.QueueRefusal if node.refused(why) is not None)
        self._end(actions.EnterQueue(node.queue, node.priority, returns=returns, reported=reported))
        if node.max_wait_seconds is not None:
            self._start_timer(node.max_wait_seconds)

    def _end(self, action: Action) -> None:
        self._set(ended=True)
        self.actions.append(action)

    # Questions

    def _menu_key(self, node: nodes.Menu, key: str) -> str | None:
        if key in node.keys:
            return node.keys[key]
        return self._ask_again(node.question, invalid=True)

    def _digits_key(self, node: nodes.Digits, key: str) -> str | None:
        self._silence()
        if key == node.terminator:
            if len(self.state.digits) >= node.min_digits:
                return self._digits_complete(node)
            return self._ask_again(node.question, invalid=True)
        if not key.isdigit():
            self._set(digits="")
            return None
        self._set(digits=self.state.digits + key)
        if len(self.state.digits) < node.max_digits:
            return None
        # Many callers finish with the terminator although nothing is left to enter.
        self._set(spare_terminator=node.terminator)
        return self._digits_complete(node)

    def _digits_complete(self, node: nodes.Digits) -> str | None:
        digits = self.state.digits
        target = node.target(digits)
        if target is None:
            return self._ask_again(node.question, invalid=True)
        self.actions.append(actions.StoreDigits(node.name, digits))
        self._set(collected={**self.state.collected, node.name: digits})
        if self.state.spare_terminator is not None and self.state.typed_ahead.startswith(self.state.spare_terminator):
            self._set(typed_ahead=self.state.typed_ahead[1:], spare_terminator=None)
        return target

    def _ask_again(self, question: nodes.Question, *, invalid: bool) -> str | None:
        """The next attempt, or the way out after the last one; what was typed in error does not answer it."""
        self._silence()
        self._set(digits="", typed_ahead="")
        if self.state.attempt >= question.retries:
            return question.invalid_target if invalid else question.on_timeout
        self._set(attempt=self.state.attempt + 1)
        warning = (question.invalid,) if invalid and question.invalid is not None else ()
        self._play((*warning, question.prompt))
        return None

    def _takes_spare_terminator(self, key: str) -> bool:
        """Whether the key is the late end of the last digits, and means nothing where the caller is now."""
        spare = self.state.spare_terminator
        self._set(spare_terminator=None)
        if key != spare:
            return False
        node = self._node()
        return not (isinstance(node, nodes.Menu) and key in node.keys) and not self.state.digits

    # Media and timers

    def _play(self, prompts: tuple[Prompt, ...]) -> None:
        languages = (*([self.state.language] if self.state.language else []), self._facts.language)
        items: tuple[Media, ...] = tuple(media_for(prompt, languages=languages) for prompt in prompts)
        label = self._label("p")
        self._set(playing=label)
        self.actions.append(actions.PlayMedia(label, items))

    def _listen_on(self, node: nodes.Digits) -> None:
        """After digits that did not finish the entry: wait for the next one, unless a prompt or a timer runs."""
        if self._node() is node and not self.state.playing and not self.state.timer:
            self._start_timer(node.question.timeout_seconds)

    def _start_timer(self, seconds: float) -> None:
        label = self._label("t")
        self._set(timer=label)
        self.actions.append(actions.StartTimer(label, seconds))

    def _silence(self) -> None:
        """Stops what plays and what counts."""
        if self.state.playing is not None:
            self.actions.append(actions.StopMedia(self.state.playing))
        if self.state.timer is not None:
            self.actions.append(actions.CancelTimer(self.state.timer))
        self._set(playing=None, timer=None)

    def _label(self, kind: str) -> str:
        self._set(sequence=self.state.sequence + 1)
        return f"{kind}{self.state.sequence}"

    def _next_typed(self) -> str:
        key, rest = self.state.typed_ahead[0], self.state.typed_ahead[1:]
        self._set(typed_ahead=rest)
        return key

    def _node(self) -> Node:
        if self.state.node is None:
            raise RuntimeError("the flow has not started")
        return self._definition.nodes[self.state.node]

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
