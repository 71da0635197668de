"""A thin typed client of Asterisk's REST interface (ARI) over aiohttp: the calls that are needed, and no more.

Requests travel over WebSockets, which Asterisk takes from 22.4 on: one costs a third of what it does over HTTP. Each
socket carries one at a time, since the exchange answers those of one socket in turn and some wait for a channel.

Source of the interface: ``/usr/share/asterisk/rest-api/*.json`` of Asterisk 22, and its "ARI REST over WebSocket".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import aiohttp

from routing.switch.port import REQUEST_TIMEOUT_S

Json = dict[str, Any]

_CONFLICT = 409
_MAX_SOCKETS = 16
_CLOSE_TIMEOUT_S = 0.5
_NO_LIMIT = 0  # the list of a full exchange's channels is long


class AriError(Exception):
    """Asterisk answered with an error. ``status`` is its HTTP status, ``reason`` its own words."""

    def __init__(self, status: int, reason: str, *, method: str, path: str) -> None:
        super().__init__(f"{method} {path}: {status} {reason}")
        self.status = status
        self.reason = reason


class AriUnavailable(Exception):
    """No answer within the time-out, or no connection."""


class _Ended(Exception):
    """A socket ended before the answer came."""


def parse_time(text: str) -> datetime:
    """Read Asterisk's ``2026-11-22T19:16:35.255+0000`` as an aware datetime."""
    return datetime.fromisoformat(text)


def _segment(value: str) -> str:
    return quote(value, safe="")


class AriClient:
    """One Asterisk's REST interface. Its sockets are kept open; every request has a time-out."""

    def __init__(self, *, url: str, user: str, password: str, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        """``url`` is the interface's root, e.g. ``http://127.0.0.1:8088/ari``."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        # The exchange wants a name for whoever opens a socket. These hear no events, and nobody may replace them.
        self._name = f"hotseat-requests-{uuid4().hex[:12]}"
        self._opened = 0
        self._idle: list[aiohttp.ClientWebSocketResponse] = []
        self._places = asyncio.Semaphore(_MAX_SOCKETS)

    async def close(self) -> None:
        """Let go of the exchange for good: whoever still asks through this client is refused."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(socket.close() for socket in idle))
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Any:
        """Do one request and return the decoded answer, ``None`` where there is none.

        When its socket ends before the answer, the request is repeated once on a new one: everything sent here
        carries our own ids, so one that did arrive is answered with a conflict and not done again.

        Raises ``AriError`` and ``AriUnavailable``.
        """
        wanted: Json = {"type": "RESTRequest", "method": method, "uri": path.removeprefix("/")}
        if params:
            wanted["uri"] += "?" + urlencode(params)
        if body is not None:
            wanted |= {"content_type": "application/json", "message_body": json.dumps(body)}
        try:
            async with asyncio.timeout(self._timeout_s), self._places:
                answer = await self._ask(json.dumps(wanted))
        except (TimeoutError, aiohttp.ClientError, _Ended) as error:
            raise AriUnavailable(f"{method} {path}: {error!r}") from error
        text = answer.get("message_body", "")
        if answer["status_code"] >= 400:
            raise AriError(answer["status_code"], _reason(text), method=method, path=path)
        return json.loads(text) if text else None

    async def _ask(self, request: str) -> Json:
        if self._idle:
            try:
                return await self._ask_on(self._idle.pop(), request)
            except (_Ended, aiohttp.ClientConnectionError):
                pass
        self._opened += 1
        return await self._ask_on(await self._open([f"{self._name}-{self._opened}"]), request)

    async def _ask_on(self, socket: aiohttp.ClientWebSocketResponse, request: str) -> Json:
        """Ask on a socket of which nobody else has hold; it is idle afterwards, or closed if anything went wrong."""
        try:
            await socket.send_str(request)
            while (answer := await _next(socket)) is not None:
                if answer["type"] == "RESTResponse":
                    await self._keep(socket)
                    return answer
        except BaseException:
            # Its answer may come still, and would be taken for the next one's.
            await socket.close()
            raise
        await socket.close()
        raise _Ended

    async def _keep(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Let the next request have the socket; of a client that was closed meanwhile nobody would ever close it."""
        if self._closed:
            await socket.close()
        else:
            self._idle.append(socket)

    async def _open(self, applications: Sequence[str]) -> aiohttp.ClientWebSocketResponse:
        if self._closed:
            raise AriUnavailable("this client was closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0),
            )
        return await self._session.ws_connect(
            f"{self._url}/events",
            params={"app": ",".join(applications), "subscribeAll": "false"},
            max_msg_size=_NO_LIMIT,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
        )

    # --- events and applications --------------------------------------------------------------------------------------

    async def open_events(self, applications: Sequence[str]) -> EventStream:
        """Open the event socket for these applications, which registers them with the exchange."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return EventStream(await self._open(applications))
        except (TimeoutError, aiohttp.ClientError) as error:
            raise AriUnavailable(f"GET /events: {error!r}") from error

    async def filter_events(self, application: str, allowed: Sequence[str]) -> None:
        body: Json = {"allowed": [{"type": name} for name in allowed]}
        await self.request("PUT", f"/applications/{_segment(application)}/eventFilter", body=body)

    async def subscribe(self, application: str, source: str) -> None:
        path = f"/applications/{_segment(application)}/subscription"
        await self.request("POST", path, params={"eventSource": source})

    async def application(self, name: str) -> Json:
        answer: Json = await self.request("GET", f"/applications/{_segment(name)}")
        return answer

    async def send_user_event(self, application: str, name: str) -> None:
        """Have the exchange send an event of ours back to us through the application's socket."""
        await self.request("POST", f"/events/user/{_segment(name)}", params={"application": application})

    async def global_variable(self, name: str) -> str:
        """A global variable of the dialplan; empty when there is none of that name."""
        answer: Json = await self.request("GET", "/asterisk/variable", params={"variable": name})
        return str(answer["value"])

    async def endpoints(self) -> list[Json]:
        answer: list[Json] = await self.request("GET", "/endpoints/PJSIP")
        return answer

    # --- channels -----------------------------------------------------------------------------------------------------

    async def channels(self) -> list[Json]:
        answer: list[Json] = await self.request("GET", "/channels")
        return answer

    async def channel(self, channel: str) -> Json:
        answer: Json = await self.request("GET", f"/channels/{_segment(channel)}")
        return answer

    async def originate(
        self,
        channel: str,
        *,
        endpoint: str,
        application: str,
        arguments: str,
        caller_id: str,
        timeout_s: int,
        variables: Mapping[str, str],
    ) -> None:
        params = {"endpoint": endpoint, "app": application, "appArgs": arguments, "timeout": str(timeout_s)}
        if caller_id:
            params["callerId"] = caller_id
        body: Json = {"variables": dict(variables)}
        await self.request("POST", f"/channels/{_segment(channel)}", params=params, body=body)

    async def channel_command(self, method: str, channel: str, command: str, **params: str) -> None:
        """``POST`` or ``DELETE`` one of a channel's parts: ``answer``, ``ring``, ``moh``, ``hold``, ``mute``."""
        await self.request(method, f"/channels/{_segment(channel)}/{command}", params=params)

    async def play(self, channel: str, playback: str, media: Sequence[str]) -> None:
        path = f"/channels/{_segment(channel)}/play/{_segment(playback)}"
        await self.request("POST", path, params={"media": ",".join(media)})

    async def stop_playback(self, playback: str) -> None:
        await self.request("DELETE", f"/playbacks/{_segment(playback)}")

    async def hang_up(self, channel: str, cause: int) -> None:
        await self.request("DELETE", f"/channels/{_segment(channel)}", params={"reason_code": str(cause)})

    # --- bridges ------------------------------------------------------------------------------------------------------

    async def bridges(self) -> list[Json]:
        answer: list[Json] = await self.request("GET", "/bridges")
        return answer

    async def bridge(self, bridge: str) -> Json:
        answer: Json = await self.request("GET", f"/bridges/{_segment(bridge)}")
        return answer

    async def create_bridge(self, bridge: str) -> list[str]:
        """Make a bridge unless it exists; returns the channels that are in it."""
        path = f"/bridges/{_segment(bridge)}"
        try:
            answer: Json = await self.request("POST", path, params={"type": "mixing"})
        except AriError as error:
            if error.status != _CONFLICT:
                raise
            answer = await self.request("GET", path)
        return list(answer["channels"])

    async def add_to_bridge(self, bridge: str, channels: Sequence[str]) -> None:
        path = f"/bridges/{_segment(bridge)}/addChannel"
        await self.request("POST", path, params={"channel": ",".join(channels)})

    async def remove_from_bridge(self, bridge: str, channel: str) -> None:
        await self.request("POST", f"/bridges/{_segment(bridge)}/removeChannel", params={"channel": channel})

    async def destroy_bridge(self, bridge: str) -> None:
        await self.request("DELETE", f"/bridges/{_segment(bridge)}")


class EventStream:
    """An open event socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> Json | None:
        """The next event, or ``None`` when the socket has ended."""
        return await _next(self._socket)

    async def close(self) -> None:
        await self._socket.close()


async def _next(socket: aiohttp.ClientWebSocketResponse) -> Json | None:
    """The next message, or ``None`` when the socket has ended."""
    while True:
        message = await socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            decoded: Json = json.loads(message.data)
            return decoded
        if message.type is not aiohttp.WSMsgType.BINARY:
            return None


def _reason(text: str) -> str:
    """Asterisk's own words from an error's body."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return text[:200]
    if isinstance(decoded, dict):
        return str(decoded.get("message") or decoded.get("error") or decoded)
    return text[:200]
