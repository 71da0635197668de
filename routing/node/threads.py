"""Where a worker's database work runs: bounded pools of threads, so that what is waited for does not queue."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from tenants.public import with_retries

Result = TypeVar("Result")

REPORTS = 3
"""More would share one interpreter: each would take longer, and none would be done sooner."""

ARRIVALS = 2
FIRST = 3


class Threads:
    """Three pools: one for reports, one for new calls, and one for what nothing else may hold up."""

    def __init__(self, node: str) -> None:
        self._reports = ThreadPoolExecutor(REPORTS, f"switch-{node}")
        self._arrivals = ThreadPoolExecutor(ARRIVALS, f"switch-{node}-arrivals")
        self._first = ThreadPoolExecutor(FIRST, f"switch-{node}-first")

    async def report(self, work: Callable[[], Result]) -> Result:
        """Do what the exchange's reports ask for, again while the database is away."""
        return await _in(self._reports, partial(with_retries, work))

    async def take_in(self, work: Callable[[], Result]) -> Result:
        """Do what a new call asks for, again while the database is away.

        When many come at once, those who talk and the agents they leave come first.
        """
        return await _in(self._arrivals, partial(with_retries, work))

    async def first(self, work: Callable[[], Result]) -> Result:
        """Do it now: the lease and the commands, for which agents wait, must not wait for reports."""
        return await _in(self._first, work)

    def shutdown(self) -> None:
        """Let what was begun come to its end, and the threads with it."""
        for pool in (self._reports, self._arrivals, self._first):
            pool.shutdown(wait=True)


async def _in(pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, work)
