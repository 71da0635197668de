"""A worker's switch commands under way: claimed or begun by its own transactions, carried out in order, settled."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

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
from routing.node.holding import AWAY, NodeLease
from routing.node.keyed import KeyedTasks
from routing.node.recovery import begun_before, return_unheard
from routing.node.reports import Reports
from routing.node.sounds import Sounds
from routing.node.threads import Threads
from routing.services.commands import LinedUp
from routing.states import CommandState
from routing.switch import port
from tenants.public import Held, tell_system, with_retries

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

POLL_SECONDS = 0.1
RETRY_SECONDS = 0.2
PATIENCE_SECONDS = 30.0
"""How long a command is tried on an exchange that does not answer, before it is given up and those behind it go on."""

PATIENCE_WITH_DATABASE_SECONDS = 10.0
HANGING_UP_SECONDS = 0.1
"""How long the next command for an agent waits for the end of a leg that was hung up."""

AHEAD_SECONDS = 10.0
"""How long it is remembered that a leg was hung up before the command to do so came."""


class NodeCommands:
    """The commands of one node, for as long as its worker holds the lease `held`. An `OwnWorker` of the services.

    The lease's fence goes with every claim and every report of an outcome, so that a worker which was stopped and woke
    up later does at most the command that it had already begun.
    """

    def __init__(
        self,
        *,
        held: Held,
        lease: NodeLease,
        switch: port.Switch,
        sounds: Sounds,
        threads: Threads,
        reports: Reports,
        clock: ExchangeClock,
        wake: asyncio.Event,
    ) -> None:
        self.node = lease.node
        self._held, self._lease = held, lease
        self._switch, self._sounds = switch, sounds
        self._threads, self._reports, self._clock = threads, reports, clock
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._tasks = KeyedTasks()
        self._claiming: asyncio.Future[None] | None = None
        # What waits for its commit; what was begun here and is not settled; and what of that is done.
        self._lined_up: set[UUID] = set()
        self._begun: set[UUID] = set()
        self._done: list[UUID] = []
        self._in_doubt = False
        self._ahead: dict[str, asyncio.Task[bool]] = {}
        reports.on_left_alone = self._hang_up_ahead

    # --- commands of this process's own transactions ------------------------------------------------------------------

    def fence(self) -> int | None:
        """See `OwnWorker`."""
        return self._held.fence if self._lease.is_good() else None

    def line_up(self, commands: Sequence[SwitchCommand]) -> LinedUp:
        """See `OwnWorker`. From any thread; each command waits in its place for the commit."""
        known = self._known()
        lined_up = [Command.of(command) for command in commands]
        self._lined_up.update(command.id for command in lined_up)
        outcome: asyncio.Future[bool | None] = self._loop.create_future()
        self._loop.call_soon_threadsafe(self._start_lined_up, lined_up, outcome)

        def end(begun: bool | None) -> None:
            self._loop.call_soon_threadsafe(outcome.set_result, begun)

        return LinedUp(known, end)

    def _start_lined_up(self, commands: Sequence[Command], outcome: asyncio.Future[bool | None]) -> None:
        for command in commands:
            self._tasks.start(command.keys, partial(self._do_if_begun, command, outcome), line=command.line)

    async def _do_if_begun(self, command: Command, outcome: asyncio.Future[bool | None]) -> None:
        begun = await asyncio.shield(outcome)
        if begun:
            self._begun.add(command.id)
        self._lined_up.discard(command.id)
        if begun:
            await self._do(command)
            return
        # It is pending, behind another; or its commit failed, as far as is known here, and may have come through.
        self._in_doubt |= begun is None
        self._wake.set()

    def _known(self) -> list[UUID]:
        """Return the open commands that this worker has heard of. From any thread."""
        return [*self._lined_up, *self._begun]

    # --- commands that others ask for ---------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Commands that a former worker began: dials are settled by what the exchange has, all others begin again."""
        dials = await self._threads.report(partial(begun_before, self._held, node=self.node))
        if dials:
            log.warning("dials were found begun", extra={"node": self.node, "dials": len(dials)})

    async def carry_out(self, stopping: asyncio.Event) -> None:
        """Claim what is pending whenever woken, and every `POLL_SECONDS` besides, until `stopping`."""
        while not stopping.is_set():
            await self._wait_for_work()
            if not self._lease.is_good():
                continue
            # Commands that the database has as begun must be started, even when it is time to stop.
            self._claiming = asyncio.ensure_future(self._begin())
            await asyncio.shield(self._claiming)

    async def drain(self) -> None:
        """Let what was begun come to its end, if the lease lasts."""
        if self._claiming is not None:
            await asyncio.gather(self._claiming, return_exceptions=True)
        await self._tasks.drain()

    async def leave(self) -> None:
        """Settle what was done, and leave to the next holder what was lined up too late to be carried out."""
        done, self._done = self._done, []
        await self._threads.first(partial(with_retries, partial(settle_done, done, self._held)))
        left = partial(return_unheard, self._held, node=self.node, known=lambda: list(self._begun))
        await self._threads.first(partial(with_retries, left))

    async def _begin(self) -> None:
        if self._in_doubt:
            self._in_doubt = False
            await self._begin_unheard_again()
        done, self._done = self._done, []
        try:
            commands = await self._threads.first(partial(claim, self._held, node=self.node, done=done))
        except AWAY as problem:
            log.warning("commands cannot be claimed", extra={"problem": str(problem).splitlines()[0]})
            self._done += done
            await self._begin_unheard_again()
            return
        self._begun.difference_update(done)
        for command in commands:
            self._begun.add(command.id)
            self._tasks.start(command.keys, partial(self._do, command), line=command.line)

    async def _begin_unheard_again(self) -> None:
        """Let begin again what was begun and is not known here: a commit that failed may have come through."""
        again = partial(return_unheard, self._held, node=self.node, known=self._known)
        await self._threads.first(partial(with_retries, again, patience_s=PATIENCE_WITH_DATABASE_SECONDS))

    async def _wait_for_work(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    # --- one command --------------------------------------------------------------------------------------------------

    async def _do(self, command: Command) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        in_doubt = tried = False
        while self._lease.is_good():
            tried = True
            try:
                await self._try(command, in_doubt=in_doubt)
            except port.SwitchUnavailable as silence:
                if time.monotonic() > give_up:
                    await self._refused(command, silence)
                    return
                in_doubt = True
                log.warning("the exchange did not answer; trying again", extra={"command": str(command.id)})
                await asyncio.sleep(RETRY_SECONDS)
            except port.SwitchError as refusal:
                await self._refused(command, refusal)
                return
            except Exception as fault:
                # Ours, not the exchange's: the command is over, its row says why, and those behind it go on.
                log.exception("a command failed", extra={"command": str(command.id)})
                await self._refused(command, fault)
                return
            else:
                self._done.append(command.id)
                return
        if not tried:
            # Should the lease be renewed after all, it begins again; else the next holder finds it begun.
            self._begun.discard(command.id)
            self._in_doubt = True

    async def _try(self, command: Command, *, in_doubt: bool) -> None:
        """Do it. `in_doubt`: the exchange was asked before, and did not say what it did."""
        if command.kind == CommandKind.HANG_UP and command.session_id:
            channel = command.arguments["channel"]
            if channel not in self._ahead or not await self._ahead[channel]:
                await self._hang_up_agent(channel)
            return
        if command.kind != CommandKind.DIAL:
            await perform(command, self._switch, sounds=self._sounds)
            return
        if in_doubt and await self._was_dialled(command.arguments["channel"]):
            return  # nobody's telephone rings twice for one offer; what became of the leg, reconciliation tells
        caller = known_caller_of(command)
        if caller is None:
            caller = await self._read(partial(caller_of, command))
        number = await self._read(partial(number_of, command)) if command.is_outbound else ""
        await dial(command, self._switch, caller=caller, number=number)

    def _hang_up_ahead(self, channel: str) -> None:
        """Hang up an agent whose caller has left, ahead of the command to do so: who calls next waits for the end."""
        if self._lease.is_good():
            self._ahead[channel] = asyncio.create_task(self._was_hung_up(channel))
            self._loop.call_later(AHEAD_SECONDS, self._ahead.pop, channel, None)

    async def _was_hung_up(self, channel: str) -> bool:
        try:
            await self._hang_up_agent(channel)
        except port.SwitchError:
            return False  # its command comes to it again
        return True

    async def _hang_up_agent(self, channel: str) -> None:
        """End an agent's leg, and wait until it is over: the next call must not ring a telephone in it."""
        with self._reports.ending(channel) as over:
            if not await self._switch.hang_up(channel=channel):
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HANGING_UP_SECONDS):
                    await over.wait()

    async def _was_dialled(self, channel: str) -> bool:
        legs = {leg.id for leg in await self._switch.channels()}
        return channel in legs or bool(await self._switch.endings([channel]))

    async def _read(self, work: Callable[[], Answer]) -> Answer:
        return await self._threads.first(partial(with_retries, work))

    async def _refused(self, command: Command, problem: Exception) -> None:
        why = type(problem).__name__
        log.warning("a command came to nothing", extra={"command": str(command.id), "why": str(problem)})
        failed = partial(settle, command, self._held, state=CommandState.FAILED, failure=f"{why}: {problem}")
        await self._threads.report(failed)
        self._begun.discard(command.id)
        told = partial(
            tell_system, "command.failed", node=self.node, command=command.id, does=command.kind, problem=why
        )
        await self._threads.report(told)
        channel = command.arguments.get("channel", "")
        if command.kind == CommandKind.DIAL:
            self._reports.end(channel, at=self._clock.now(), cause=port.Cause.SUBSCRIBER_ABSENT)
        elif command.kind == CommandKind.PLAY:
            playback = command.arguments["playback"]
            self._reports.take(
                port.PlaybackFinished(channel=channel, playback=playback, at=self._clock.now(), failed=True)
            )
