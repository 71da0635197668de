"""What holds for every flow that the validator accepts, whatever the caller and the switch do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.flows import FlowDefinition, FlowFacts, FlowState, FlowStep, References, advance, validate_flow
from routing.flows import actions as done
from routing.flows.definition import KEYS, TERMINAL_NODES, Queue, exits
from routing.flows.definition import Answer as AnswerNode
from routing.flows.triggers import Answered, KeyPressed, MediaFinished, Started, TimedOut, Trigger

pytestmark = pytest.mark.nodb

REFERENCES = References(
    queues={"q"}, services={("acme", "main")}, sounds={"chime"}, languages=("en",), spoken=("en", "zh-hans")
)
FACTS = FlowFacts(
    now=datetime(2026, 11, 23, 10, 0, tzinfo=UTC), time_zone=ZoneInfo("UTC"), language="en", dnis=None, ani_known=False
)
LAST_ACTIONS = (done.EnterQueue, done.HandOver, done.HangUp)
DAYTIME = {day: [["08:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
TEXT = {"text": {"en": "words"}}


def node(kind: str, onward: st.SearchStrategy[str], anywhere: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """A node of one type: ways that need no key lead `onward`, others `anywhere`."""
    question = {"retries": st.integers(0, 2), "on_timeout": onward, "prompt": st.just(TEXT)}
    question |= {"invalid": st.just({"sound": "chime"}), "on_invalid": anywhere}
    count = st.integers(1, 4)
    fields: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "answer": {"next": onward},
        "say": {"text": st.just(TEXT["text"]), "next": onward, "barge_in": st.booleans()},
        "play": {"sound": st.just("chime"), "next": onward},
        "menu": question | {"keys": st.dictionaries(st.sampled_from(KEYS), anywhere, min_size=1)},
        "digits": question
        | {"name": st.just("digits"), "min_digits": count, "max_digits": count, "next": anywhere}
        | {"terminator": st.sampled_from(["#", "*", None])}
        | {"choices": st.none() | st.dictionaries(st.text("0123456789", min_size=1, max_size=4), anywhere, min_size=1)},
        "hours": {"weekly": st.just(DAYTIME), "open": onward, "closed": onward},
        "called": {"numbers": st.dictionaries(st.just("+861012345678"), onward, min_size=1), "otherwise": onward},
        "caller": {"known": onward, "unknown": onward},
        "language": {"language": st.sampled_from(["en", "zh-hans"]), "next": onward},
    }
    return st.fixed_dictionaries({"type": st.just(kind)} | fields[kind]).map(_put_in_order)


def _put_in_order(data: dict[str, Any]) -> dict[str, Any]:
    if "min_digits" in data:
        data["min_digits"], data["max_digits"] = sorted((data["min_digits"], data["max_digits"]))
        lengths = range(data["min_digits"], data["max_digits"] + 1)
        data["choices"] = {key: way for key, way in (data["choices"] or {}).items() if len(key) in lengths}
        del data["next" if data["choices"] else "choices"]
    return data


KINDS = st.sampled_from(["answer", "say", "play", "menu", "digits", "hours", "called", "caller", "language"])
LAST_NODES: list[dict[str, Any]] = [
    {"type": "queue", "queue": "q"},
    {"type": "hand_over", "tenant": "acme", "service": "main"},
    {"type": "hang_up", "reason": "closed"},
]


def last_node(anywhere: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """The end of a path: plain, or a queue with ways out of it."""
    ways: dict[str, st.SearchStrategy[Any]] = {"keys": st.dictionaries(st.sampled_from(KEYS), anywhere, min_size=1)}
    longest: dict[str, st.SearchStrategy[Any]] = {"max_wait_seconds": st.just(60), "on_max_wait": anywhere}
    queue: dict[str, st.SearchStrategy[Any]] = {"type": st.just("queue"), "queue": st.just("q")}
    return st.sampled_from(LAST_NODES) | st.fixed_dictionaries(queue | ways) | st.fixed_dictionaries(queue | longest)


@st.composite
def flows(draw: st.DrawFn, *, orderly: bool = True) -> dict[str, Any]:
    """Flows as JSON. The orderly ones are right by construction: without a key the way leads to later nodes only."""
    names = [f"n{index}" for index in range(draw(st.integers(2, 9)))]
    anywhere = st.sampled_from(names)
    nodes = {names[0]: draw(node("answer", st.sampled_from(names[1:]) if orderly else anywhere, anywhere))}
    for index, name in enumerate(names[1:-1], start=1):
        later = st.sampled_from(names[index + 1 :]) if orderly else anywhere
        nodes[name] = draw(KINDS.flatmap(lambda kind, later=later: node(kind, later, anywhere)))  # type: ignore[misc]  # mypy guesses no default's type
    nodes[names[-1]] = draw(last_node(anywhere))
    return {"schema": 1, "start": names[0], "nodes": _reachable(names[0], nodes)}


def _targets(data: dict[str, Any], *, keyless: bool = False) -> set[str]:
    """Where a node leads to, read from the JSON without the code under test."""
    single = ["on_timeout", "open", "closed", "otherwise", "known", "unknown"]
    found = {data[name] for name in single if name in data} | set(data.get("numbers", {}).values())
    if data["type"] != "digits" and "next" in data:
        found.add(data["next"])
    if keyless:
        return found
    found |= {data[name] for name in ("next", "on_invalid", "on_max_wait") if name in data}
    return found.union(data.get("keys", {}).values(), data.get("choices", {}).values())


def _reachable(start: str, nodes: dict[str, Any]) -> dict[str, Any]:
    reached = {start}
    while more := {target for name in reached for target in _targets(nodes[name])} - reached:
        reached |= more
    return {name: data for name, data in nodes.items() if name in reached}


def accepted(data: dict[str, Any]) -> FlowDefinition:
    report = validate_flow(data, REFERENCES)
    assert report.errors == ()
    assert report.definition is not None
    return report.definition


class Witness:
    """Carries out a flow's actions and objects to what no switch could follow."""

    def __init__(self, flow: FlowDefinition, facts: FlowFacts, state: FlowState) -> None:
        self._flow = flow
        self._facts = facts
        self.state = state
        self._labels: set[str] = set()
        self._playing: str | None = None
        self._timer: str | None = None
        self._answers = 0
        self._ends = 0

    def send(self, trigger: Trigger) -> FlowStep:
        was_over = self.state.ended
        step = advance(self._flow, self.state, trigger, self._facts)
        match trigger:
            case MediaFinished() if trigger.playback == self._playing:
                self._playing = None
            case TimedOut() if trigger.timer == self._timer:
                self._timer = None
        for action in step.actions:
            if isinstance(action, done.LeaveQueue):
                assert was_over
                self._ends = 0
            assert not self._ends or isinstance(action, done.StartTimer), "an action after the last one"
            self._carry_out(action)
        self.state = FlowState.from_json(json.loads(json.dumps(step.state.as_json())))
        assert self.state == step.state
        self._check_waiting()
        return step

    def expected_next(self) -> Trigger:
        """What comes when the caller does nothing."""
        if self._playing is not None:
            return MediaFinished(self._playing)
        if self._timer is not None:
            return TimedOut(self._timer)
        return Answered()

    def _carry_out(self, action: done.Action) -> None:
        match action:
            case done.PlayMedia():
                assert self._playing is None
                assert action.items
                self._playing = self._fresh(action.playback)
            case done.StopMedia():
                assert action.playback == self._playing
                self._playing = None
            case done.StartTimer():
                assert self._timer is None
                assert action.seconds > 0
                self._timer = self._fresh(action.timer)
            case done.CancelTimer():
                assert action.timer == self._timer
                self._timer = None
            case done.Answer():
                self._answers += 1
                assert self._answers == 1
            case done.EnterQueue() | done.HandOver() | done.HangUp():
                self._ends += 1

    def _fresh(self, label: str) -> str:
        assert label not in self._labels
        self._labels.add(label)
        return label

    def _check_waiting(self) -> None:
        assert (self.state.playing, self.state.timer) == (self._playing, self._timer)
        assert self.state.ended == (self._ends == 1)
        assert self.state.node is not None
        answering = isinstance(self._flow.nodes[self.state.node], AnswerNode) and not self.state.answered
        waits = [self._playing is not None, self._timer is not None, answering]
        node = self._flow.nodes[self.state.node]
        patient = isinstance(node, Queue) and node.max_wait_seconds is not None
        assert sum(waits) == (patient if self.state.ended else 1), f"waits for {waits}"


@st.composite
def some_facts(draw: st.DrawFn) -> FlowFacts:
    hours = draw(st.integers(0, 23))
    dnis = draw(st.sampled_from([None, "+861012345678", "+861000000000"]))
    return replace(FACTS, now=FACTS.now + timedelta(hours=hours), dnis=dnis, ani_known=draw(st.booleans()))


STALE: st.SearchStrategy[Trigger] = st.sampled_from(
    [Started(), Answered(), MediaFinished("p1"), MediaFinished("p2"), TimedOut("t2"), TimedOut("t3"), KeyPressed("A")]
)
HAPPENINGS: st.SearchStrategy[Trigger | None] = st.one_of(
    st.none(), st.sampled_from(KEYS).map(KeyPressed), STALE
)  # None: what is expected comes


def follow(witness: Witness, happenings: Iterable[Trigger | None]) -> None:
    for happening in happenings:
        witness.send(witness.expected_next() if happening is None else happening)


def silent_steps(witness: Witness) -> int:
    """How many things happen to a caller who does nothing more until the flow is over."""
    steps = 0
    while not witness.state.ended:
        witness.send(witness.expected_next())
        steps += 1
    return steps


@settings(max_examples=150, deadline=None)
@given(flows(), some_facts(), st.lists(HAPPENINGS, max_size=40), st.text(KEYS, max_size=6))
def test_a_caller_always_waits_for_one_thing_or_has_come_to_an_end(
    data: dict[str, Any], facts: FlowFacts, happenings: list[Trigger | None], typed: str
) -> None:
    witness = Witness(accepted(data), facts, FlowState(typed_ahead=typed))
    witness.send(Started())
    follow(witness, happenings)
    # Each node is come to once at most, and asks three times at most: a playback and a silence each time.
    assert silent_steps(witness) <= 1 + 6 * len(data["nodes"])
    assert witness.state.node is not None
    way_out = "1" in data["nodes"][witness.state.node].get("keys", {})
    step = witness.send(KeyPressed("1"))
    assert step.actions[:1] == ((done.LeaveQueue(),) if way_out else ())


@settings(max_examples=80, deadline=None)
@given(flows(), some_facts())
def test_a_silent_caller_comes_to_an_end_of_the_flows_own(data: dict[str, Any], facts: FlowFacts) -> None:
    flow = accepted(data)
    witness = Witness(flow, facts, FlowState())
    last = witness.send(Started())
    while not witness.state.ended:
        last = witness.send(witness.expected_next())
    (end,) = (action for action in last.actions if isinstance(action, LAST_ACTIONS))
    assert end != done.HangUp(done.FLOW_LIMIT)
    assert witness.state.node is not None
    assert isinstance(flow.nodes[witness.state.node], TERMINAL_NODES)


@settings(max_examples=80, deadline=None)
@given(flows(), some_facts(), st.lists(HAPPENINGS, max_size=20))
def test_what_comes_twice_counts_once(data: dict[str, Any], facts: FlowFacts, happenings: list[Trigger | None]) -> None:
    witness = Witness(accepted(data), facts, FlowState())
    witness.send(Started())
    for happening in happenings:
        trigger = witness.expected_next() if happening is None else happening
        witness.send(trigger)
        if not isinstance(trigger, KeyPressed):
            assert witness.send(trigger).actions == ()


@settings(max_examples=150, deadline=None)
@given(flows(orderly=False))
def test_a_loop_is_found_exactly_when_a_node_leads_back_to_itself_without_a_key(data: dict[str, Any]) -> None:
    nodes = data["nodes"]
    onward = {name: _targets(node, keyless=True) & nodes.keys() for name, node in nodes.items()}
    for _round in nodes:
        onward = {name: targets.union(*(onward[target] for target in targets)) for name, targets in onward.items()}
    in_a_loop = {name for name, targets in onward.items() if name in targets}
    report = validate_flow(data, REFERENCES)
    told = {problem.pointer.removeprefix("/nodes/") for problem in report.errors if problem.code == "loop"}
    assert bool(told) == bool(in_a_loop)
    assert told <= in_a_loop


@settings(max_examples=150, deadline=None)
@given(flows(orderly=False), some_facts(), st.lists(HAPPENINGS, max_size=30))
def test_whatever_the_validator_accepts_is_safe(
    data: dict[str, Any], facts: FlowFacts, happenings: list[Trigger | None]
) -> None:
    definition = validate_flow(data, REFERENCES).definition
    if definition is None:
        return
    witness = Witness(definition, facts, FlowState())
    witness.send(Started())
    follow(witness, happenings)
    assert silent_steps(witness) <= 1 + 6 * len(data["nodes"])


@settings(max_examples=100, deadline=None)
@given(flows())
def test_every_way_out_points_to_its_field(data: dict[str, Any]) -> None:
    for name, parsed in accepted(data).nodes.items():
        for way in exits(parsed):
            place: Any = data["nodes"][name]
            for part in way.path:
                place = place[part]
            assert place == way.target


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@st.composite
def spoilt_flows(draw: st.DrawFn) -> dict[str, Any]:
    """Flows in which one value anywhere is replaced by anything."""
    data: dict[str, Any] = json.loads(json.dumps(draw(flows())))
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [data]
    while waiting:
        place = waiting.pop()
        for key, value in place.items() if isinstance(place, dict) else enumerate(place):
            places.append((place, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    place, key = places[draw(st.integers(0, len(places) - 1))]
    place[key] = draw(ANY_JSON)
    return data


@settings(max_examples=200, deadline=None)
@given(spoilt_flows())
def test_no_input_breaks_the_validator(data: dict[str, Any]) -> None:
    report = validate_flow(data, REFERENCES)
    assert (report.definition is None) == bool(report.errors)
    assert all(problem.message for problem in report.problems)
