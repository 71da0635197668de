"""What the socket does when parts are away: the relay, the channel layer, Valkey, the rows."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.test import override_settings

from reporting.public import keep_records
from reporting.topics import BoardTopic
from routing.topics import DeskTopic
from tenants.live.consumer import Pace
from tenants.public import Relay, Teller
from tests import telephony
from tests.api import signed_in
from tests.tenants.live.page import QUICK, a_centre, at_desk, in_thread, page
from tests.waiting import eventually


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


async def joined(valkey: Any) -> None:
    """Wait until somebody is in a tenant's group."""
    await eventually(lambda: valkey.keys("hotseat:group:*"), within_s=5)
