"""Work in order where order matters: tasks that share a key run one after the other, all others side by side."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

log = logging.getLogger(__name__)


class KeyedTasks:
    """Starts coroutines so that those with a common key run in the order in which they were given."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[None]] = {}
        self._all: set[asyncio.Task[None]] = set()

    def start(self, keys: Iterable[str], work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` after everything that was started before under any of `keys`. Its failure is logged."""
        keys = list(keys)
        before = [self._last[key] for key in keys if key in self._last]
        task = asyncio.create_task(self._run(before, work))
        self._all.add(task)
        for key in keys:
            self._last[key] = task
        task.add_done_callback(lambda done: self._forget(done, keys))

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
    async def _run(before: list[asyncio.Task[None]], work: Callable[[], Awaitable[None]]) -> None:
        if before:
            await asyncio.wait(before)
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception:
            # One call's trouble must not stop the others'; reconciliation and leases heal what this left.
            log.exception("a piece of the switch worker's work failed")
