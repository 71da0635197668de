"""A WebSocket of an ASGI application, without a server. (Channels' own needs Daphne.)"""

from __future__ import annotations

import json
from typing import Any

from asgiref import testing

# It has no type information.
Communicator: Any = testing.ApplicationCommunicator


class Socket:
    """The browser's end."""

    def __init__(self, application: Any, path: str, *, headers: list[tuple[bytes, bytes]]) -> None:
        self.wire = Communicator(
            application,
            {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []},
        )

    async def connect(self) -> None:
        await self.wire.send_input({"type": "websocket.connect"})
        answer = await self.event()
        assert answer["type"] == "websocket.accept", answer

    async def send(self, data: str | bytes) -> None:
        kind = "text" if isinstance(data, str) else "bytes"
        await self.wire.send_input({"type": "websocket.receive", kind: data})

    async def event(self, *, timeout: float = 5) -> dict[str, Any]:  # noqa: ASYNC109 - as the communicator has it
        """The next thing that the application does, whatever it is."""
        event: dict[str, Any] = await self.wire.receive_output(timeout=timeout)
        return event

    async def receive(self) -> dict[str, Any]:
        """The next message, as JSON; fails when the server closes instead."""
        event = await self.event()
        assert event["type"] == "websocket.send", event
        message: dict[str, Any] = json.loads(event["text"])
        return message

    async def silent_for(self, seconds: float) -> bool:
        return bool(await self.wire.receive_nothing(timeout=seconds))

    async def disconnect(self) -> None:
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wire.wait(timeout=5)
