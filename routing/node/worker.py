"""The process of one exchange node. An event loop reads and sends; database work runs in bounded pools of threads."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial

from routing.node import holding
from routing.node.agreement import RECONCILE_SECONDS, Agreement
from routing.node.clock import ExchangeClock
from routing.node.commands import NodeCommands
from routing.node.holding import AWAY, NodeLease
from routing.node.reports import Reports
from routing.node.sounds import Sounds
from routing.node.threads import Threads
from routing.services.commands import enlist_worker
from routing.switch import port
from tenants.public import Held

log = logging.getLogger(__name__)

SILENCE_SECONDS = 5.0
"""How long the exchange may be silent, who sends a heartbeat each second, before it counts as not connected."""


class SwitchWorker:
    """Runs one exchange node while it holds the node's lease; until then it stands by.

    What it hears goes to `Reports`, what it does is in `NodeCommands`, and `Agreement` finds what was never heard.
    """

    def __init__(self, *, node: str, open_switch: Callable[[], port.Switch], sounds: Sounds, holder: str) -> None:
        self.node = node
        self._open_switch, self._sounds = open_switch, sounds
        self._threads = Threads(node)
        self.lease = NodeLease(node=node, holder=holder, threads=self._threads)
        self.reports = Reports(node=node, threads=self._threads)
        self._clock = ExchangeClock()
        self._heard_at = float("-inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()

    def wake(self) -> None:
        """Look for commands now. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self) -> None:
        """Let `run` end; calls go on. From the loop's thread."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Stand by for the lease, then serve the node until `stop` or until the lease is lost; then stand by again.

        A database that is away ends nothing: calls go on, and whoever reaches it first takes the lease.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                held = await self.lease.acquire()
                if held is None:
                    await self._pause(holding.RENEW_SECONDS)
                    continue
                try:
                    await self._serve(held)
                except AWAY:
                    log.exception("the database is away; standing by", extra={"node": self.node})
                finally:
                    await self.lease.give_back(held)
        finally:
            self._threads.shutdown()

    async def _serve(self, held: Held) -> None:
        self.switch = self._open_switch()
        commands = NodeCommands(
            held=held,
            lease=self.lease,
            switch=self.switch,
            sounds=self._sounds,
            threads=self._threads,
            reports=self.reports,
            clock=self._clock,
            wake=self._wake,
        )
        self.agreement = Agreement(
            lease=self.lease, switch=self.switch, threads=self._threads, reports=self.reports, clock=self._clock
        )
        try:
            finished = await self._work(commands)
        finally:
            # Whoever holds the lease now is the only one who may be connected.
            await self.switch.close()
        await self.reports.drain()
        await commands.leave()
        for task in finished:
            task.result()

    async def _work(self, commands: NodeCommands) -> set[asyncio.Task[None]]:
        """Serve until something ends, and then let commands that were begun come to theirs, if the lease lasts."""
        self._heard_at = float("-inf")
        await commands.recover()
        await self.switch.connect()
        dismiss = enlist_worker(commands)
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("lease", self._keep_lease()),
                ("events", self._read_events()),
                ("commands", commands.carry_out(self._stopping)),
                ("reconcile", self._reconcile_regularly(commands)),
                ("stop", self._wait_for_stop()),
            )
        ]
        finished, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        dismiss()
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await commands.drain()
        return finished

    async def _keep_lease(self) -> None:
        while not self._stopping.is_set():
            await self._pause(holding.RENEW_SECONDS)
            if not await self.lease.renew():
                return
            await self.lease.report(connected=self._hears())

    async def _read_events(self) -> None:
        async for event in self.switch.events():
            if isinstance(event, port.SwitchConnected | port.SwitchAlive):
                self._heard_at = time.monotonic()
                self._clock.set(event.at)
            elif isinstance(event, port.SwitchLost):
                self._heard_at = float("-inf")
            if isinstance(event, port.SwitchConnected):
                self.reports.start(["node", "reconcile"], partial(self.agreement.after_silence, event))
            else:
                self.reports.take(event)

    async def _reconcile_regularly(self, commands: NodeCommands) -> None:
        async def again() -> None:
            await commands.recover()
            await self.agreement.reconcile()

        while not self._stopping.is_set():
            await self._pause(RECONCILE_SECONDS)
            # An exchange that comes back is compared when its socket is: only then is it known how long it was away.
            if self._hears():
                self.reports.start(["reconcile"], again)

    def _hears(self) -> bool:
        return time.monotonic() - self._heard_at < SILENCE_SECONDS

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _wait_for_stop(self) -> None:
        await self._stopping.wait()
