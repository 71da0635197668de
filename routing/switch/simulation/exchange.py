"""The simulated exchange: what it does at a command or at something that a far end does, and the events of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from routing.switch.port import (
    Cause,
    ChannelGone,
    ChannelState,
    EndpointChanged,
    EndpointSnapshot,
    KeyPressed,
    LegAnswered,
    LegBridged,
    LegEnded,
    LegHeld,
    LegRinging,
    LegUnbridged,
    LegUnheld,
    PlaybackFinished,
    Presentation,
    SwitchEvent,
    SwitchRefused,
)
from routing.switch.simulation.clock import ExchangeClock
from routing.switch.simulation.model import CANCELLED, Bridge, Channel, Terminal, sip_status
from routing.switch.simulation.playing import Player

log = logging.getLogger(__name__)

Report = Callable[[SwitchEvent], None]


class Exchange:
    """Channels, bridges and telephones of one node. Everything happens in one event loop; nothing blocks it.

    Like a real one it goes on while nobody is connected to it; what it would then report is lost, except that new
    calls wait in its dialplan until somebody is.
    """

    def __init__(self, *, clock: ExchangeClock | None = None, boot: str | None = None) -> None:
        """`boot` begins the names of its channels, so that two runs never share one; random unless given."""
        self.clock = clock or ExchangeClock()
        self.live: dict[str, Channel] = {}
        self.joined: dict[str, Bridge] = {}
        self.telephones: dict[str, Terminal] = {}
        self.over: dict[str, LegEnded] = {}
        self._boot = boot or secrets.token_hex(4)
        self._calls = 0
        self._dialled: set[str] = set()
        self._report: Report | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._player = Player(self.clock, spawn=self.spawn, tell=self._tell)

    # --- who listens --------------------------------------------------------------------------------------------------

    def attach(self, report: Report) -> None:
        """Tell `report` of everything from now on, and first of the calls that waited for it."""
        self._report = report
        for channel in [channel for channel in self.live.values() if channel.waits]:
            channel.waits = False
            self._tell(channel.arrival(self.clock.now()))

    def detach(self) -> None:
        """Tell nobody any more. Calls go on."""
        self._report = None

    def stop(self) -> None:
        """Switch it off: every call is gone, and nobody is told."""
        self.detach()
        for task in self._tasks:
            task.cancel()
        for channel in list(self.live.values()):
            self._drop(channel, Cause.NETWORK_OUT_OF_ORDER)
        self.live.clear()
        self.joined.clear()
        self.over.clear()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something go on by itself until it ends or the exchange is stopped."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("simulated exchange: a far end failed", exc_info=error)

    def _tell(self, event: SwitchEvent) -> None:
        if self._report is not None:
            self._report(event)

    # --- what far ends do ---------------------------------------------------------------------------------------------

    def incoming(
        self, *, dnis: str, ani: str = "", presentation: Presentation | None = None, name: str = ""
    ) -> Channel:
        """A call comes in on the trunk. Without `presentation` the number is shown, if there is one."""
        self._calls += 1
        if presentation is None:
            presentation = Presentation.ALLOWED if ani else Presentation.UNAVAILABLE
        now = self.clock.now()
        channel = Channel(
            id=f"sim-{self._boot}-{self._calls}",
            incoming=True,
            state=ChannelState.RINGING,
            created_at=now,
            dnis=dnis,
            ani=ani,
            presentation=presentation,
            name=name,
            sip_call_id=f"{self._boot}.{self._calls}@simulator",
            waits=self._report is None,
        )
        self.live[channel.id] = channel
        self._tell(channel.arrival(now))
        return channel

    def press(self, channel: Channel, digit: str) -> None:
        """The far end presses a key."""
        if channel.alive and not channel.waits:
            self._tell(KeyPressed(channel=channel.id, at=self.clock.now(), digit=digit))

    def far_hold(self, channel: Channel, *, on: bool) -> None:
        """The far end's own hold key."""
        event = LegHeld if on else LegUnheld
        if channel.alive:
            self._tell(event(channel=channel.id, at=self.clock.now()))

    def far_rings(self, channel: Channel) -> None:
        """A telephone alerts."""
        if channel.alive and channel.state is ChannelState.DIALLING:
            channel.state = ChannelState.RINGING
            self._tell(LegRinging(channel=channel.id, at=self.clock.now()))

    def far_answers(self, channel: Channel) -> None:
        """A telephone is picked up."""
        if channel.alive and not channel.answered:
            self._up(channel)

    def end(self, channel: Channel, cause: int, *, status: int | None = None) -> None:
        """A leg is over, by whichever side. `status` is the final SIP answer where it is not the cause's own."""
        if not channel.alive:
            return
        now = self.clock.now()
        for playback in list(channel.playbacks):
            self._tell(PlaybackFinished(channel=channel.id, playback=playback.id, at=now))
        self._leave(channel)
        del self.live[channel.id]
        self._drop(channel, cause)
        ended = LegEnded(
            channel=channel.id,
            at=channel.ended_at or now,
            cause=cause,
            sip_status=None if channel.answered else status or sip_status(cause),
            sip_call_id=channel.sip_call_id,
        )
        told = Cause.NORMAL_UNSPECIFIED if channel.answered and not channel.incoming else cause
        self.over[channel.id] = replace(ended, cause=told, answered=channel.answered)
        while len(self.over) > 4096:
            del self.over[next(iter(self.over))]
        self._tell(ended)

    def _drop(self, channel: Channel, cause: int) -> None:
        channel.ended_at, channel.cause = self.clock.now(), cause
        channel.state, channel.waits = ChannelState.DOWN, False
        channel.playbacks.clear()
        if channel.playing is not None:
            channel.playing.cancel()
        channel.was_ended.set()

    def _up(self, channel: Channel) -> None:
        channel.answered_at = self.clock.now()
        channel.state = ChannelState.UP
        channel.was_answered.set()
        self._tell(LegAnswered(channel=channel.id, at=channel.answered_at, sip_call_id=channel.sip_call_id))

    # --- telephones ---------------------------------------------------------------------------------------------------

    def register(self, telephone: Terminal, *, reachable: bool = True) -> None:
        """Make a telephone known, and reachable or not."""
        known = self.telephones.get(telephone.endpoint)
        before = known is not None and known.reachable
        telephone.reachable = reachable
        self.telephones[telephone.endpoint] = telephone
        if before != reachable:
            self._tell(EndpointChanged(endpoint=telephone.endpoint, reachable=reachable, at=self.clock.now()))

    def endpoints(self) -> Sequence[EndpointSnapshot]:
        """The telephones, with the legs that lead to them."""
        legs: dict[str, list[str]] = {}
        for channel in self.live.values():
            legs.setdefault(channel.endpoint, []).append(channel.id)
        return [
            EndpointSnapshot(endpoint=name, reachable=telephone.reachable, channels=tuple(legs.get(name, ())))
            for name, telephone in self.telephones.items()
        ]

    # --- commands -----------------------------------------------------------------------------------------------------

    def channel(self, name: str) -> Channel:
        """A living channel. Raises `ChannelGone`."""
        try:
            return self.live[name]
        except KeyError:
            raise ChannelGone(f"There is no channel {name}.") from None

    def answer(self, name: str) -> None:
        """Answer an incoming leg, unless it is."""
        channel = self.channel(name)
        if not channel.answered:
            self._up(channel)

    def note(self, name: str, kind: str, what: str = "") -> None:
        """Let a leg hear something."""
        self._player.hear(self.channel(name), kind, what)

    def set_music(self, name: str, music_class: str | None) -> None:
        """Begin or end music on hold."""
        channel = self.channel(name)
        if channel.music != music_class:
            channel.music = music_class
            self._player.hear_background(channel)

    def set_hold(self, name: str, *, on: bool) -> None:
        """Put a leg on hold, or take it off; it stays in its bridge."""
        channel = self.channel(name)
        if channel.held != on:
            channel.held = on
            self._player.hear_background(channel)

    def dial(
        self,
        name: str,
        *,
        endpoint: str,
        number: str = "",
        caller_id_name: str,
        caller_id_number: str,
        timeout_s: int,
        headers: Mapping[str, str],
    ) -> None:
        """Ring a telephone, once for each name. Raises `SwitchRefused` for one that is unknown or not registered."""
        if name in self._dialled or name in self.live:
            return
        telephone = self.telephones.get(endpoint)
        if telephone is None or not telephone.reachable:
            raise SwitchRefused(f"There is no way to {endpoint}: it is not registered.")
        self._dialled.add(name)
        self._calls += 1
        channel = Channel(
            id=name,
            incoming=False,
            state=ChannelState.DIALLING,
            created_at=self.clock.now(),
            dnis=number,
            ani=caller_id_number,
            name=caller_id_name,
            sip_call_id=f"{self._boot}.{self._calls}@simulator",
            endpoint=endpoint,
            headers=dict(headers),
        )
        self.live[name] = channel
        self.spawn(self._give_up(channel, timeout_s))
        self.spawn(telephone.take(channel))

    async def _give_up(self, channel: Channel, timeout_s: float) -> None:
        await self.clock.sleep(timeout_s)
        if not channel.answered:
            self.end(channel, Cause.NO_ANSWER, status=CANCELLED)

    # --- playing ------------------------------------------------------------------------------------------------------

    def play(self, name: str, playback: str, media: Sequence[str]) -> None:
        """Play after what is already on its way; a playback of that name is not begun twice."""
        self._player.play(self.channel(name), playback, media)

    def stop_playback(self, name: str) -> None:
        """Stop a playback, if it is still there; what waited behind it follows."""
        for channel in self.live.values():
            if self._player.stop(channel, name):
                return

    # --- bridges ------------------------------------------------------------------------------------------------------

    def join(self, bridge: str, names: Sequence[str]) -> None:
        """Make the bridge unless it exists, and add the legs that are not in it. A leg leaves its former bridge."""
        channels = [self.channel(name) for name in names]
        for channel in channels:
            if not channel.incoming and not channel.answered:
                raise SwitchRefused(f"The channel {channel.id} is not answered yet.")
        room = self.joined.setdefault(bridge, Bridge(bridge))
        for channel in channels:
            if channel.bridge == bridge:
                continue
            self._leave(channel)
            channel.bridge = bridge
            room.channels.append(channel.id)
            members = tuple(room.channels)
            self._tell(LegBridged(channel=channel.id, bridge=bridge, members=members, at=self.clock.now()))
        self._tell_company(room)

    def unjoin(self, bridge: str, name: str) -> None:
        """Take a leg out of a bridge, if it is in it."""
        channel = self.live.get(name)
        if channel is not None and channel.bridge == bridge:
            self._leave(channel)

    def destroy(self, bridge: str) -> None:
        """Remove a bridge, if it is there; its legs live on."""
        room = self.joined.get(bridge)
        if room is None:
            return
        for name in list(room.channels):
            self._leave(self.live[name])
        del self.joined[bridge]

    def _leave(self, channel: Channel) -> None:
        if channel.bridge is None:
            return
        room = self.joined[channel.bridge]
        room.channels.remove(channel.id)
        channel.bridge = None
        channel.company(there=False)
        self._tell(LegUnbridged(channel=channel.id, bridge=room.id, at=self.clock.now()))
        self._player.hear_background(channel)
        self._tell_company(room)

    def _tell_company(self, room: Bridge) -> None:
        """A leg is in company while another one is in its bridge."""
        together = len(room.channels) > 1
        for name in room.channels:
            channel = self.live[name]
            if channel.company(there=together):
                self._player.hear_background(channel)

    def time(self) -> datetime:
        """The exchange's clock now."""
        return self.clock.now()
