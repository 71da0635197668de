"""The switch port on an Asterisk, through ARI.

One task reads the event socket and only queues: Asterisk gives up on a reader that is slow. A heartbeat over HTTP finds
a peer that is connected and dead. Matching, deciding and the database are other people's work.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from routing.switch.ari import AriClient, AriError, AriUnavailable, EventStream
from routing.switch.asterisk_events import CALL_EVENTS, DIALLED, STATION_EVENTS, Translator, snapshot
from routing.switch.port import (
    BridgeSnapshot,
    Cause,
    ChannelGone,
    ChannelSnapshot,
    EndpointSnapshot,
    SwitchAlive,
    SwitchConnected,
    SwitchError,
    SwitchEvent,
    SwitchLost,
    SwitchRefused,
    SwitchUnavailable,
)

log = logging.getLogger(__name__)
_T = TypeVar("_T")

HEARTBEAT_S = 1.0
MISSED_HEARTBEATS = 2
FIRST_BACKOFF_S = 0.1
LAST_BACKOFF_S = 2.0
REPLACED_BACKOFF_S = 5.0
REMEMBERED_DIALS = 10_000

_NOT_FOUND = 404
_INVALID_STATE = 412
_CONFLICT = 409
_UNPROCESSABLE = 422
_SERVER_ERROR = 500
_UNSAFE_IN_CALLER_ID = re.compile(r'[<>"\\,\x00-\x1f]')


class _ConnectionLost(Exception):
    """The event socket ended, was replaced, or the exchange no longer answers."""

    def __init__(self, why: str, *, backoff_s: float = 0.0) -> None:
        super().__init__(why)
        self.backoff_s = backoff_s


class AsteriskSwitch:
    """One Asterisk node as a ``Switch``. The ARI application is ``hotseat-<node>``; the dialplan hands calls to it.

    A second application, ``hotseat-<node>-stations``, hears only of telephones: subscribing the first one to telephones
    would report every leg's events twice.
    """

    def __init__(self, *, client: AriClient, node: str) -> None:
        self._client = client
        self._application = f"hotseat-{node}"
        self._stations = f"hotseat-{node}-stations"
        self._events: asyncio.Queue[SwitchEvent | None] = asyncio.Queue()
        self._runner: asyncio.Task[None] | None = None
        self._last_alive: datetime | None = None
        self._translator = Translator(self._application)
        self._dialled: OrderedDict[str, None] = OrderedDict()

    # --- the event stream ---------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name=f"{self._application} events")

    async def close(self) -> None:
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
            self._runner = None
        await self._client.close()
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[SwitchEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def _run(self) -> None:
        """Stay connected until cancelled, trying again ever more slowly."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            connected = False
            try:
                stream = await self._open()
                connected = True
                backoff_s = FIRST_BACKOFF_S
                await self._serve(stream)
            except (AriError, AriUnavailable, _ConnectionLost) as error:
                log.warning("%s: not connected: %s", self._application, error)
                if isinstance(error, _ConnectionLost):
                    backoff_s = max(backoff_s, error.backoff_s)
            if connected and self._last_alive is not None:
                self._events.put_nowait(SwitchLost(at=self._last_alive))
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, LAST_BACKOFF_S)

    async def _open(self) -> EventStream:
        """Open the socket, say what it is to carry, and report the connection."""
        self._translator.forget()
        stream = await self._client.open_events([self._application, self._stations])
        try:
            await self._client.filter_events(self._application, CALL_EVENTS)
            await self._client.filter_events(self._stations, STATION_EVENTS)
            await self._client.subscribe(self._stations, "endpoint:PJSIP")
            self._last_alive = await self._client.ping()
        except BaseException:
            await stream.close()
            raise
        self._events.put_nowait(SwitchConnected(at=self._last_alive))
        return stream

    async def _serve(self, stream: EventStream) -> None:
        """Read and watch until either ends; always raises."""
        tasks = [asyncio.create_task(self._read(stream)), asyncio.create_task(self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await stream.close()

    async def _read(self, stream: EventStream) -> None:
        async for event in stream:
            if event["type"] == "ApplicationReplaced":
                raise _ConnectionLost("another connection took the application", backoff_s=REPLACED_BACKOFF_S)
            translated = self._translator.translate(event)
            if translated is not None:
                self._last_alive = max(self._last_alive or translated.at, translated.at)
                self._events.put_nowait(translated)
        raise _ConnectionLost("the event socket was closed")

    async def _watch(self) -> None:
        missed = 0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                at = await self._client.ping()
            except (AriError, AriUnavailable) as error:
                missed += 1
                if missed >= MISSED_HEARTBEATS:
                    raise _ConnectionLost(f"no heartbeat: {error}") from error
                continue
            missed = 0
            self._last_alive = at
            self._events.put_nowait(SwitchAlive(at=at))

    # --- commands -----------------------------------------------------------------------------------------------------

    async def answer(self, *, channel: str) -> None:
        await _done(self._client.channel_command("POST", channel, "answer"))

    async def indicate_ringing(self, *, channel: str) -> None:
        await _done(self._client.channel_command("POST", channel, "ring"))

    async def indicate_progress(self, *, channel: str) -> None:
        await _done(self._client.channel_command("POST", channel, "progress"))

    async def play(self, *, channel: str, playback: str, media: Sequence[str]) -> None:
        await _done(self._client.play(channel, playback, [f"sound:{path}" for path in media]))

    async def stop_playback(self, *, playback: str) -> None:
        await _gone(self._client.stop_playback(playback))

    async def start_music(self, *, channel: str, music_class: str = "default") -> None:
        await _done(self._client.channel_command("POST", channel, "moh", mohClass=music_class))

    async def stop_music(self, *, channel: str) -> None:
        await _gone(self._client.channel_command("DELETE", channel, "moh"))

    async def dial(
        self,
        *,
        channel: str,
        endpoint: str,
        caller_id_name: str = "",
        caller_id_number: str = "",
        timeout_s: int = 30,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if channel in self._dialled:
            return
        variables = {f"PJSIP_HEADER(add,{name})": value for name, value in (headers or {}).items()}
        try:
            await self._client.originate(
                channel,
                endpoint=f"PJSIP/{endpoint}",
                application=self._application,
                arguments=DIALLED,
                caller_id=_caller_id(caller_id_name, caller_id_number),
                timeout_s=timeout_s,
                variables=variables,
            )
        except AriError as error:
            if error.status != _CONFLICT:
                raise SwitchRefused(str(error), status=error.status) from error
        except AriUnavailable as error:
            raise SwitchUnavailable(str(error)) from error
        self._remember_dial(channel)

    def _remember_dial(self, channel: str) -> None:
        self._dialled[channel] = None
        while len(self._dialled) > REMEMBERED_DIALS:
            self._dialled.popitem(last=False)

    async def bridge(self, *, bridge: str, channels: Sequence[str]) -> None:
        try:
            await self._client.create_bridge(bridge)
        except AriError as error:
            if error.status != _CONFLICT:
                raise _as_switch_error(error) from error
        except AriUnavailable as error:
            raise SwitchUnavailable(str(error)) from error
        await _done(self._client.add_to_bridge(bridge, channels))

    async def unbridge(self, *, bridge: str, channel: str) -> None:
        await _gone(self._client.remove_from_bridge(bridge, channel), also=(_UNPROCESSABLE,))

    async def destroy_bridge(self, *, bridge: str) -> None:
        await _gone(self._client.destroy_bridge(bridge))

    async def hold(self, *, channel: str) -> None:
        await _done(self._client.channel_command("POST", channel, "mute", direction="in"))
        await _done(self._client.channel_command("POST", channel, "hold"))

    async def unhold(self, *, channel: str) -> None:
        await _done(self._client.channel_command("DELETE", channel, "hold"))
        await _done(self._client.channel_command("DELETE", channel, "mute", direction="in"))

    async def hang_up(self, *, channel: str, cause: int = Cause.NORMAL_CLEARING) -> None:
        self._translator.hangup_requested(channel, cause)
        await _gone(self._client.hang_up(channel, cause))

    # --- snapshots ----------------------------------------------------------------------------------------------------

    async def channels(self) -> Sequence[ChannelSnapshot]:
        application, rows = await _done(self._both_lists())
        ours = set(application["channel_ids"])
        return [snapshot(row, application=self._application, ours=row["id"] in ours) for row in rows]

    async def _both_lists(self) -> tuple[Any, Any]:
        return await self._client.application(self._application), await self._client.channels()

    async def bridges(self) -> Sequence[BridgeSnapshot]:
        rows = await _done(self._client.bridges())
        return [BridgeSnapshot(id=row["id"], channels=tuple(row["channels"])) for row in rows]

    async def endpoints(self) -> Sequence[EndpointSnapshot]:
        rows = await _done(self._client.endpoints())
        return [
            EndpointSnapshot(
                endpoint=row["resource"],
                reachable=row.get("state") == "online",
                channels=tuple(row["channel_ids"]),
            )
            for row in rows
        ]


def _caller_id(name: str, number: str) -> str:
    """``"name" <number>`` without what would end it early: both come from outside."""
    name = _UNSAFE_IN_CALLER_ID.sub("", name).strip()
    number = _UNSAFE_IN_CALLER_ID.sub("", number).strip()
    if not name:
        return number
    return f'"{name}" <{number}>'


def _as_switch_error(error: AriError) -> SwitchError:
    if error.status in (_NOT_FOUND, _INVALID_STATE) or "Channel not found" in error.reason:
        return ChannelGone(str(error))
    if error.status >= _SERVER_ERROR:
        return SwitchUnavailable(str(error))
    return SwitchRefused(str(error), status=error.status)


async def _done(request: Coroutine[Any, Any, _T]) -> _T:
    """Await a request, its errors in the port's words."""
    try:
        return await request
    except AriError as error:
        raise _as_switch_error(error) from error
    except AriUnavailable as error:
        raise SwitchUnavailable(str(error)) from error


async def _gone(request: Coroutine[Any, Any, None], *, also: tuple[int, ...] = ()) -> None:
    """Await a request that takes something away: that it is not there is success."""
    try:
        await _done(request)
    except ChannelGone:
        return
    except SwitchRefused as error:
        if error.status not in also:
            raise
