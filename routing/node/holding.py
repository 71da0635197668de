"""Holding a node: the lease of its worker, and what becomes of it while the database is away."""

import logging
import time
from functools import partial

from django.db import InterfaceError, OperationalError

from routing.node.threads import Threads
from tenants.public import Held, release_lease, report_progress, take_lease, tell_system, with_retries

log = logging.getLogger(__name__)

LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0
AWAY = (OperationalError, InterfaceError)


class NodeLease:
    """A node's lease, as far as this worker knows. It is good for `LEASE_SECONDS` after it was last asked for."""

    def __init__(self, *, node: str, holder: str, threads: Threads) -> None:
        self.node, self.holder, self._threads = node, holder, threads
        self.held: Held | None = None
        self._good_until = 0.0

    def is_good(self) -> bool:
        """Whether nobody else can hold it now."""
        return time.monotonic() < self._good_until

    async def take(self) -> Held | None:
        """Take or renew it; None while somebody else has it. When the database is away, it is what it was."""
        began = time.monotonic()
        take = partial(take_lease, f"switch:{self.node}", holder=self.holder, seconds=LEASE_SECONDS)
        try:
            held = await self._threads.first(take)
        except AWAY as problem:
            log.warning("the lease cannot be renewed", extra={"problem": str(problem).splitlines()[0]})
            return self.held if self.is_good() else None
        if held is not None:
            self._good_until = began + LEASE_SECONDS
        return held

    async def acquire(self) -> Held | None:
        """Take it to serve the node, and tell of it; None while somebody else has it."""
        self.held = await self.take()
        if self.held is not None:
            held = self.held
            log.info("switch node taken over", extra={"node": self.node, "fence": held.fence})
            told = partial(tell_system, "lease.taken", node=self.node, lease=held.name, fence=held.fence)
            await self._threads.first(told)
        return self.held

    async def renew(self) -> bool:
        """Renew it; False when another worker has the node."""
        renewed = await self.take()
        if self.held is None or renewed is None or renewed.fence != self.held.fence:
            self._good_until = 0.0
            log.warning("switch node lost to another worker", extra={"node": self.node})
            return False
        return True

    async def report(self, *, connected: bool) -> None:
        """Say that the worker gets on, and whether its exchange does."""
        told = partial(report_progress, "switch", node=self.node, detail={"connected": connected})
        try:
            await self._threads.first(told)
        except AWAY as problem:
            log.warning("progress cannot be reported", extra={"problem": str(problem).splitlines()[0]})

    async def give_back(self, held: Held) -> None:
        """Release it. Whoever takes it next, this worker too, has a new fence and recovers what was begun."""
        give = partial(with_retries, partial(release_lease, held), patience_s=RENEW_SECONDS)
        try:
            await self._threads.first(give)
        except AWAY as problem:
            log.warning("the lease is left to expire", extra={"problem": str(problem).splitlines()[0]})
