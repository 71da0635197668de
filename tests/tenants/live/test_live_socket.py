"""The socket: who may open it and see what, what it says, and what happens when parts are away."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
import uvicorn
import websockets
from channels.layers import get_channel_layer
from django.conf import settings
from django.test import override_settings
from websockets.typing import Origin

from agents.public import log_out
from config.asgi import application
from reporting.public import keep_records
from reporting.topics import BoardTopic
from routing.topics import DeskTopic
from tenants.live.consumer import FORBIDDEN, SIGNED_OUT, Pace
from tenants.public import CSP_TENANT_ID, Membership, Relay, Role, Teller, Tenant, tenant_scope
from tests import telephony
from tests.api import Api, signed_in
from tests.factories import ACTOR, make_session, make_tenant, reread
from tests.tenants.live.page import QUICK, a_centre, at_desk, in_thread, page
from tests.waiting import eventually

# Who may


async def test_it_closes_a_socket_of_nobody() -> None:
    async with page(None) as stranger:
        assert await stranger.closed() == SIGNED_OUT
    async with page(Api()) as stranger:
        assert await stranger.closed() == SIGNED_OUT


async def test_it_closes_a_socket_of_a_suspended_tenant() -> None:
    tenant, _, session = await in_thread(a_centre)
    clients = [await in_thread(signed_in, tenant), await in_thread(at_desk, session)]
    await in_thread(suspend, tenant)
    for client in clients:
        async with page(client) as refused:
            assert await refused.closed() == FORBIDDEN


async def test_each_topic_is_for_the_roles_that_need_it() -> None:
    """Ghostwriter GHSA-f6w3-9v9c-5364, openwisp-radius#691: socket authorisation missing or thrown away."""
    tenant, _, session = await in_thread(a_centre)
    async with page(await in_thread(at_desk, session)) as agent:
        assert await agent.refused("board") == "missing-right"
        await agent.see("desk")
    for role in (Role.SUPERVISOR, Role.ADMINISTRATOR):
        async with page(await in_thread(signed_in, tenant, role=role)) as member:
            assert await member.refused("desk") == "missing-right"
            await member.see("board")
    async with page(await in_thread(signed_in, tenant, role=Role.AGENT)) as nowhere:
        assert await nowhere.refused("desk") == "no-agent-session"
        assert await nowhere.refused("board") == "missing-right"


async def test_a_topic_shows_only_the_own_tenant_and_the_own_desk() -> None:
    tenant, number, session = await in_thread(a_centre)
    other, _, stranger = await in_thread(a_centre)
    await in_thread(telephony.ring_in, number)
    async with page(await in_thread(signed_in, other)) as board, page(await in_thread(at_desk, stranger)) as desk:
        await board.see("board")
        assert [row["id"] for row in board.of("agent")] == [str(stranger.id)]
        assert board.of("contact") == []
        await desk.see("desk")
        assert desk.one("session")["id"] == str(stranger.id)
        assert desk.of("offer") == []
    colleague = await in_thread(make_session, tenant)
    async with page(await in_thread(at_desk, colleague)) as desk:
        await desk.see("desk")
        assert desk.of("offer") == []
    async with page(await in_thread(at_desk, session)) as desk:
        await desk.see("desk")
        assert len(desk.of("offer")) == 1


async def test_another_tenants_changes_are_not_heard(relay: Relay) -> None:
    tenant, _, _ = await in_thread(a_centre)
    other, number, _ = await in_thread(a_centre)
    async with page(await in_thread(signed_in, tenant)) as board, page(await in_thread(signed_in, other)) as theirs:
        await board.see("board")
        await theirs.see("board")
        await in_thread(telephony.ring_in, number)
        await in_thread(relay.step)
        await theirs.until(lambda: theirs.of("contact"))
        assert await board.socket.silent_for(0.5)


async def test_it_closes_when_the_membership_ends() -> None:
    tenant = await in_thread(make_tenant)
    client = await in_thread(signed_in, tenant, role=Role.SUPERVISOR)

    def dismiss() -> None:
        with tenant_scope(tenant.id):
            Membership.objects.all().delete()

    async with page(client, pace=QUICK) as board:
        await board.see("board")
        await in_thread(dismiss)
        assert await board.closed() == SIGNED_OUT


async def test_it_closes_when_the_role_no_longer_allows_what_is_shown() -> None:
    tenant = await in_thread(make_tenant)
    client = await in_thread(signed_in, tenant, role=Role.SUPERVISOR)

    def degrade() -> None:
        with tenant_scope(tenant.id):
            Membership.objects.update(role=Role.AGENT)

    async with page(client, pace=QUICK) as board:
        await board.see("board")
        await in_thread(degrade)
        assert await board.closed() == FORBIDDEN


async def test_it_closes_when_the_tenant_is_suspended() -> None:
    tenant = await in_thread(make_tenant)
    async with page(await in_thread(signed_in, tenant), pace=QUICK) as board:
        await board.see("board")
        await in_thread(suspend, tenant)
        assert await board.closed() == FORBIDDEN


async def test_it_closes_when_the_browser_signs_out() -> None:
    tenant = await in_thread(make_tenant)
    client = await in_thread(signed_in, tenant)
    async with page(client, pace=QUICK) as board:
        await board.see("board")
        await in_thread(client.session.flush)
        assert await board.closed() == SIGNED_OUT


async def test_an_agent_who_logs_out_sees_an_empty_desk_and_is_let_go_at_once(relay: Relay) -> None:
    tenant, _, session = await in_thread(a_centre)
    async with page(await in_thread(at_desk, session)) as desk:
        await desk.see("desk")
        await in_thread(relay.step)
        await in_thread(log_out, tenant_id=tenant.id, session_id=session.id, actor=ACTOR)
        await in_thread(relay.step)
        await desk.until(lambda: not desk.rows)
        assert await desk.closed() == SIGNED_OUT


# What it says


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


# What is away


async def test_a_gap_in_what_the_relay_says_makes_it_read_everything(valkey_client: Any) -> None:
    tenant, number, _ = await in_thread(a_centre)
    layer: Any = get_channel_layer()
    async with page(await in_thread(signed_in, tenant)) as board:
        await board.see("board")
        await joined(valkey_client)
        # Joining made it read once more, and there is nothing new.
        assert await board.socket.silent_for(2 * BoardTopic.interval_s)
        group = f"tenant.{tenant.id}"
        await layer.group_send(group, {"type": "live.changed", "epoch": 7, "n": 1, "changes": []})
        await in_thread(telephony.ring_in, number)
        assert await board.socket.silent_for(0.4)
        await layer.group_send(group, {"type": "live.changed", "epoch": 7, "n": 3, "changes": []})
        await board.until(lambda: board.of("contact"))

        await in_thread(telephony.ring_in, number)
        await layer.group_send(group, {"type": "live.changed", "epoch": 8, "n": 4, "changes": []})
        await board.until(lambda: len(board.of("contact")) == 2)


async def test_a_board_is_told_when_records_are_written_and_misses_no_number_of_the_relays(valkey_client: Any) -> None:
    tenant, number, _ = await in_thread(a_centre)
    layer: Any = get_channel_layer()
    teller = await in_thread(Teller)
    async with page(await in_thread(signed_in, tenant)) as board:
        await board.see("board")
        await joined(valkey_client)
        assert await board.socket.silent_for(2 * BoardTopic.interval_s)
        group = f"tenant.{tenant.id}"
        await layer.group_send(group, {"type": "live.changed", "epoch": 7, "n": 1, "changes": []})
        await in_thread(telephony.ring_in, number)
        await in_thread(lambda: keep_records(teller))
        await board.until(lambda: board.of("total")[0]["offered"] == 1)
        await in_thread(telephony.ring_in, number)
        await layer.group_send(group, {"type": "live.changed", "epoch": 7, "n": 2, "changes": []})
        assert await board.socket.silent_for(0.4)
    await in_thread(teller.close)


async def test_without_the_relay_it_is_right_a_few_seconds_later() -> None:
    tenant, number, _ = await in_thread(a_centre)
    async with page(await in_thread(signed_in, tenant), pace=QUICK) as board:
        await board.see("board")
        await in_thread(telephony.ring_in, number)
        await board.until(lambda: board.of("contact"))


async def test_without_the_channel_layer_it_opens_and_is_right_a_few_seconds_later() -> None:
    _tenant, number, session = await in_thread(a_centre)
    nowhere = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:9"]}}
    with override_settings(CHANNEL_LAYERS={"default": nowhere}):
        async with page(await in_thread(at_desk, session), pace=QUICK) as desk:
            await desk.see("desk")
            await in_thread(telephony.ring_in, number)
            await desk.until(lambda: desk.of("offer"))


async def test_a_valkey_that_was_emptied_is_joined_again(relay: Relay, valkey_client: Any) -> None:
    tenant, number, _ = await in_thread(a_centre)
    async with page(await in_thread(signed_in, tenant), pace=Pace(refresh_s=600, check_s=0.2)) as board:
        await board.see("board")
        await joined(valkey_client)
        await in_thread(valkey_client.flushdb)
        await joined(valkey_client)
        await in_thread(telephony.ring_in, number)
        await in_thread(relay.step)
        await board.until(lambda: board.of("contact"))


async def test_a_socket_whose_rows_cannot_be_read_does_not_look_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, session = await in_thread(a_centre)
    async with page(await in_thread(at_desk, session)) as desk:
        await desk.see("desk")
        away, failed = True, threading.Event()

        def read(topic: DeskTopic, viewer: Any) -> Any:
            if away:
                failed.set()
                raise ConnectionError("the database is away")
            return original(topic, viewer)

        original = DeskTopic.read
        monkeypatch.setattr(DeskTopic, "read", read)
        await desk.say(op="resync", topic="desk")
        assert await asyncio.to_thread(failed.wait, 5)
        await asyncio.sleep(0)  # the failure reaches the socket in the turn after the thread's
        await desk.say(op="ping")
        assert await desk.socket.silent_for(0.3)
        await desk.say(op="ping")
        assert await desk.socket.silent_for(0.3)
        away = False
        assert (await desk.hear())["type"] == "snapshot"
        await desk.say(op="ping")
        assert await desk.hear() == {"type": "pong"}


# Many


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


async def joined(valkey: Any) -> None:
    """Wait until somebody is in a tenant's group."""
    await eventually(lambda: valkey.keys("hotseat:group:*"), within_s=5)


def suspend(tenant: Tenant) -> None:
    with tenant_scope(CSP_TENANT_ID):
        Tenant.objects.filter(id=tenant.id).update(status=Tenant.Status.SUSPENDED)
