"""What each test of the contract begins with: the adapter, an ear on it, and a caller."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from routing.switch.port import CallArrived, LegAnswered
from tests.routing.switch.ear import Ear, listening
from tests.routing.switch.far_end import CallerScript, FarCaller, FarEnd, FarPhone, FarRecord
from tests.waiting import eventually


def new_id() -> str:
    return str(uuid.uuid4())


class ContractBase:
    """The set-up of all parts of the contract. A module of tests gives it a ``far`` fixture."""

    @pytest.fixture
    async def ear(self, far: FarEnd, request: pytest.FixtureRequest) -> AsyncIterator[Ear]:
        """The adapter, connected; whatever is left on the exchange afterwards is hung up."""
        used = request.node.user_properties
        used.append(("adapter", far.adapter))
        async with listening(far.switch) as ear:
            yield ear
            for channel in await ear.switch.channels():
                await ear.switch.hang_up(channel=channel.id)
            used.extend(("sip_call_id", event.sip_call_id) for event in ear.of(CallArrived))
        assert ear.of(CallArrived), "every test of the contract is about a call"

    async def arrival(self, far: FarEnd, ear: Ear, script: CallerScript) -> tuple[FarCaller, CallArrived]:
        caller = await far.call(script)
        return caller, await ear.event(CallArrived)

    async def answered(self, far: FarEnd, ear: Ear, script: CallerScript) -> tuple[FarCaller, str]:
        caller, arrived = await self.arrival(far, ear, script)
        await ear.switch.answer(channel=arrived.channel)
        await ear.event(LegAnswered, channel=arrived.channel)
        return caller, arrived.channel

    async def dialled(self, far: FarEnd, ear: Ear, *, timeout_s: int = 10) -> str:
        leg = new_id()
        await ear.switch.dial(channel=leg, endpoint=far.phone, caller_id_number="13800138000", timeout_s=timeout_s)
        return leg

    async def rang(self, phone: FarPhone) -> FarRecord:
        """The one call that rang there, as soon as the telephone says that it is over."""

        def over() -> list[FarRecord]:
            return [call for call in phone.calls() if call.ended_by]

        (call,) = await eventually(over)
        return call
