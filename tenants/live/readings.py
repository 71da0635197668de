"""Readings that are shared: however many sockets of a process show the same rows, they are read once for all."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from channels.db import database_sync_to_async

from tenants.live.topics import Reading, Topic, Viewer

THREADS = 4
"""So many connections to the database serve all sockets of a process."""

Result = TypeVar("Result")


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="live")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run database work beside the event loop, not behind whatever else the process does in its one main thread."""
    return await database_sync_to_async(work, thread_sensitive=False, executor=_threads())()


class SharedReading:
    """One thing that many want to have read.

    Whoever asks gets a reading that begins after they asked. Readings never overlap, and begin at least `interval_s`
    apart; all who ask meanwhile wait for the same one.
    """

    def __init__(self, read: Callable[[], Awaitable[Reading]], *, interval_s: float) -> None:
        self._read, self._interval_s = read, interval_s
        self._one_at_a_time = asyncio.Lock()
        self._began = float("-inf")
        self._next: asyncio.Task[Reading] | None = None
        self._running: set[asyncio.Task[Reading]] = set()

    async def get(self) -> Reading:
        """Return a reading begun after this call. Raises what reading raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._run())
            self._running.add(self._next)
            self._next.add_done_callback(self._running.discard)
        # Who stops waiting must not take the reading away from the others.
        return await asyncio.shield(self._next)

    async def _run(self) -> Reading:
        clock = asyncio.get_running_loop().time
        async with self._one_at_a_time:
            await asyncio.sleep(max(0.0, self._began + self._interval_s - clock()))
            self._next, self._began = None, clock()
            return await self._read()


Readings = WeakValueDictionary[Hashable, SharedReading]
_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Readings] = WeakKeyDictionary()


def shared_reading(topic: Topic, viewer: Viewer) -> SharedReading:
    """Return the reading that all viewers of the same audience share; it lives as long as one of them holds it."""
    readings = _of_loop.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    key = (topic.name, topic.audience(viewer))
    shared = readings.get(key)
    if shared is None:
        shared = SharedReading(lambda: in_thread(lambda: topic.read(viewer)), interval_s=topic.interval_s)
        readings[key] = shared
    return shared
