"""What every test of live sockets needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from channels.layers import get_channel_layer

from tenants.public import Relay


@pytest.fixture(autouse=True)
async def _connections() -> AsyncIterator[None]:
    """A channel layer keeps its connections for as long as the event loop lives, and that is one test."""
    yield
    layer: Any = get_channel_layer()
    await layer.close_pools()


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay("test")
    yield relay
    relay.release()
