"""The switch port on the exchange in memory: the same promises as Asterisk's adapter, with faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from routing.switch.port import (
    BridgeSnapshot,
    Cause,
    ChannelGone,
    ChannelSnapshot,
    EndpointSnapshot,
    LegEnded,
    SwitchAlive,
    SwitchConnected,
    SwitchEvent,
    SwitchLost,
    SwitchRefused,
    SwitchUnavailable,
)
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.faults import Faults
from routing.switch.simulation.traffic import Traffic

HEARTBEAT_S = 1.0
_T = TypeVar("_T")


def open_simulator(*, script: Path) -> SimulatedSwitch:
    """A node with callers and telephones as the script says (`routing.switch.simulation.plan`), once it is there."""
    exchange = Exchange()
    return SimulatedSwitch(exchange=exchange, traffic=Traffic(exchange, script))


class SimulatedSwitch:
    """One simulated node as a ``Switch``.

    ``traffic``, when given, calls and answers from the first connection until ``close``. ``cut`` and ``mend`` break
    and restore the event stream; ``deaf`` makes every command time out as well.
    """

    def __init__(self, *, exchange: Exchange, faults: Faults | None = None, traffic: Traffic | None = None) -> None:
        self.exchange = exchange
        self.faults = faults or Faults()
        self._traffic = traffic
        self._events: asyncio.Queue[SwitchEvent | None] = asyncio.Queue()
        self._heart: asyncio.Task[None] | None = None
        self._last_alive: datetime | None = None
        self._connected = False
        self._deaf = False

    # --- the event stream ---------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        if self._heart is not None:
            return
        self._heart = asyncio.create_task(self._beat(), name="simulated exchange heartbeat")
        self.mend()
        if self._traffic is not None:
            self._traffic.start()

    async def close(self) -> None:
        if self._traffic is not None:
            await self._traffic.stop()
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)
            self._heart = None
        self._connected = False
        self.exchange.detach()
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[SwitchEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    def cut(self, *, deaf: bool = False) -> None:
        """Break the event stream: what happens from now on is never reported. ``deaf``: commands get no answer."""
        self._deaf = deaf
        if self._connected and self._last_alive is not None:
            self._connected = False
            self.exchange.detach()
            self._events.put_nowait(SwitchLost(at=self._last_alive))

    def mend(self) -> None:
        """Restore what was cut."""
        self._deaf = False
        if not self._connected:
            self._connected = True
            self._last_alive = self.exchange.time()
            self._events.put_nowait(SwitchConnected(at=self._last_alive))
            self.exchange.attach(self._deliver)

    def _deliver(self, event: SwitchEvent) -> None:
        self._last_alive = event.at
        for delivered in self.faults.delivered(event):
            self._events.put_nowait(delivered)

    async def _beat(self) -> None:
        while True:
            await self.exchange.clock.sleep(HEARTBEAT_S)
            if self._connected:
                self._last_alive = self.exchange.time()
                self._events.put_nowait(SwitchAlive(at=self._last_alive))

    async def _do(self, command: Callable[[], _T]) -> _T:
        """Carry out one command as a slow, fallible exchange would."""
        await self.exchange.clock.sleep(self.faults.latency())
        if self._deaf or self._heart is None:
            raise SwitchUnavailable("The simulated exchange does not answer.")
        if self.faults.refuses():
            raise SwitchRefused("The simulated exchange refuses, as its faults say.")
        if self.faults.fails():
            if self.faults.does_it_anyway():
                command()
            raise SwitchUnavailable("The simulated exchange's answer was lost, as its faults say.")
        return command()

    async def _take_away(self, command: Callable[[], None]) -> bool:
        """Carry out a command for which the thing's absence is success. Returns whether it was there."""
        try:
            await self._do(command)
        except ChannelGone:
            return False
        return True

    # --- commands -----------------------------------------------------------------------------------------------------

    async def answer(self, *, channel: str) -> None:
        await self._do(lambda: self.exchange.answer(channel))

    async def indicate_ringing(self, *, channel: str) -> None:
        await self._do(lambda: self.exchange.note(channel, "ringing"))

    async def indicate_progress(self, *, channel: str) -> None:
        await self._do(lambda: self.exchange.note(channel, "progress"))

    async def play(self, *, channel: str, playback: str, media: Sequence[str]) -> None:
        await self._do(lambda: self.exchange.play(channel, playback, media))

    async def stop_playback(self, *, playback: str) -> None:
        await self._take_away(lambda: self.exchange.stop_playback(playback))

    async def start_music(self, *, channel: str, music_class: str = "default") -> None:
        await self._do(lambda: self.exchange.set_music(channel, music_class))

    async def stop_music(self, *, channel: str) -> None:
        await self._take_away(lambda: self.exchange.set_music(channel, None))

    async def dial(
        self,
        *,
        channel: str,
        endpoint: str,
        number: str = "",
        caller_id_name: str = "",
        caller_id_number: str = "",
        timeout_s: int = 30,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        await self._do(
            lambda: self.exchange.dial(
                channel,
                endpoint=endpoint,
                number=number,
                caller_id_name=caller_id_name,
                caller_id_number=caller_id_number,
                timeout_s=timeout_s,
                headers=headers or {},
            )
        )

    async def bridge(self, *, bridge: str, channels: Sequence[str]) -> None:
        await self._do(lambda: self.exchange.join(bridge, channels))

    async def unbridge(self, *, bridge: str, channel: str) -> None:
        await self._take_away(lambda: self.exchange.unjoin(bridge, channel))

    async def destroy_bridge(self, *, bridge: str) -> None:
        await self._take_away(lambda: self.exchange.destroy(bridge))

    async def hold(self, *, channel: str) -> None:
        await self._do(lambda: self.exchange.set_hold(channel, on=True))

    async def unhold(self, *, channel: str) -> None:
        await self._do(lambda: self.exchange.set_hold(channel, on=False))

    async def hang_up(self, *, channel: str, cause: int = Cause.NORMAL_CLEARING) -> bool:
        return await self._take_away(lambda: self.exchange.end(self.exchange.channel(channel), cause))

    # --- snapshots ----------------------------------------------------------------------------------------------------

    async def channels(self) -> Sequence[ChannelSnapshot]:
        return await self._do(lambda: [channel.snapshot() for channel in self.exchange.live.values()])

    async def bridges(self) -> Sequence[BridgeSnapshot]:
        return await self._do(lambda: [bridge.snapshot() for bridge in self.exchange.joined.values()])

    async def endings(self, channels: Sequence[str]) -> Sequence[LegEnded]:
        return await self._do(lambda: [self.exchange.over[name] for name in channels if name in self.exchange.over])

    async def endpoints(self) -> Sequence[EndpointSnapshot]:
        return await self._do(self.exchange.endpoints)
