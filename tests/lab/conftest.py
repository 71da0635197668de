"""The real exchange, for tests: one of its own beside the checkout's, so that a running worker is not disturbed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import pytest

from deploy.lab import endpoints, exchange
from deploy.lab.tree import locked
from routing.switch.ari import AriClient
from routing.switch.asterisk import AsteriskSwitch
from routing.switch.port import SwitchConnected, SwitchEvent
from tests.lab.far_ends import FarEnds

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "test")
os.environ.setdefault("HOTSEAT_LAB_DIR", str(exchange.CHECKOUT / "var" / f"lab-{WORKER}"))

PHONES = ("lab-1001", "lab-1002", "lab-1003")
EVENT_TIMEOUT_S = 10.0
_E = TypeVar("_E", bound=SwitchEvent)


class Ear:
    """A switch whose events are kept until asked for."""

    def __init__(self, switch: AsteriskSwitch) -> None:
        self.switch = switch
        self.heard: list[SwitchEvent] = []
        self._changed = asyncio.Condition()

    async def listen(self) -> None:
        async for event in self.switch.events():
            async with self._changed:
                self.heard.append(event)
                self._changed.notify_all()

    def of(self, kind: type[_E], **wanted: object) -> list[_E]:
        """What was heard of a kind, with these values."""
        return [
            event
            for event in self.heard
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in wanted.items())
        ]

    async def event(
        self, kind: type[_E], *, timeout_s: float = EVENT_TIMEOUT_S, number: int = 1, **wanted: object
    ) -> _E:
        """Wait for the first (or another) event of a kind with these values."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.of(kind, **wanted)) >= number)
        return self.of(kind, **wanted)[number - 1]


@asynccontextmanager
async def connected(lab: exchange.Lab) -> AsyncIterator[Ear]:
    """An adapter that is connected to the exchange."""
    client = AriClient(url=lab.ari_url, user=lab.ari_user, password=lab.ari_password)
    ear = Ear(AsteriskSwitch(client=client, node=lab.node))
    listening = asyncio.create_task(ear.listen())
    await ear.switch.connect()
    try:
        await ear.event(SwitchConnected)
        yield ear
    finally:
        await ear.switch.close()
        await listening


@pytest.fixture(scope="session")
def laboratory() -> Iterator[None]:
    """A running Asterisk with a few telephones. Two test runs of one checkout take turns."""
    with locked(f"tests-{hashlib.sha256(str(exchange.lab_dir()).encode()).hexdigest()[:16]}"):
        endpoints.add(exchange.up(), [endpoints.Endpoint(endpoint=name) for name in PHONES])
        yield
        exchange.down()


@pytest.fixture
def lab(laboratory: None) -> exchange.Lab:
    """The exchange, running: a test before may have killed it, and left it so, or started it again."""
    return exchange.up()


@pytest.fixture
async def ear(lab: exchange.Lab) -> AsyncIterator[Ear]:
    """A connected adapter; whatever is left on the exchange afterwards is hung up."""
    async with connected(lab) as heard:
        yield heard
        for channel in await heard.switch.channels():
            await heard.switch.hang_up(channel=channel.id)


@pytest.fixture
def far_ends(lab: exchange.Lab, request: pytest.FixtureRequest) -> Iterator[FarEnds]:
    """Callers and phones whose SIP Call-IDs are kept with the test's result: they show that it ran on Asterisk."""
    ends = FarEnds(lab)
    yield ends
    ends.stop()
    for channel in cast("list[dict[str, str]]", exchange.ari(lab, "GET", "/channels")):
        exchange.ari(lab, "DELETE", f"/channels/{channel['id']}")
    request.node.user_properties.append(("adapter", "asterisk"))
    request.node.user_properties.extend(("sip_call_id", call_id) for call_id in ends.call_ids())
    assert ends.call_ids(), "no call went through the exchange"
