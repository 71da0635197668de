"""A page with a live connection, as tests play it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.urls import path

from agents.public import AgentSession
from reporting.topics import BoardTopic
from routing.topics import DeskTopic
from tenants.live.consumer import LiveConsumer, Pace
from tenants.public import Tenant, User, tenant_scope
from tests.api import Api
from tests.factories import make_private_line, make_queue, make_session, make_tenant
from tests.tenants.live.socket import Socket

QUICK = Pace(refresh_s=0.2, check_s=0.2)
"""For tests of what time brings."""

NEVER = Pace(refresh_s=600, check_s=600)
"""For tests of what changes bring."""

Result = TypeVar("Result")


def in_thread(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Any:
    """Run what uses the database beside the test's event loop."""
    return sync_to_async(function)(*args, **kwargs)


class Page:
    """What a browser's page does with the socket: the protocol of config/assets/js/live.js."""

    def __init__(self, client: Api | None, *, pace: Pace = NEVER) -> None:
        consumer = LiveConsumer.as_asgi(topics=(BoardTopic(), DeskTopic()), pace=pace)
        served = SessionMiddlewareStack(URLRouter([path("ws/v1/live/", consumer)]))  # type: ignore[arg-type, list-item]  # Channels' stubs want its own route
        headers = [(b"accept-language", b"en")]
        if client is not None and settings.SESSION_COOKIE_NAME in client.cookies:
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.socket = Socket(served, "/ws/v1/live/", headers=headers)
        self.rows: dict[str, dict[str, Any]] = {}
        self.version: list[Any] = []

    async def open(self) -> None:
        await self.socket.connect()

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        return self.take(await self.socket.receive())

    def take(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["type"] == "snapshot":
            self.rows = {row["id"]: row for row in message["rows"]}
            self.version = message["version"]
        elif message["type"] == "delta":
            assert message["version"] == [self.version[0], self.version[1] + 1]
            self.version = message["version"]
            for row in message["rows"]:
                assert row["seq"] >= self.rows.get(row["id"], row)["seq"]
                self.rows[row["id"]] = row
            for key in message["gone"]:
                del self.rows[key]
        return message

    async def see(self, topic: str) -> dict[str, Any]:
        await self.say(op="subscribe", topic=topic)
        message = await self.hear()
        assert message["type"] == "snapshot", message
        return message

    async def refused(self, topic: str) -> str:
        await self.say(op="subscribe", topic=topic)
        message = await self.hear()
        assert (message["type"], message["topic"]) == ("error", topic)
        assert message["message"]
        return str(message["code"])

    async def until(self, what: Callable[[], object]) -> None:
        """Take messages until what the page shows makes `what` true."""
        async with asyncio.timeout(10):
            while not what():
                await self.hear()

    async def closed(self) -> int:
        """The code with which the server closes, past whatever it says before."""
        async with asyncio.timeout(10):
            while True:
                message = await self.socket.event(timeout=10)
                if message["type"] == "websocket.close":
                    return int(message["code"])

    def one(self, kind: str) -> dict[str, Any]:
        (row,) = self.of(kind)
        return row

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in self.rows.values() if row["kind"] == kind]


@asynccontextmanager
async def page(client: Api | None, *, pace: Pace = NEVER) -> AsyncIterator[Page]:
    shown = Page(client, pace=pace)
    await shown.open()
    try:
        yield shown
    finally:
        await shown.socket.disconnect()


def at_desk(session: AgentSession) -> Api:
    """The browser of an agent who has logged in."""
    client = Api()
    with tenant_scope(session.tenant_id, read_only=True):
        user: User = AgentSession.objects.select_related("agent__user").get(id=session.id).agent.user
    client.force_login(user)
    stored = client.session
    stored["tenant_id"], stored["agent_session_id"] = str(session.tenant_id), str(session.id)
    stored["agent_id"] = str(session.agent_id)
    stored.save()
    return client


def a_centre() -> tuple[Tenant, str, AgentSession]:
    """A tenant with a private number and one agent, ready."""
    tenant = make_tenant()
    line = make_private_line(tenant, queue=make_queue(tenant, name="Loans"))
    assert line.number is not None
    return tenant, str(line.number.e164), make_session(tenant, ready=True)
