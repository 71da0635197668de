"""Work in order where order matters: tasks that share a key run one after the other, all others side by side."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

log = logging.getLogger(__name__)

TURN_SECONDS = 0.1
"""How long a piece of work lets those before it in its line go first, before it stops waiting for them."""


class KeyedTasks:
    """Starts coroutines so that those with a common key run in the order in which they were given."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[None]] = {}
        self._all: set[asyncio.Task[None]] = set()

    def start(self, keys: Iterable[str], work: Callable[[], Awaitable[None]], *, line: str = "") -> None:
        """Run `work` after everything that was started before under any of `keys`. Its failure is logged.

        Those of one `line` take turns too, but none waits for one that hangs: after `TURN_SECONDS` the next may go.
        """
        keys = list(keys)
        before = [self._last[key] for key in keys if key in self._last]
        ahead = self._last.get(line)
        task = asyncio.create_task(self._run(before, ahead, work))
        self._all.add(task)
        held = [*keys, line] if line else keys
        for key in held:
            self._last[key] = task
        task.add_done_callback(lambda done: self._forget(done, held))

    def has(self, key: str) -> bool:
        """Say whether anything that was started under `key` is not over."""
        return key in self._last

    async def drain(self) -> None:
        """Wait until nothing is left."""
        while self._all:
            await asyncio.wait(self._all)

    def _forget(self, task: asyncio.Task[None], keys: list[str]) -> None:
        self._all.discard(task)
        for key in keys:
            if self._last.get(key) is task:
                del self._last[key]

    @staticmethod
    async def _run(
        before: list[asyncio.Task[None]], ahead: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]
    ) -> None:
        if before:
            await asyncio.wait(before)
        if ahead is not None:
            await asyncio.wait([ahead], timeout=TURN_SECONDS)
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception:
            # One call's trouble must not stop the others'; reconciliation and leases heal what this left.
            log.exception("a piece of the switch worker's work failed")
