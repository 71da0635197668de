"""The far ends: callers on the trunk, and agents' telephones with their habits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from routing.switch.port import Cause, Presentation
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.model import Channel, Heard

AUTO_ANSWER_S = 0.1
_KEPT_CALLS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneHabit:
    """What a telephone does with one call. Seconds.

    `ring_s` None: it rings and nobody comes. `talk_s` None: its user never hangs up first. `refusal` is the Q.850 cause
    with which it refuses the call; `silent` says nothing at all, as if the wire were cut.
    """

    ring_s: float | None = 1.0
    talk_s: float | None = None
    refusal: int | None = None
    silent: bool = False


@dataclass(slots=True)
class PhoneCall:
    """One call to a telephone: its leg, when it rang by the exchange's clock, and whether it was ended from here."""

    leg: Channel
    ringing_at: datetime | None = None
    hung_up: bool = False


def wants_auto_answer(headers: Mapping[str, str]) -> bool:
    """Whether an INVITE asks the phone to answer by itself (`answer-after=0`, RFC 5373 or the vendors' Alert-Info)."""
    words = {name.lower(): value.lower() for name, value in headers.items()}
    return (
        "answer-after=0" in words.get("call-info", "")
        or words.get("answer-mode", "").startswith("auto")
        or "auto" in words.get("alert-info", "")
    )


class Telephone:
    """A telephone by its endpoint's name; `habit` is asked anew for each call, `calls` keeps the last hundred."""

    def __init__(self, exchange: Exchange, endpoint: str, habit: Callable[[], PhoneHabit]) -> None:
        self.endpoint = endpoint
        self.habit = habit
        self.reachable = False
        self.calls: deque[PhoneCall] = deque(maxlen=_KEPT_CALLS)
        self._exchange = exchange

    async def take(self, channel: Channel) -> None:
        """Ring, be answered or not, hang up or not, as the habit says."""
        habit, exchange = self.habit(), self._exchange
        call = PhoneCall(channel)
        self.calls.append(call)
        if habit.silent:
            return
        if habit.refusal is not None:
            call.hung_up = channel.alive
            exchange.end(channel, habit.refusal)
            return
        exchange.far_rings(channel)
        call.ringing_at = exchange.time()
        if habit.ring_s is None:
            return
        await exchange.clock.sleep(AUTO_ANSWER_S if wants_auto_answer(channel.headers) else habit.ring_s)
        exchange.far_answers(channel)
        if habit.talk_s is not None:
            await exchange.clock.sleep(habit.talk_s)
            call.hung_up = channel.alive
            exchange.end(channel, Cause.NORMAL_CLEARING)


class CallerHandle:
    """A caller with a telephone in hand: what they can do, and what they notice."""

    def __init__(self, exchange: Exchange, channel: Channel) -> None:
        self._exchange = exchange
        self._channel = channel

    @property
    def channel(self) -> str:
        return self._channel.id

    @property
    def sip_call_id(self) -> str:
        return self._channel.sip_call_id

    @property
    def is_answered(self) -> bool:
        return self._channel.answered

    @property
    def is_over(self) -> bool:
        return not self._channel.alive

    @property
    def in_company(self) -> bool:
        return self._channel.in_company.is_set()

    @property
    def cause(self) -> int | None:
        """The Q.850 cause once the call is over."""
        return self._channel.cause

    @property
    def heard(self) -> list[Heard]:
        """Everything that began to be heard, in order."""
        return self._channel.heard

    @property
    def talk_seconds(self) -> float:
        """From the answer to the end, by the exchange's clock; 0 without both."""
        if self._channel.answered_at is None or self._channel.ended_at is None:
            return 0.0
        return (self._channel.ended_at - self._channel.answered_at).total_seconds()

    def press(self, keys: str) -> None:
        """Press keys one after another, at once."""
        for key in keys:
            self._exchange.press(self._channel, key)

    def hold(self, *, on: bool) -> None:
        """Use the telephone's own hold key."""
        self._exchange.far_hold(self._channel, on=on)

    def hang_up(self) -> None:
        """End the call, or give up before it is answered."""
        self._exchange.end(self._channel, Cause.NORMAL_CLEARING)

    async def answered(self, *, within_s: float) -> bool:
        """Wait for the answer; False when it did not come in so many seconds of the exchange's clock."""
        return await self._first(self._channel.was_answered, within_s)

    async def joined(self, *, within_s: float) -> bool:
        """Wait for somebody to talk to; False when nobody came, or the call ended, in so many seconds."""
        return await self._first(self._channel.in_company, within_s)

    async def parted(self, *, within_s: float) -> bool:
        """Wait until nobody is there to talk to any more; False when somebody still was after so many seconds."""
        return await self._first(self._channel.was_left, within_s)

    async def over(self, *, within_s: float) -> bool:
        """Wait for the end; False when it did not come in so many seconds."""
        return await self._first(self._channel.was_ended, within_s)

    async def _first(self, wanted: asyncio.Event, within_s: float) -> bool:
        waits = [asyncio.ensure_future(event.wait()) for event in (wanted, self._channel.was_ended)]
        try:
            await asyncio.wait(
                waits, timeout=within_s / self._exchange.clock.factor, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        return wanted.is_set()


def place_call(
    exchange: Exchange, *, dnis: str, ani: str = "", presentation: Presentation | None = None, name: str = ""
) -> CallerHandle:
    """Dial a number from outside."""
    return CallerHandle(exchange, exchange.incoming(dnis=dnis, ani=ani, presentation=presentation, name=name))
