"""Calls as discrete events on the real services: what happens next is the earliest of all that is to come.

`Play` is callers, telephones and exchange in one, without a process or a wait. It reports to `routing.node.handling` as
a switch worker does, gets its commands as that worker does (`OwnWorker`), and fires the timers that the database has
due. Matching passes run where the worker's run (`config.wiring.matching_aside`); the sweep, the net under them, does
not. Telephones are answered at once and nobody speaks between two reports, so that a wait is waiting for an agent only.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from config.wiring import matching_aside
from routing.models import CommandKind, Contact, SwitchCommand
from routing.node.execution import settle_done
from routing.node.handling import handle
from routing.services.commands import LinedUp, enlist_worker
from routing.states import ContactState, EndReason
from routing.switch.port import CallArrived, Cause, LegAnswered, LegBridged, LegEnded, Presentation
from tenants import timers
from tenants.public import Held, Tenant, engine_scope
from tests.moved.clock import MovedClock

NODE = "node1"
SETTLE_AFTER = 50
TIDY_AFTER = 2_000
ABANDONED = (EndReason.ABANDONED, EndReason.SHORT_ABANDONED)


@dataclass(frozen=True, slots=True)
class Caller:
    """One who calls `number` at `at_us` microseconds from the start, talks for `service_us` and waits `patience_us`.

    Without patience: for ever. `name` is what they are found by afterwards.
    """

    name: str
    number: str
    at_us: int
    service_us: int
    patience_us: int | None = None
    ani: str = "+447700900123"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a caller, as the contact's row tells it; `wait_us` until they had an agent, or gave up."""

    served: bool
    wait_us: int


@dataclass
class Play:
    """One run from `start`, which is where the clock stands; what is to happen is put on the agenda before `run`."""

    clock: MovedClock
    node: str = NODE
    start: datetime = field(init=False)
    _agenda: list[tuple[int, int, Callable[[], Any], Callable[[], bool]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _wanted: deque[SwitchCommand] = field(default_factory=deque)
    _begun: list[UUID] = field(default_factory=list)
    _legs: set[str] = field(default_factory=set)
    _waiting: dict[str, Caller] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start = self.clock.moment

    # --- what is to happen --------------------------------------------------------------------------------------------

    def expect(self, callers: Iterable[Caller]) -> None:
        """Let these call."""
        for caller in callers:
            self.at(caller.at_us, lambda caller=caller: self._call(caller))  # type: ignore[misc]

    def at(self, us: int, action: Callable[[], Any], *, unless: Callable[[], bool] | None = None) -> None:
        """Let `action` happen `us` microseconds after the start; `unless` what is asked then is so."""

        heapq.heappush(self._agenda, (us, next(self._order), action, unless or (lambda: False)))

    def run(self) -> None:
        """Let everything happen, in order, to the end."""
        dismiss = enlist_worker(self)
        happened = 0
        try:
            with matching_aside():
                while self._agenda:
                    happened += self._next()
                    if happened >= TIDY_AFTER:
                        self.clock.tidy()
                        happened = 0
                self._settle()
        finally:
            dismiss()

    # --- the clock ----------------------------------------------------------------------------------------------------

    def moment(self, us: int) -> datetime:
        """Return the moment `us` microseconds after the start."""
        return self.start + timedelta(microseconds=us)

    def _next(self) -> bool:
        """Let the next thing happen: what is on the agenda, or a timer that is due before it, at its own moment.

        What follows from a timer may come before what was next. False for what happens no more.
        """
        us, _, action, unless = self._agenda[0]
        if unless():
            heapq.heappop(self._agenda)
            return False
        if self.clock.move(self.moment(us)):
            self._fire()
        else:
            heapq.heappop(self._agenda)
            action()
            self._carry_out()
        return True

    def _fire(self) -> None:
        due = timers.due_timers()
        for timer in due:
            timers.fire(timer)
            self._carry_out()
        left = [timer for timer in timers.due_timers() if timer in due]
        if left:
            raise AssertionError(f"timers are due still after their turn: {left}")

    # --- callers ------------------------------------------------------------------------------------------------------

    def _call(self, caller: Caller) -> None:
        self._legs.add(caller.name)
        self._waiting[caller.name] = caller
        if caller.patience_us is not None:
            gives_up_us = caller.at_us + caller.patience_us
            self.at(gives_up_us, lambda: self._end(caller.name), unless=lambda: caller.name not in self._waiting)
        handle(
            CallArrived(
                channel=caller.name,
                at=self.clock.moment,
                dnis=caller.number,
                ani=caller.ani,
                ani_presentation=Presentation.ALLOWED,
                name="",
            ),
            node=self.node,
        )

    def _end(self, channel: str, cause: int = Cause.NORMAL_CLEARING) -> None:
        """A leg is over; once."""
        if channel not in self._legs:
            return
        self._legs.remove(channel)
        self._waiting.pop(channel, None)
        handle(LegEnded(channel=channel, at=self.clock.moment, cause=cause), node=self.node)

    # --- the exchange -------------------------------------------------------------------------------------------------

    def fence(self) -> int | None:
        """See `OwnWorker`: it may always begin what it is asked for."""
        return 1

    def line_up(self, commands: Sequence[SwitchCommand]) -> LinedUp:
        """See `OwnWorker`."""

        known = list(self._begun)
        self._begun.extend(command.id for command in commands)

        def end(begun: bool | None) -> None:
            if not begun:
                raise AssertionError("a command that waits behind another, though nobody else is here")
            self._wanted.extend(commands)

        return LinedUp(known, end)

    def _carry_out(self) -> None:
        """Do what the services want of the exchange, and what follows from it, until nothing does."""
        while self._wanted:
            self._do(self._wanted.popleft())
        if len(self._begun) >= SETTLE_AFTER:
            self._settle()

    def _do(self, command: SwitchCommand) -> None:
        given, at = command.arguments, self.clock.moment
        match command.kind:
            case CommandKind.DIAL:
                self._legs.add(given["channel"])
                handle(LegAnswered(channel=given["channel"], at=at), node=self.node)
            case CommandKind.ANSWER:
                handle(LegAnswered(channel=given["channel"], at=at), node=self.node)
            case CommandKind.BRIDGE:
                self._join(given["bridge"], given["channels"])
            case CommandKind.HANG_UP:
                self._end(given["channel"], given.get("cause", Cause.NORMAL_CLEARING))

    def _join(self, bridge: str, channels: Sequence[str]) -> None:
        """Both sides are in the bridge. Of the first alone there is nothing to tell (`handling.is_of_consequence`)."""
        name, leg = channels
        caller = self._waiting.pop(name)
        handle(LegBridged(channel=leg, bridge=bridge, members=(name, leg), at=self.clock.moment), node=self.node)
        ends_us = (self.clock.moment - self.start) // timedelta(microseconds=1) + caller.service_us
        self.at(ends_us, lambda: self._end(name))

    def _settle(self) -> None:
        settle_done(self._begun, Held(name="", holder="", fence=1))
        self._begun.clear()


def outcomes(tenant: Tenant) -> dict[str, Outcome]:
    """Return what became of the tenant's callers, by name. All of them must be served or have given up."""
    with engine_scope(read_only=True):
        fields = ("caller_channel", "state", "end_reason", "arrived_at", "connected_at", "ended_at")
        return {row[0]: _outcome(*row) for row in Contact.objects.filter(tenant=tenant).values_list(*fields)}


def _outcome(name: str, state: str, reason: str, *times: datetime | None) -> Outcome:
    arrived_at, connected_at, ended_at = times
    served = reason == EndReason.HANDLED
    until = connected_at if served else ended_at
    if state != ContactState.ENDED or not (served or reason in ABANDONED) or until is None or arrived_at is None:
        raise AssertionError(f"{name} is {state}, {reason}")
    return Outcome(served, (until - arrived_at) // timedelta(microseconds=1))
