"""A switch worker in this process, on a simulated exchange whose callers and phones the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.public import Station
from config.hints import listening_locally
from routing.node import Sounds, SwitchWorker
from routing.services.commands import switch_hint
from routing.speech import SpeechCache, speech_engine
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.telephones import CallerHandle, PhoneHabit, Telephone, place_call
from routing.switch.simulator import SimulatedSwitch


@dataclass
class Switchboard:
    """The worker, its exchange, and the far ends."""

    worker: SwitchWorker
    exchange: Exchange

    def phone(self, station: Station, habit: PhoneHabit | None = None) -> Telephone:
        """Register a station's phone, which answers at once unless told otherwise."""
        telephone = Telephone(self.exchange, station.endpoint, lambda: habit or PhoneHabit(ring_s=0.05))
        self.exchange.register(telephone)
        return telephone

    def call(self, number: str, *, ani: str = "+447700900123") -> CallerHandle:
        """Call a number."""
        return place_call(self.exchange, dnis=number, ani=ani)


@asynccontextmanager
async def switchboard(*, sounds: Path, node: str = "node1") -> AsyncIterator[Switchboard]:
    """Run a worker until the block ends."""
    exchange = Exchange()
    speech = SpeechCache(sounds, speech_engine("silent", switch="simulator"))
    worker = SwitchWorker(
        node=node,
        open_switch=lambda: SimulatedSwitch(exchange=exchange),
        sounds=Sounds(directory=sounds, speech=speech),
        holder=f"test:{id(exchange)}",
    )
    with listening_locally(switch_hint(node), worker.wake):
        running = asyncio.create_task(worker.run())
        try:
            yield Switchboard(worker, exchange)
        finally:
            worker.stop()
            await running
            exchange.stop()
