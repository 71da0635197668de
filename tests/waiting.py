"""Waiting for what another thread, process or exchange does and tells nobody: the one place where tests look again.

What can be heard (an event, a notification, the end of a process) is waited for where it is told, not here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from asgiref.sync import sync_to_async

WAIT_S = 15.0
_T = TypeVar("_T")


def looks(*, within_s: float, every_s: float = 0.05) -> Iterator[None]:
    """Turns to look: one now, one after every `every_s` seconds, and one when `within_s` seconds are over."""
    deadline = time.monotonic() + within_s
    yield
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, every_s))
        yield


def until(what: str, condition: Callable[[], _T], *, within_s: float = WAIT_S, every_s: float = 0.05) -> _T:
    """Wait for a condition and return what it gave. Fails, saying what was awaited, when it does not come."""
    for _ in looks(within_s=within_s, every_s=every_s):
        if found := condition():
            return found
    raise AssertionError(f"not so within {within_s:g} s: {what}")


async def eventually(condition: Callable[[], _T], *, within_s: float = WAIT_S, every_s: float = 0.02) -> _T:
    """Return the first true answer of `condition`, which reads the database; fail when none comes in time.

    `until` for tests in an event loop, which goes on between the looks.
    """
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        answer = await sync_to_async(condition)()
        if answer:
            return answer
        if asyncio.get_running_loop().time() > deadline:
            name = getattr(condition, "__name__", repr(condition))
            raise AssertionError(f"{name} did not become true within {within_s:g} s; it is {answer!r}")
        await asyncio.sleep(every_s)
