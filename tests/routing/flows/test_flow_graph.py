"""What the validator refuses in how a flow's nodes lead to one another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routing.flows.flow_documents import HELLO, MENU, QUEUE, changed, flow, found, messages

pytestmark = pytest.mark.nodb


def test_a_missing_start_is_named() -> None:
    assert found(flow("b", a=QUEUE)) == {("/start", "missing-node")}


def test_a_missing_node_is_named_where_it_is_wanted() -> None:
    data = changed("nodes/menu/keys", {"1": "queue", "2": "lost", "3": "number", "9": "chinese", "8": "acme"})
    assert found(data) == {("/nodes/menu/keys/2", "missing-node")}


def test_a_node_that_nothing_leads_to_is_refused() -> None:
    assert found(flow(a=QUEUE, b={"type": "answer", "next": "a"})) == {("/nodes/b", "unreachable")}


def test_nothing_is_called_unreachable_while_a_node_is_broken() -> None:
    assert found(flow(a={"type": "answer", "nxt": "b"}, b=QUEUE)) == {
        ("/nodes/a/next", "missing-field"),
        ("/nodes/a/nxt", "unknown-field"),
    }


def test_a_flow_that_loops_is_refused_with_the_loop() -> None:
    data = flow(
        a={"type": "answer", "next": "b"},
        b={"type": "say", "text": HELLO, "next": "c"},
        c={"type": "hours", "weekly": {}, "open": "d", "closed": "b"},
        d=QUEUE,
    )
    assert found(data) == {("/nodes/b", "loop")}
    assert "b → c → b" in messages(data)["/nodes/b"]


def test_a_node_that_leads_to_itself_is_a_loop_and_a_dead_end() -> None:
    assert found(flow(a={"type": "answer", "next": "a"})) == {("/nodes/a", "loop"), ("/nodes/a", "dead-end")}


def test_two_separate_loops_are_both_told() -> None:
    data = flow(
        a={"type": "caller", "known": "b", "unknown": "c"},
        b={"type": "answer", "next": "b"},
        c={"type": "answer", "next": "d"},
        d={"type": "answer", "next": "c"},
    )
    assert {pointer for pointer, code in found(data) if code == "loop"} == {"/nodes/b", "/nodes/c"}


def test_a_menu_that_a_silent_caller_never_leaves_is_a_loop() -> None:
    data = flow(a={"type": "answer", "next": "b"}, b=MENU | {"keys": {"1": "c"}, "on_timeout": "b"}, c=QUEUE)
    data["nodes"]["b"]["on_invalid"] = "c"
    assert found(data) == {("/nodes/b", "loop")}


def test_a_menu_may_be_repeated_by_a_key() -> None:
    data = flow(
        a={"type": "answer", "next": "b"},
        b=MENU | {"keys": {"*": "b"}, "on_timeout": "c", "on_invalid": "b"},
        c=QUEUE,
    )
    assert found(data) == set()


@pytest.mark.parametrize(
    "node",
    [
        {"type": "say", "text": HELLO, "next": "c"},
        {"type": "play", "sound": "chime", "next": "c"},
        MENU | {"keys": {"1": "c"}, "on_timeout": "c", "on_invalid": "c"},
        {"type": "digits", "prompt": {"text": HELLO}, "name": "n", "max_digits": 3, "next": "c", "on_timeout": "c"},
    ],
)
def test_nothing_plays_before_the_call_is_answered(node: dict[str, Any]) -> None:
    data = flow(
        a={"type": "hours", "weekly": {}, "open": "answer", "closed": "b"},
        answer={"type": "answer", "next": "b"},
        b=node,
        c=QUEUE,
    )
    assert found(data) == {("/nodes/b", "not-answered")}
    assert "a → b" in messages(data)["/nodes/b"]
    data["nodes"]["a"]["closed"] = "c"
    assert found(data) == set()
