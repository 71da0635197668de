"""The process of one exchange node. An event loop reads and sends; database work runs in a bounded pool of threads."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError

from routing.models import CommandKind, SwitchCommand
from routing.node.clock import ExchangeClock
from routing.node.execution import (
    Command,
    caller_of,
    claim,
    dial,
    known_caller_of,
    number_of,
    perform,
    settle,
    settle_done,
)
from routing.node.handling import end_leg, handle
from routing.node.keyed import KeyedTasks
from routing.node.reconcile import Findings, compare, last_alive, unlike_ours, with_answers
from routing.node.recovery import begun_before, return_unheard
from routing.node.sounds import Sounds
from routing.services.commands import enlist_worker
from routing.states import CommandState
from routing.switch import port
from tenants.public import Held, release_lease, report_progress, take_lease, tell_system, with_retries

log = logging.getLogger(__name__)
Result = TypeVar("Result")

LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0
POLL_SECONDS = 0.1
RECONCILE_SECONDS = 5.0
RETRY_SECONDS = 0.2
PATIENCE_SECONDS = 30.0
"""How long a command is tried on an exchange that does not answer, before it is given up and those behind it go on."""

SILENCE_SECONDS = 5.0
"""How long the exchange may be silent, who sends a heartbeat each second, before it counts as not connected."""

PATIENCE_WITH_DATABASE_SECONDS = 10.0
AWAY = (OperationalError, InterfaceError)
THREADS = 6
RESERVED_THREADS = 3
ARRIVAL_THREADS = 2
"""New calls have threads of their own: when many come at once, those who talk and the agents they leave come first."""


class SwitchWorker:
    """Runs one exchange node while it holds the node's lease; until then it stands by.

    The lease's fence goes with every claim of commands and every report of their outcome, so that a worker which was
    stopped and woke up later does at most the command that it had already begun.
    """

    def __init__(self, *, node: str, open_switch: Callable[[], port.Switch], sounds: Sounds, holder: str) -> None:
        self.node, self.sounds, self.holder = node, sounds, holder
        self._open_switch = open_switch
        self._threads = ThreadPoolExecutor(THREADS, f"switch-{node}")
        self._arrivals = ThreadPoolExecutor(ARRIVAL_THREADS, f"switch-{node}-arrivals")
        self._reserved = ThreadPoolExecutor(RESERVED_THREADS, f"switch-{node}-first")
        self._events, self._commands = KeyedTasks(), KeyedTasks()
        self._wake = asyncio.Event()
        self._clock = ExchangeClock()
        self._held: Held | None = None
        self._good_until = 0.0
        self._begun: set[UUID] = set()
        self._lined_up: set[UUID] = set()
        self._in_doubt = False
        self._done: list[UUID] = []
        self._claiming: asyncio.Future[None] | None = None
        self._heard_at = float("-inf")
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
        """Stand by for the lease, then serve the node until `stop` or until the lease is lost; then stand by again.

        A database that is away ends nothing: calls go on, and whoever reaches it first takes the lease.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                self._held = await self._take()
                if self._held is None:
                    await self._pause(RENEW_SECONDS)
                    continue
                log.info("switch node taken over", extra={"node": self.node, "fence": self._held.fence})
                taken = partial(
                    tell_system, "lease.taken", node=self.node, lease=self._held.name, fence=self._held.fence
                )
                await self._in_thread(taken, self._reserved)
                self.switch = self._open_switch()
                try:
                    await self._serve(self._held)
                except AWAY:
                    log.exception("the database is away; standing by", extra={"node": self.node})
                finally:
                    await self._give_back(self._held)
        finally:
            self._threads.shutdown(wait=True)
            self._arrivals.shutdown(wait=True)
            self._reserved.shutdown(wait=True)

    async def _serve(self, held: Held) -> None:
        try:
            finished = await self._work(held)
        finally:
            # Whoever holds the lease now is the only one who may be connected.
            await self.switch.close()
        await self._events.drain()
        done, self._done = self._done, []
        await self._at_once(partial(settle_done, done, held))
        # What was lined up too late to be carried out is the next holder's.
        await self._at_once(partial(return_unheard, held, node=self.node, known=[*self._begun, *done]))
        for task in finished:
            task.result()

    async def _work(self, held: Held) -> set[asyncio.Task[None]]:
        """Serve until something ends, and then let commands that were begun come to theirs, if the lease lasts."""
        self._heard_at = float("-inf")
        self._begun.clear()
        await self._recover(held)
        await self.switch.connect()
        dismiss = enlist_worker(self)
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("lease", self._keep_lease(held)),
                ("events", self._read_events()),
                ("commands", self._carry_out(held)),
                ("reconcile", self._reconcile_regularly(held)),
                ("stop", self._wait_for_stop()),
            )
        ]
        finished, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        dismiss()
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if self._claiming is not None:
            await asyncio.gather(self._claiming, return_exceptions=True)
        await self._commands.drain()
        return finished

    # --- the lease ----------------------------------------------------------------------------------------------------

    async def _take(self) -> Held | None:
        began = time.monotonic()
        take = partial(take_lease, f"switch:{self.node}", holder=self.holder, seconds=LEASE_SECONDS)
        try:
            held = await self._in_thread(take, self._reserved)
        except (OperationalError, InterfaceError) as problem:
            log.warning("the lease cannot be renewed", extra={"problem": str(problem).splitlines()[0]})
            return self._held if self._lease_is_good() else None
        if held is not None:
            self._good_until = began + LEASE_SECONDS
        return held

    async def _keep_lease(self, held: Held) -> None:
        while not self._stopping.is_set():
            await self._pause(RENEW_SECONDS)
            renewed = await self._take()
            if renewed is None or renewed.fence != held.fence:
                self._good_until = 0.0
                log.warning("switch node lost to another worker", extra={"node": self.node})
                return
            await self._report()

    async def _report(self) -> None:
        detail = {"connected": time.monotonic() - self._heard_at < SILENCE_SECONDS}
        try:
            await self._in_thread(partial(report_progress, "switch", node=self.node, detail=detail), self._reserved)
        except AWAY as problem:
            log.warning("progress cannot be reported", extra={"problem": str(problem).splitlines()[0]})

    async def _give_back(self, held: Held) -> None:
        """Release the lease. Whoever takes it next, this worker too, has a new fence and recovers what was begun."""
        give = partial(with_retries, partial(release_lease, held), patience_s=RENEW_SECONDS)
        try:
            await self._in_thread(give, self._reserved)
        except AWAY as problem:
            log.warning("the lease is left to expire", extra={"problem": str(problem).splitlines()[0]})

    def _lease_is_good(self) -> bool:
        return time.monotonic() < self._good_until

    # --- events -------------------------------------------------------------------------------------------------------

    async def _read_events(self) -> None:
        async for event in self.switch.events():
            if isinstance(event, port.SwitchConnected | port.SwitchAlive):
                self._heard_at = time.monotonic()
            elif isinstance(event, port.SwitchLost):
                self._heard_at = float("-inf")
            if isinstance(event, port.SwitchConnected | port.SwitchAlive):
                self._clock.set(event.at)
            if isinstance(event, port.SwitchConnected):
                self._events.start(["node", "reconcile"], partial(self._connected, event))
            else:
                self._events.start(_keys(event), partial(self._apply, event))

    async def _connected(self, event: port.SwitchConnected) -> None:
        """Reconcile by what was known before: legs that are gone ended when the exchange was last seen alive."""
        alive = await self._in_thread(partial(with_retries, partial(last_alive, node=self.node)))
        await self._apply(event)
        await self._reconcile(last_seen=alive)

    async def _apply(self, event: port.SwitchEvent) -> None:
        threads = self._arrivals if isinstance(event, port.CallArrived) else self._threads
        await self._in_thread(lambda: with_retries(lambda: handle(event, node=self.node)), threads)

    # --- commands -----------------------------------------------------------------------------------------------------

    def fence(self) -> int | None:
        """See `OwnWorker`."""
        return self._held.fence if self._held is not None and self._lease_is_good() else None

    def line_up(self, commands: Sequence[SwitchCommand]) -> Callable[[bool], None]:
        """See `OwnWorker`. From any thread; each command waits in its place for the commit."""
        loop, held = self._loop, self._held
        if loop is None or held is None:
            raise RuntimeError("a worker that does not serve has nothing lined up")
        lined_up = [Command.of(command) for command in commands]
        self._lined_up.update(command.id for command in lined_up)
        committed = loop.create_future()
        loop.call_soon_threadsafe(self._start_lined_up, lined_up, committed, held)

        def end(kept: bool) -> None:
            loop.call_soon_threadsafe(committed.set_result, kept)

        return end

    def _start_lined_up(self, commands: Sequence[Command], committed: asyncio.Future[bool], held: Held) -> None:
        for command in commands:
            self._commands.start(command.keys, partial(self._do_when_kept, command, committed, held))

    async def _do_when_kept(self, command: Command, committed: asyncio.Future[bool], held: Held) -> None:
        kept = await asyncio.shield(committed)
        if kept:
            self._begun.add(command.id)
        self._lined_up.discard(command.id)
        if kept:
            await self._do(command, held)
        else:
            # The commit failed, as far as is known here; it may have come through all the same.
            self._in_doubt = True

    async def _carry_out(self, held: Held) -> None:
        while not self._stopping.is_set():
            await self._wait_for_work()
            if not self._lease_is_good():
                continue
            # Commands that the database has as begun must be started, even when it is time to stop.
            self._claiming = asyncio.ensure_future(self._begin(held))
            await asyncio.shield(self._claiming)

    async def _begin(self, held: Held) -> None:
        if self._in_doubt:
            self._in_doubt = False
            await self._begin_unheard_again(held)
        done, self._done = self._done, []
        try:
            commands = await self._in_thread(partial(claim, held, node=self.node, done=done), self._reserved)
        except AWAY as problem:
            log.warning("commands cannot be claimed", extra={"problem": str(problem).splitlines()[0]})
            self._done += done
            await self._begin_unheard_again(held)
            return
        for command in commands:
            self._begun.add(command.id)
            self._commands.start(command.keys, partial(self._do, command, held))

    async def _begin_unheard_again(self, held: Held) -> None:
        """Let begin again what was begun and is not known here: a commit that failed may have come through."""
        known = [*self._begun, *self._lined_up, *self._done]
        again = partial(return_unheard, held, node=self.node, known=known)
        await self._in_thread(partial(with_retries, again, patience_s=PATIENCE_WITH_DATABASE_SECONDS), self._reserved)

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    async def _do(self, command: Command, held: Held) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while self._lease_is_good():
            try:
                if command.kind == CommandKind.DIAL:
                    caller = known_caller_of(command)
                    if caller is None:
                        caller = await self._at_once(partial(caller_of, command))
                    number = await self._at_once(partial(number_of, command)) if command.is_outbound else ""
                    await dial(command, self.switch, caller=caller, number=number)
                else:
                    await perform(command, self.switch, sounds=self.sounds)
            except port.SwitchUnavailable as silence:
                if time.monotonic() > give_up:
                    await self._refused(command, held, silence)
                    return
                log.warning("the exchange did not answer; trying again", extra={"command": str(command.id)})
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as refusal:  # noqa: BLE001 - logged and kept in the command's row
                # Whatever it was, the command is over, its row says why, and those behind it go on.
                await self._refused(command, held, refusal)
                return
            else:
                self._done.append(command.id)
                self._begun.discard(command.id)
                return

    async def _refused(self, command: Command, held: Held, refusal: Exception) -> None:
        log.warning("the exchange refused a command", extra={"command": str(command.id), "why": str(refusal)})
        await self._in_thread(
            lambda: with_retries(
                lambda: settle(command, held, state=CommandState.FAILED, failure=f"{type(refusal).__name__}: {refusal}")
            )
        )
        self._begun.discard(command.id)
        why = type(refusal).__name__
        told = partial(
            tell_system, "command.failed", node=self.node, command=command.id, does=command.kind, problem=why
        )
        await self._in_thread(told)
        now = self._clock.now()
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

    async def _reconcile_regularly(self, held: Held) -> None:
        while not self._stopping.is_set():
            await self._pause(RECONCILE_SECONDS)
            self._events.start(["reconcile"], partial(self._reconcile_again, held))

    async def _reconcile_again(self, held: Held) -> None:
        await self._recover(held)
        await self._reconcile()

    async def _reconcile(self, last_seen: datetime | None = None) -> None:
        """Compare and mend. `last_seen`: when the exchange was last alive, if it has been away since."""
        began = time.monotonic()
        try:
            channels, bridges = await self.switch.channels(), await self.switch.bridges()
            endpoints = await self.switch.endpoints()
            now = self._clock.now()
            look = partial(compare, node=self.node, channels=channels, bridges=bridges, now=now, began=began)
            compared: Findings = await self._in_thread(partial(with_retries, look))
            found = compared.unless(lambda channel: self._events.has(f"channel:{channel}"))
            ended = await self.switch.endings(found.vanished)
        except port.SwitchUnavailable:
            return
        news = await self._in_thread(lambda: with_retries(lambda: unlike_ours(endpoints)))
        if not self._lease_is_good():
            return
        await self._tell_findings(found)
        for event in (*found.missed, *with_answers(ended, found.answers)):
            log.info("the exchange's state says what no event did", extra={"event": type(event).__name__})
            self._events.start([_key(event)], partial(self._apply, event))
        for channel in set(found.vanished) - {event.channel for event in ended}:
            log.warning("a leg is gone, and nobody knows how it ended", extra={"channel": channel})
            lose = partial(
                self._end_leg, channel, at=last_seen or now, cause=port.Cause.NETWORK_OUT_OF_ORDER, lost=True
            )
            self._events.start([f"channel:{channel}"], lose)
        if found.empty:
            log.info("idle bridges are taken away", extra={"bridges": len(found.empty)})
        for bridge in found.empty:
            with contextlib.suppress(port.SwitchUnavailable):
                await self.switch.destroy_bridge(bridge=bridge)
        for channel in found.strays:
            self._events.start([f"channel:{channel}"], partial(self._hang_up_stray, channel))
        for endpoint in news:
            seen = port.EndpointChanged(endpoint=endpoint.endpoint, reachable=endpoint.reachable, at=now)
            self._events.start([_key(seen)], partial(self._apply, seen))

    async def _tell_findings(self, found: Findings) -> None:
        counts = {"missed": len(found.missed), "vanished": len(found.vanished), "strays": len(found.strays)}
        if any(counts.values()):
            await self._in_thread(partial(tell_system, "exchange.reconciled", node=self.node, **counts))

    async def _hang_up_stray(self, channel: str) -> None:
        if not self._lease_is_good():
            return
        log.warning("a leg that should be over is hung up", extra={"channel": channel})
        with contextlib.suppress(port.SwitchUnavailable):  # the next round comes to it again
            await self.switch.hang_up(channel=channel)

    async def _end_leg(self, channel: str, *, at: datetime, cause: int, lost: bool = False) -> None:
        ended = port.LegEnded(channel=channel, at=at, cause=cause)
        await self._in_thread(lambda: with_retries(lambda: end_leg(ended, node=self.node, lost=lost)))

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


def _keys(event: port.SwitchEvent) -> list[str]:
    """Return all that an event must be in order with: calls to one number come in one after the other, too."""
    return [_key(event), *([f"number:{event.dnis}"] if isinstance(event, port.CallArrived) else [])]


def _key(event: port.SwitchEvent) -> str:
    """Return what an event must be in order with: its channel, its telephone, or the node."""
    if isinstance(event, port.EndpointChanged):
        return f"endpoint:{event.endpoint}"
    channel = getattr(event, "channel", None)
    return f"channel:{channel}" if channel else "node"
