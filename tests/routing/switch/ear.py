"""A switch whose events are kept until a test asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from routing.switch.port import Switch, SwitchConnected, SwitchEvent

EVENT_TIMEOUT_S = 10.0
_E = TypeVar("_E", bound=SwitchEvent)


class Ear:
    """Listens to a switch for as long as a test needs."""

    def __init__(self, switch: Switch) -> None:
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

    async def event(self, kind: type[_E], *, number: int = 1, **wanted: object) -> _E:
        """Wait for the first (or another) event of a kind with these values."""
        async with asyncio.timeout(EVENT_TIMEOUT_S), self._changed:
            await self._changed.wait_for(lambda: len(self.of(kind, **wanted)) >= number)
        return self.of(kind, **wanted)[number - 1]


@asynccontextmanager
async def listening(switch: Switch) -> AsyncIterator[Ear]:
    """A switch that is connected, and closed afterwards."""
    ear = Ear(switch)
    task = asyncio.create_task(ear.listen())
    await switch.connect()
    try:
        await ear.event(SwitchConnected)
        yield ear
    finally:
        await switch.close()
        await task
