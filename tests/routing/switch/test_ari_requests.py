"""Requests to an exchange's REST interface over sockets that end, hang and refuse, as real servers do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from routing.switch.ari import AriClient, AriError, AriUnavailable
from routing.switch.asterisk import AsteriskSwitch
from routing.switch.port import ChannelGone, SwitchError, SwitchRefused

pytestmark = pytest.mark.nodb

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


class Interface:
    """A server of the interface; `answer` says what it answers to a request, and nothing means that it says nothing."""

    def __init__(self) -> None:
        self.url = ""
        self.sockets: list[web.WebSocketResponse] = []
        self.names: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.answer: Answer = lambda request: {"status_code": 200, "message_body": json.dumps({"uri": request["uri"]})}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.names.append(request.query["app"])
        await socket.send_json({"type": "ApplicationRegistered"})
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            self.heard.append(json.loads(message.data))
            if answer := self.answer(self.heard[-1]):
                await socket.send_json({"type": "RESTResponse"} | answer)
        return socket


@pytest.fixture
async def interface() -> AsyncIterator[Interface]:
    interface = Interface()
    app = web.Application()
    app.router.add_get("/ari/events", interface.serve)
    async with TestServer(app) as server:
        interface.url = str(server.make_url("/ari"))
        yield interface


@pytest.fixture
async def client(interface: Interface) -> AsyncIterator[AriClient]:
    client = AriClient(url=interface.url, user="u", password="p", timeout_s=0.3)
    yield client
    await client.close()


async def test_one_after_another_share_a_socket_and_those_at_once_do_not(
    interface: Interface, client: AriClient
) -> None:
    for _ in range(3):
        await client.request("GET", "/channels", params={"a b": "1&2"})
    assert (len(interface.sockets), interface.heard[0]["uri"]) == (1, "channels?a+b=1%262")
    await asyncio.gather(*(client.request("GET", f"/bridges/{number}") for number in range(8)))
    assert len(interface.sockets) <= 8
    assert len(set(interface.names)) == len(interface.names)


async def test_each_gets_its_own_answer(interface: Interface, client: AriClient) -> None:
    answers = await asyncio.gather(*(client.request("GET", f"/bridges/{number}") for number in range(40)))
    assert [answer["uri"] for answer in answers] == [f"bridges/{number}" for number in range(40)]


async def test_a_request_whose_socket_ended_is_repeated_on_a_new_one(interface: Interface, client: AriClient) -> None:
    await client.request("GET", "/channels")
    await interface.sockets[0].close()
    assert await client.request("GET", "/channels") == {"uri": "channels"}
    assert len(interface.sockets) == 2


async def test_a_late_answer_is_nobody_elses(interface: Interface, client: AriClient) -> None:
    answer = interface.answer
    interface.answer = lambda request: None
    with pytest.raises(AriUnavailable):
        await client.request("GET", "/slow")
    interface.answer = answer
    assert await client.request("GET", "/quick") == {"uri": "quick"}
    assert len(interface.sockets) == 2


async def test_a_refusal_is_told_in_the_exchanges_words_and_the_socket_goes_on(
    interface: Interface, client: AriClient
) -> None:
    answer = interface.answer
    interface.answer = lambda request: {
        "status_code": 404,
        "message_body": json.dumps({"message": "Channel not found"}),
    }
    with pytest.raises(AriError) as refused:
        await client.request("DELETE", "/channels/one")
    assert (refused.value.status, refused.value.reason) == (404, "Channel not found")
    interface.answer = answer
    await client.request("GET", "/channels")
    assert len(interface.sockets) == 1


@pytest.mark.parametrize(
    ("status", "words", "meant"),
    [
        (404, "Channel not found", ChannelGone),
        (409, "Channel not in Stasis application", ChannelGone),
        (409, "Channel in invalid state", SwitchRefused),
    ],
)
async def test_a_leg_whose_last_handlers_still_run_is_gone(
    interface: Interface, client: AriClient, status: int, words: str, meant: type[SwitchError]
) -> None:
    interface.answer = lambda request: {"status_code": status, "message_body": json.dumps({"message": words})}
    with pytest.raises(meant):
        await AsteriskSwitch(client=client, node="one").answer(channel="over")


async def test_an_answer_may_be_empty(interface: Interface, client: AriClient) -> None:
    interface.answer = lambda request: {"status_code": 204}
    assert await client.request("POST", "/channels/one/answer") is None


async def test_nobody_there_and_a_client_that_was_closed_are_unavailable(client: AriClient) -> None:
    deserted = AriClient(url="http://127.0.0.1:9/ari", user="u", password="p", timeout_s=0.3)
    with pytest.raises(AriUnavailable):
        await deserted.request("GET", "/channels")
    await deserted.close()
    await client.close()
    with pytest.raises(AriUnavailable):
        await client.request("GET", "/channels")


async def test_a_request_that_is_answered_while_the_client_closes_leaves_no_socket_open(
    interface: Interface, client: AriClient
) -> None:
    await client.request("GET", "/idle")
    answer = interface.answer
    interface.answer = lambda request: None if request["uri"] == "slow" else answer(request)
    slow, quick = (asyncio.create_task(client.request("GET", f"/{name}")) for name in ("slow", "quick"))
    await quick
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)  # it waits for the far end to close the idle ones
    await interface.sockets[0].send_json({"type": "RESTResponse", "status_code": 204})
    await asyncio.gather(slow, closing, return_exceptions=True)
    assert all(socket.closed for socket in interface.sockets)
