"""What the socket says: snapshots, deltas, answers to what it cannot read; to many, and from a real server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import uvicorn
import websockets
from django.conf import settings
from websockets.typing import Origin

from config.asgi import application
from reporting.topics import BoardTopic
from tenants.live.consumer import SIGNED_OUT
from tenants.public import Relay
from tests import telephony
from tests.api import signed_in
from tests.factories import make_tenant, reread
from tests.tenants.live.page import a_centre, at_desk, in_thread, page
from tests.waiting import eventually


async def test_a_snapshot_then_deltas_with_consecutive_versions(relay: Relay) -> None:
    tenant, number, session = await in_thread(a_centre)
    await in_thread(relay.step)
    async with page(await in_thread(at_desk, session)) as desk:
        snapshot = await desk.see("desk")
        assert snapshot["version"][1] == 1
        assert snapshot["now"].endswith("+00:00")

        await in_thread(telephony.ring_in, number)
        await in_thread(relay.step)
        delta = await desk.hear()
        assert (delta["type"], delta["topic"], delta["gone"]) == ("delta", "desk", [])
        (offer,) = delta["rows"]
        assert (offer["kind"], offer["state"]) == ("offer", "offered")

        (ringing,) = await in_thread(telephony.live_offers, tenant)
        await in_thread(telephony.pick_up, ringing)
        await in_thread(relay.step)
        await desk.until(lambda: desk.of("contact") and not desk.of("offer"))
        assert desk.one("contact")["state"] == "engaged"


async def test_a_resync_gives_everything_again(relay: Relay) -> None:
    _, _, session = await in_thread(a_centre)
    async with page(await in_thread(at_desk, session)) as desk:
        first = await desk.see("desk")
        await desk.say(op="resync", topic="desk")
        second = await desk.hear()
        assert second["type"] == "snapshot"
        assert second["rows"] == first["rows"]
        assert second["version"] == [first["version"][0], 2]


async def test_nothing_more_comes_after_unsubscribing(relay: Relay) -> None:
    tenant, number, _ = await in_thread(a_centre)
    async with page(await in_thread(signed_in, tenant)) as board:
        await board.see("board")
        await board.say(op="unsubscribe", topic="board")
        await in_thread(telephony.ring_in, number)
        await in_thread(relay.step)
        await board.say(op="ping")
        assert await board.hear() == {"type": "pong"}
        assert await board.socket.silent_for(0.5)


async def test_malformed_messages_are_answered_with_what_is_wrong() -> None:
    tenant = await in_thread(make_tenant)
    async with page(await in_thread(signed_in, tenant)) as board:
        for text, code in [
            ("{", "malformed"),
            ("[]", "malformed"),
            ('"ping"', "malformed"),
            ('{"topic": "board"}', "malformed"),
            ('{"op": 1}', "malformed"),
            ('{"op": "drop"}', "unknown-operation"),
            ('{"op": "subscribe"}', "unknown-topic"),
            ('{"op": "subscribe", "topic": ["board"]}', "unknown-topic"),
            ('{"op": "subscribe", "topic": "invoices"}', "unknown-topic"),
            ('{"op": "resync", "topic": "board"}', "not-subscribed"),
        ]:
            await board.socket.send(text)
            message = await board.hear()
            assert (message["type"], message["code"]) == ("error", code), text
        await board.socket.send(b"\x00")
        assert (await board.hear())["code"] == "malformed"
        await board.say(op="ping")
        assert await board.hear() == {"type": "pong"}


async def test_a_desk_that_is_looked_at_is_present() -> None:
    _, _, session = await in_thread(a_centre)
    assert (await in_thread(reread, session)).presence_at is None
    async with page(await in_thread(at_desk, session)) as desk:
        await desk.see("desk")
        await eventually(lambda: reread(session).presence_at, within_s=5)


async def test_many_boards_of_a_tenant_share_a_reading_and_are_held_to_four_a_second(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, number, _ = await in_thread(a_centre)
    client = await in_thread(signed_in, tenant)
    began: list[float] = []
    original = BoardTopic.read
    clock = asyncio.get_running_loop().time

    def read(topic: BoardTopic, viewer: Any) -> Any:
        began.append(clock())
        return original(topic, viewer)

    monkeypatch.setattr(BoardTopic, "read", read)
    async with page(client) as one, page(client) as two, page(client) as three:
        boards = [one, two, three]
        for board in boards:
            await board.see("board")
        began.clear()
        for count in range(1, 6):
            await in_thread(telephony.ring_in, number)
            await in_thread(relay.step)
            for board in boards:
                await board.until(lambda board=board, count=count: len(board.of("contact")) == count)  # type: ignore[misc]  # mypy guesses no default's type
        assert one.rows == two.rows == three.rows
        # Each is noted by its thread a moment after it was let go.
        assert began[-1] - began[0] >= (len(began) - 1) * BoardTopic.interval_s - 0.1
        assert len(began) <= 2 * 5


async def test_a_real_server_serves_it(relay: Relay) -> None:
    _tenant, number, session = await in_thread(a_centre)
    client = await in_thread(at_desk, session)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    config = uvicorn.Config(application, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    address, origin = f"ws://127.0.0.1:{port}/ws/v1/live/", Origin(f"http://127.0.0.1:{port}")
    try:
        async with websockets.connect(address, origin=origin, additional_headers={"Cookie": cookie}) as socket:
            await socket.send(json.dumps({"op": "subscribe", "topic": "desk"}))
            assert json.loads(await socket.recv())["type"] == "snapshot"
            await in_thread(telephony.ring_in, number)
            await in_thread(relay.step)
            async with asyncio.timeout(5):
                kinds = [row["kind"] for row in json.loads(await socket.recv())["rows"]]
            assert "offer" in kinds
        async with websockets.connect(address, origin=origin) as socket:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == SIGNED_OUT
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(address, origin=Origin("https://elsewhere.example"))
    finally:
        server.should_exit = True
        await serving
