"""The switch port on an Asterisk, through ARI.

One task reads the event socket and only queues: Asterisk gives up on a reader that is slow. A heartbeat that goes out
by request and comes back by the socket finds a peer that is connected and dead, or deaf. Matching, deciding and the
database are other people's work.
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
from routing.switch.asterisk_events import (
    CALL_EVENTS,
    DIALLED,
    HEARTBEAT,
    STATION_EVENTS,
    Translator,
    ending,
    is_reachable,
    places_of_ending,
    snapshot,
)
from routing.switch.port import (
    REQUEST_TIMEOUT_S,
    BridgeSnapshot,
    Cause,
    ChannelGone,
    ChannelSnapshot,
    EndpointSnapshot,
    LegEnded,
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
# The second is a leg that has just ended: the exchange still runs its hang-up handlers.
_GONE = ("Channel not found", "Channel not in Stasis application")
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
        """Open the socket, say what it is to carry, see that it carries, and report the connection.

        An application that is registered again while the exchange still tidies up after its last socket can be left
        deaf: connected, and told nothing. So the first heartbeat must come round before it counts as connected.
        """
        self._translator.forget()
        stream = await self._client.open_events([self._application, self._stations])
        try:
            await self._client.filter_events(self._application, CALL_EVENTS)
            await self._client.filter_events(self._stations, STATION_EVENTS)
            await self._client.subscribe(self._stations, "endpoint:PJSIP")
            await self._client.send_user_event(self._application, HEARTBEAT)
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                before, heartbeat = await self._until_heartbeat(stream)
        except TimeoutError as error:
            await stream.close()
            raise _ConnectionLost("the event socket carries nothing") from error
        except BaseException:
            await stream.close()
            raise
        self._last_alive = heartbeat.at
        for event in (SwitchConnected(at=heartbeat.at), *before):
            self._events.put_nowait(event)
        return stream

    async def _until_heartbeat(self, stream: EventStream) -> tuple[list[SwitchEvent], SwitchAlive]:
        before: list[SwitchEvent] = []
        while True:
            event = await self._next(stream)
            if isinstance(event, SwitchAlive):
                return before, event
            before.append(event)

    async def _next(self, stream: EventStream) -> SwitchEvent:
        """The next event in the port's words."""
        while True:
            event = await stream.receive()
            if event is None:
                raise _ConnectionLost("the event socket was closed")
            if event["type"] == "ApplicationReplaced":
                raise _ConnectionLost("another connection took the application", backoff_s=REPLACED_BACKOFF_S)
            translated = self._translator.translate(event)
            if translated is not None:
                return translated

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
        while True:
            event = await self._next(stream)
            if isinstance(event, SwitchAlive):
                self._last_alive = event.at
            self._events.put_nowait(event)

    async def _watch(self) -> None:
        """Send a heartbeat round, out by request and back by the socket, and give up when it fails to return."""
        missed = 0
        while missed < MISSED_HEARTBEATS:
            returned = self._last_alive
            try:
                await self._client.send_user_event(self._application, HEARTBEAT)
            except (AriError, AriUnavailable) as error:
                log.warning("%s: heartbeat: %s", self._application, error)
            await asyncio.sleep(HEARTBEAT_S)
            missed = missed + 1 if self._last_alive == returned else 0
        raise _ConnectionLost("the heartbeat does not return")

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
        number: str = "",
        caller_id_name: str = "",
        caller_id_number: str = "",
        timeout_s: int = 30,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if channel in self._dialled:
            return
        variables = {f"PJSIP_HEADER(add,{name})": value for name, value in (headers or {}).items()}
        places = places_of_ending(channel)
        variables["CHANNEL(hangup_handler_push)"] = f"hotseat-ended,s,1({places[0]},{places[1]})"
        try:
            await self._client.originate(
                channel,
                endpoint=f"PJSIP/{number}@{endpoint}" if number else f"PJSIP/{endpoint}",
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
        present = await _done(self._client.create_bridge(bridge))
        # Adding a leg that is there already would take it out and put it back.
        missing = [channel for channel in channels if channel not in present]
        if missing:
            await _done(self._client.add_to_bridge(bridge, missing))

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

    async def hang_up(self, *, channel: str, cause: int = Cause.NORMAL_CLEARING) -> bool:
        self._translator.hangup_requested(channel, cause)
        return await _gone(self._client.hang_up(channel, cause))

    # --- snapshots ----------------------------------------------------------------------------------------------------

    async def channels(self) -> Sequence[ChannelSnapshot]:
        ours = await _done(self._subscribed())
        rows = await _done(self._client.channels())
        return [snapshot(row, application=self._application, ours=row["id"] in ours) for row in rows]

    async def _subscribed(self) -> set[str]:
        """The legs that our application hears of. The exchange forgets an application that has none and no socket."""
        try:
            application = await self._client.application(self._application)
        except AriError as error:
            if error.status == _NOT_FOUND:
                raise AriUnavailable(f"{self._application} is not connected") from error
            raise
        return set(application["channel_ids"])

    async def bridges(self) -> Sequence[BridgeSnapshot]:
        rows = await _done(self._client.bridges())
        return [BridgeSnapshot(id=row["id"], channels=tuple(row["channels"])) for row in rows]

    async def endings(self, channels: Sequence[str]) -> Sequence[LegEnded]:
        places = sorted({place for name in channels for place in places_of_ending(name)})
        said = {place: await _done(self._client.global_variable(f"HOTSEAT_ENDED_{place}")) for place in places}
        told = [ending(name, said[place]) for name in channels for place in places_of_ending(name)]
        return list({one.channel: one for one in told if one is not None}.values())

    async def endpoints(self) -> Sequence[EndpointSnapshot]:
        rows = await _done(self._client.endpoints())
        for row in rows:
            self._translator.endpoint_seen(row)
        return [
            EndpointSnapshot(endpoint=row["resource"], reachable=is_reachable(row), channels=tuple(row["channel_ids"]))
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
    if error.status in (_NOT_FOUND, _INVALID_STATE) or any(said in error.reason for said in _GONE):
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


async def _gone(request: Coroutine[Any, Any, None], *, also: tuple[int, ...] = ()) -> bool:
    """Await a request that takes something away: that it is not there is success. Returns whether it was."""
    try:
        await _done(request)
    except ChannelGone:
        return False
    except SwitchRefused as error:
        if error.status not in also:
            raise
        return False
    return True
