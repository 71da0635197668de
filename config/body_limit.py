"""A bound on request bodies, kept before Django sees a byte of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# A sender that is cut off in the middle never reads the answer, so this many times the limit is read and dropped.
PATIENCE = 16


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI application that answers 413 (problem+json) to a body of more than ``limit`` bytes."""

    def __init__(self, inner: Application, *, limit: int) -> None:
        self.inner = inner
        self.limit = limit

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        if _declared_length(scope) > self.limit:
            await self._drop_rest(receive, seen=0)
            await self._refuse(send)
            return
        seen, more = 0, True

        async def counted() -> Message:
            nonlocal seen, more
            message = await receive()
            seen += len(message.get("body", b""))
            more = bool(message.get("more_body"))
            if seen > self.limit:
                raise _TooLarge
            return message

        try:
            await self.inner(scope, counted, send)
        except _TooLarge:
            if more:
                await self._drop_rest(receive, seen=seen)
            await self._refuse(send)

    async def _drop_rest(self, receive: Receive, *, seen: int) -> None:
        while seen <= self.limit * PATIENCE:
            message = await receive()
            seen += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    async def _refuse(self, send: Send) -> None:
        problem = {
            "type": "about:blank",
            "title": "Payload Too Large",
            "status": 413,
            "code": "body-too-large",
            "detail": f"The body of the request is larger than {self.limit} bytes. Send less at a time.",
        }
        headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(problem).encode()})


def _declared_length(scope: dict[str, Any]) -> int:
    raw: bytes = dict(scope["headers"]).get(b"content-length", b"0")
    return int(raw) if raw.isdigit() else 0
