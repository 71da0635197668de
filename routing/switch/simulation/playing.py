"""What is heard on the simulated exchange's channels: sounds one after another, and what is behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from routing.switch.port import PlaybackFinished
from routing.switch.simulation.clock import ExchangeClock
from routing.switch.simulation.model import Channel, Heard, Playback
from routing.switch.simulation.sounds import duration_s

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Player:
    """Plays sounds on channels, by the exchange's clock, and tells when each playback is over."""

    def __init__(self, clock: ExchangeClock, *, spawn: Spawn, tell: Callable[[PlaybackFinished], None]) -> None:
        self._clock = clock
        self._spawn = spawn
        self._tell = tell

    def play(self, channel: Channel, playback: str, media: Sequence[str]) -> None:
        """Play after what is already on its way; a playback of that name is not begun twice."""
        if any(other.id == playback for other in channel.playbacks):
            return
        channel.playbacks.append(Playback(playback, tuple(media)))
        if channel.playing is None:
            channel.playing = self._spawn(self._play_all(channel))

    def stop(self, channel: Channel, name: str) -> bool:
        """Stop a playback; what waited behind it follows. Returns whether it was on this channel."""
        for playback in channel.playbacks:
            if playback.id == name:
                if channel.playing is not None and channel.playbacks[0] is playback:
                    channel.playing.cancel()
                    channel.playing = None
                self._finish(channel, playback, failed=False)
                self._resume(channel)
                return True
        return False

    def hear(self, channel: Channel, kind: str, what: str = "") -> None:
        """Note that something began to be heard."""
        channel.heard.append(Heard(self._clock.now(), kind, what))

    def hear_background(self, channel: Channel) -> None:
        """Note what a leg hears when nothing is played to it."""
        if not channel.alive:
            return
        if channel.held or channel.music is not None:
            self.hear(channel, "music", channel.music or "default")
        elif channel.in_company.is_set():
            self.hear(channel, "people")
        else:
            self.hear(channel, "silence")

    async def _play_all(self, channel: Channel) -> None:
        while channel.alive and channel.playbacks:
            playback = channel.playbacks[0]
            failed = not await self._play_one(channel, playback)
            if channel.playbacks and channel.playbacks[0] is playback:
                self._finish(channel, playback, failed=failed)
        channel.playing = None
        self.hear_background(channel)

    async def _play_one(self, channel: Channel, playback: Playback) -> bool:
        for path in playback.media:
            seconds = duration_s(path)
            if seconds is None:
                return False
            self.hear(channel, "sound", path)
            await self._clock.sleep(seconds)
        return True

    def _resume(self, channel: Channel) -> None:
        if channel.playing is not None:
            return
        if channel.playbacks:
            channel.playing = self._spawn(self._play_all(channel))
        else:
            self.hear_background(channel)

    def _finish(self, channel: Channel, playback: Playback, *, failed: bool) -> None:
        channel.playbacks.remove(playback)
        self._tell(PlaybackFinished(channel=channel.id, playback=playback.id, at=self._clock.now(), failed=failed))
