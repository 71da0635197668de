"""The contract of the switch port on the simulator, twenty times as fast as the wall and an hour beside it."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from routing.switch.port import Cause, Presentation
from routing.switch.simulation.clock import ExchangeClock
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.model import sip_status
from routing.switch.simulation.telephones import CallerHandle, PhoneHabit, Telephone, place_call
from routing.switch.simulator import SimulatedSwitch
from tests.routing.switch.contract import SwitchContract
from tests.routing.switch.far_end import CallerScript, FarRecord, PhoneScript

pytestmark = pytest.mark.nodb

FACTOR = 10.0
KEY_GAP_S = 0.05


@dataclass
class SimulatedCaller:
    handle: CallerHandle
    acting: asyncio.Task[bool]

    async def over(self) -> FarRecord:
        hung_up = await self.acting
        assert await self.handle.over(within_s=60)
        cause = self.handle.cause or 0
        return FarRecord(
            sip_call_id=self.handle.sip_call_id,
            answered=self.handle.is_answered,
            ended_by="self" if hung_up else "peer",
            talk_s=self.handle.talk_seconds,
            final_status=200 if self.handle.is_answered else sip_status(cause),
        )


@dataclass
class SimulatedPhone:
    telephone: Telephone
    number: str = ""

    def calls(self) -> Sequence[FarRecord]:
        return [
            FarRecord(
                sip_call_id=call.leg.sip_call_id,
                answered=call.leg.answered,
                ended_by=None if call.leg.alive else "self" if call.hung_up else "peer",
                talk_s=0.0,
            )
            for call in self.telephone.calls
            if call.leg.dnis == self.number
        ]


class SimulatedFarEnd:
    adapter = "simulator"
    phone = "lab-1001"
    unregistered_phone = "lab-1003"
    trunk = "trunk"

    def __init__(self, exchange: Exchange, sounds: Path) -> None:
        self.exchange = exchange
        self.switch = SimulatedSwitch(exchange=exchange)
        self._sounds = sounds
        exchange.register(Telephone(exchange, self.unregistered_phone, PhoneHabit), reachable=False)

    async def call(self, script: CallerScript) -> SimulatedCaller:
        handle = place_call(
            self.exchange,
            dnis=script.to,
            ani=script.number,
            presentation=Presentation.RESTRICTED if script.hidden else None,
            name=script.name,
        )
        return SimulatedCaller(handle, asyncio.create_task(self._act(handle, script)))

    async def _act(self, handle: CallerHandle, script: CallerScript) -> bool:
        """Whether the caller ended the call."""
        if await handle.answered(within_s=script.patience_s):
            for key in script.keys:
                await self.exchange.clock.sleep(KEY_GAP_S)
                handle.press(key)
            await handle.over(within_s=script.talk_s)
        if handle.is_over:
            return False
        handle.hang_up()
        return True

    @asynccontextmanager
    async def telephone(self, script: PhoneScript) -> AsyncIterator[SimulatedPhone]:
        async with self._plugged_in(self.phone, script) as telephone:
            yield SimulatedPhone(telephone)

    @asynccontextmanager
    async def outside(self, script: PhoneScript, *, number: str) -> AsyncIterator[SimulatedPhone]:
        async with self._plugged_in(self.trunk, script) as telephone:
            yield SimulatedPhone(telephone, number)

    @asynccontextmanager
    async def _plugged_in(self, endpoint: str, script: PhoneScript) -> AsyncIterator[Telephone]:
        habit = PhoneHabit(
            ring_s=script.ring_s,
            talk_s=script.talk_s,
            refusal=Cause.USER_BUSY if script.busy else None,
            silent=script.silent,
        )
        telephone = Telephone(self.exchange, endpoint, lambda: habit)
        self.exchange.register(telephone)
        yield telephone
        self.exchange.register(telephone, reachable=False)

    def sound(self, seconds: float) -> str:
        path = self._sounds / f"{seconds}"
        with wave.open(f"{path}.wav", "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(round(seconds * 8000) * 2))
        return str(path)

    async def cut(self) -> None:
        self.switch.cut(deaf=True)

    async def mend(self) -> None:
        self.switch.mend()


class TestSimulator(SwitchContract):
    @pytest.fixture
    async def far(self, tmp_path: Path) -> AsyncIterator[SimulatedFarEnd]:
        exchange = Exchange(clock=ExchangeClock(factor=FACTOR, offset=timedelta(hours=-1)))
        yield SimulatedFarEnd(exchange, tmp_path)
        exchange.stop()
