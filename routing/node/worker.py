"""The process of one exchange node. An event loop reads and sends; database work runs in a bounded pool of threads."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from routing.models import CommandKind
from routing.node.execution import Command, caller_of, claim, dial, perform, settle, settle_done
from routing.node.handling import handle
from routing.node.keyed import KeyedTasks
from routing.node.reconcile import Findings, compare, unlike_ours
from routing.node.recovery import begun_before
from routing.node.sounds import Sounds
from routing.services.legs import leg_ended
from routing.speech import SpeechError
from routing.states import CommandState
from routing.switch import port
from tenants.public import Held, release_lease, report_progress, take_lease, with_retries

log = logging.getLogger(__name__)
Result = TypeVar("Result")

LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0
POLL_SECONDS = 0.1
RECONCILE_SECONDS = 5.0
RETRY_SECONDS = 0.2
THREADS = 8
RESERVED_THREADS = 3


class SwitchWorker:
    """Runs one exchange node while it holds the node's lease; until then it stands by.

    The lease's fence goes with every claim of commands and every report of their outcome, so that a worker which was
    stopped and woke up later does at most the command that it had already begun.
    """

    def __init__(self, *, node: str, open_switch: Callable[[], port.Switch], sounds: Sounds, holder: str) -> None:
        self.node, self.sounds, self.holder = node, sounds, holder
        self._open_switch = open_switch
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix=f"switch-{node}")
        self._reserved = ThreadPoolExecutor(RESERVED_THREADS, thread_name_prefix=f"switch-{node}-first")
        self._events, self._commands = KeyedTasks(), KeyedTasks()
        self._wake = asyncio.Event()
        self._held: Held | None = None
        self._good_until = 0.0
        self._done: list[UUID] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look for commands now. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self) -> None:
        """Let `run` end; calls go on. From the loop's thread."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Stand by for the lease, then serve the node until `stop` or until the lease is lost; then stand by again."""
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                self._held = await self._take()
                if self._held is None:
                    await self._pause(RENEW_SECONDS)
                    continue
                log.info("switch node taken over", extra={"node": self.node, "fence": self._held.fence})
                self.switch = self._open_switch()
                try:
                    await self._serve(self._held)
                finally:
                    # Whoever holds the lease now is the only one who may be connected.
                    await self.switch.close()
        finally:
            if self._held is not None:
                await self._in_thread(partial(release_lease, self._held))
            self._threads.shutdown(wait=True)
            self._reserved.shutdown(wait=True)

    async def _serve(self, held: Held) -> None:
        await self._recover(held)
        await self.switch.connect()
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("lease", self._keep_lease(held)),
                ("events", self._read_events()),
                ("commands", self._carry_out(held)),
                ("reconcile", self._reconcile_regularly()),
                ("stop", self._wait_for_stop()),
            )
        ]
        finished, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        self._commands.cancel()
        await self._events.drain()
        await self._at_once(partial(settle_done, self._done, held))
        self._done = []
        for task in finished:
            task.result()

    # --- the lease ----------------------------------------------------------------------------------------------------

    async def _take(self) -> Held | None:
        began = time.monotonic()
        held = await self._in_thread(
            partial(take_lease, f"switch:{self.node}", holder=self.holder, seconds=LEASE_SECONDS), self._reserved
        )
        if held is not None:
            self._good_until = began + LEASE_SECONDS
        return held

    async def _keep_lease(self, held: Held) -> None:
        while not self._stopping.is_set():
            await self._pause(RENEW_SECONDS)
            renewed = await self._take()
            if renewed is None or renewed.fence != held.fence:
                log.warning("switch node lost to another worker", extra={"node": self.node})
                return
            await self._in_thread(lambda: report_progress("switch", node=self.node))

    def _lease_is_good(self) -> bool:
        return time.monotonic() < self._good_until

    # --- events -------------------------------------------------------------------------------------------------------

    async def _read_events(self) -> None:
        async for event in self.switch.events():
            if isinstance(event, port.SwitchConnected):
                self._events.start(["node"], partial(self._apply, event))
                self._events.start(["reconcile"], self._reconcile)
            else:
                self._events.start([_key(event)], partial(self._apply, event))

    async def _apply(self, event: port.SwitchEvent) -> None:
        await self._in_thread(lambda: with_retries(lambda: handle(event, node=self.node)))

    # --- commands -----------------------------------------------------------------------------------------------------

    async def _carry_out(self, held: Held) -> None:
        while not self._stopping.is_set():
            await self._wait_for_work()
            if not self._lease_is_good():
                continue
            done, self._done = self._done, []
            for command in await self._at_once(partial(claim, held, node=self.node, done=done)):
                self._commands.start(command.keys, partial(self._do, command, held))

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    async def _do(self, command: Command, held: Held) -> None:
        while self._lease_is_good():
            try:
                if command.kind == CommandKind.DIAL:
                    caller = await self._at_once(partial(caller_of, command))
                    await dial(command, self.switch, caller=caller)
                else:
                    await perform(command, self.switch, sounds=self.sounds)
            except port.SwitchUnavailable:
                log.warning("the exchange did not answer; trying again", extra={"command": str(command.id)})
                await asyncio.sleep(RETRY_SECONDS)
            except (port.SwitchRefused, SpeechError, OSError) as refusal:
                await self._refused(command, held, refusal)
                return
            else:
                self._done.append(command.id)
                return

    async def _refused(self, command: Command, held: Held, refusal: Exception) -> None:
        log.warning("the exchange refused a command", extra={"command": str(command.id), "why": str(refusal)})
        await self._in_thread(
            lambda: with_retries(
                lambda: settle(command, held, state=CommandState.FAILED, failure=f"{type(refusal).__name__}: {refusal}")
            )
        )
        now = datetime.now(UTC)
        channel = command.arguments.get("channel", "")
        if command.kind == CommandKind.DIAL:
            await self._end_leg(channel, at=now, cause=port.Cause.SUBSCRIBER_ABSENT)
        elif command.kind == CommandKind.PLAY:
            playback = command.arguments["playback"]
            await self._apply(port.PlaybackFinished(channel=channel, playback=playback, at=now, failed=True))

    async def _recover(self, held: Held) -> None:
        """Commands that a former worker began: dials are settled by what the exchange has, all others begin again."""
        dials = await self._in_thread(lambda: with_retries(lambda: begun_before(held, node=self.node)))
        if dials:
            log.warning("dials were found begun", extra={"node": self.node, "dials": len(dials)})

    # --- reconciliation -----------------------------------------------------------------------------------------------

    async def _reconcile_regularly(self) -> None:
        while not self._stopping.is_set():
            await self._pause(RECONCILE_SECONDS)
            self._events.start(["reconcile"], self._reconcile)

    async def _reconcile(self) -> None:
        try:
            channels, bridges = await self.switch.channels(), await self.switch.bridges()
            endpoints = await self.switch.endpoints()
        except port.SwitchUnavailable:
            return
        now = datetime.now(UTC)
        found: Findings = await self._in_thread(
            lambda: with_retries(lambda: compare(node=self.node, channels=channels, bridges=bridges, now=now))
        )
        news = await self._in_thread(lambda: with_retries(lambda: unlike_ours(endpoints)))
        for event in found.missed:
            self._events.start([_key(event)], partial(self._apply, event))
        for channel in found.strays:
            log.warning("a stray leg is hung up", extra={"channel": channel})
            await self.switch.hang_up(channel=channel)
        for channel in found.vanished:
            log.warning("a leg is gone that was never reported ended", extra={"channel": channel})
            self._events.start(
                [f"channel:{channel}"],
                partial(
                    self._end_leg,
                    channel,
                    at=found.last_alive_at or now,
                    cause=port.Cause.NETWORK_OUT_OF_ORDER,
                    lost=True,
                ),
            )
        for endpoint in news:
            seen = port.EndpointChanged(endpoint=endpoint.endpoint, reachable=endpoint.reachable, at=now)
            self._events.start([_key(seen)], partial(self._apply, seen))

    async def _end_leg(self, channel: str, *, at: datetime, cause: int, lost: bool = False) -> None:
        await self._in_thread(
            lambda: with_retries(lambda: leg_ended(channel=channel, at=at, node=self.node, cause=cause, lost=lost))
        )

    # --- small things -------------------------------------------------------------------------------------------------

    async def _in_thread(self, work: Callable[[], Result], threads: ThreadPoolExecutor | None = None) -> Result:
        return await asyncio.get_running_loop().run_in_executor(threads or self._threads, work)

    async def _at_once(self, work: Callable[[], Result]) -> Result:
        """Do database work for commands in threads of their own: agents wait for it, so it must not wait for events."""
        return await self._in_thread(partial(with_retries, work), self._reserved)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _wait_for_stop(self) -> None:
        await self._stopping.wait()


def _key(event: port.SwitchEvent) -> str:
    """Return what an event must be in order with: its channel, its telephone, or the node."""
    if isinstance(event, port.EndpointChanged):
        return f"endpoint:{event.endpoint}"
    channel = getattr(event, "channel", None)
    return f"channel:{channel}" if channel else "node"
