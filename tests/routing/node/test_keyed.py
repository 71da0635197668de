"""What keeps its order in the switch worker, and what waits for nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from routing.node import keyed
from routing.node.keyed import KeyedTasks

pytestmark = pytest.mark.nodb


class Diary:
    """What began and ended, in order."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def piece(self, name: str, until: asyncio.Event | None = None) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            self.entries.append(f"{name} begins")
            if until is not None:
                await until.wait()
            self.entries.append(f"{name} ends")

        return work


async def test_what_shares_a_key_comes_one_after_the_other() -> None:
    tasks, diary, gate = KeyedTasks(), Diary(), asyncio.Event()
    tasks.start(["a", "b"], diary.piece("one", gate))
    tasks.start(["b"], diary.piece("two"))
    tasks.start(["c"], diary.piece("three"))
    await asyncio.sleep(0)
    gate.set()
    await tasks.drain()
    assert diary.entries == ["one begins", "three begins", "three ends", "one ends", "two begins", "two ends"]


async def test_those_of_a_line_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "TURN_SECONDS", 60)
    tasks, diary, first, second = KeyedTasks(), Diary(), asyncio.Event(), asyncio.Event()
    tasks.start(["a"], diary.piece("one", first), line="x")
    tasks.start(["b"], diary.piece("two", second), line="x")
    tasks.start(["c"], diary.piece("three"), line="x")
    tasks.start(["d"], diary.piece("another line's"), line="y")
    second.set()
    await asyncio.sleep(0)
    first.set()
    await tasks.drain()
    assert [entry for entry in diary.entries if "line" not in entry] == [
        "one begins", "one ends", "two begins", "two ends", "three begins", "three ends",
    ]  # fmt: skip
    assert diary.entries.index("another line's ends") < diary.entries.index("one ends")


async def test_nobody_waits_long_for_one_of_the_line_that_hangs() -> None:
    tasks, diary, never = KeyedTasks(), Diary(), asyncio.Event()
    began = time.monotonic()
    tasks.start(["a"], diary.piece("one", never), line="x")
    tasks.start(["b"], diary.piece("two"), line="x")
    tasks.start(["c"], diary.piece("three"), line="x")
    tasks.start(["a"], diary.piece("what must come after"))
    while "three ends" not in diary.entries:
        await asyncio.sleep(0.01)
        assert time.monotonic() - began < 10 * keyed.TURN_SECONDS
    assert "one ends" not in diary.entries
    assert "what must come after begins" not in diary.entries
    never.set()
    await tasks.drain()
    assert diary.entries[-1] == "what must come after ends"
