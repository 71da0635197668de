"""The contract of a dialled leg: telephones and numbers outside ring, answer, refuse and go away."""

from __future__ import annotations

import pytest

from routing.switch.port import Cause, EndpointChanged, LegAnswered, LegBridged, LegEnded, LegRinging, SwitchRefused
from tests.routing.switch.contract_base import ContractBase, new_id
from tests.routing.switch.ear import Ear
from tests.routing.switch.far_end import CallerScript, FarEnd, PhoneScript

OUTSIDE = "+447700900500"
"""A number that the trunk leads to."""


class TelephoneContract(ContractBase):
    """A telephone rings."""

    async def test_a_dialled_phone_rings_and_answers(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript(ring_s=0.5)) as phone:
            leg = await self.dialled(far, ear)
            ringing = await ear.event(LegRinging, channel=leg)
            answered = await ear.event(LegAnswered, channel=leg)
            (rang,) = phone.calls()
            await ear.switch.hang_up(channel=leg)
            ended = await ear.event(LegEnded, channel=leg)
        await caller.over()
        assert 0.3 < (answered.at - ringing.at).total_seconds() < 1
        assert answered.sip_call_id == ended.sip_call_id == rang.sip_call_id

    async def test_a_busy_phone_is_told_with_its_cause(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript())
        async with far.telephone(PhoneScript(busy=True)):
            leg = await self.dialled(far, ear)
            ended = await ear.event(LegEnded, channel=leg)
        await caller.over()
        assert (ended.cause, ended.sip_status) == (Cause.USER_BUSY, 486)

    @pytest.mark.parametrize("script", [PhoneScript(ring_s=None), PhoneScript(silent=True)], ids=["rings", "is silent"])
    async def test_a_phone_that_nobody_answers_is_given_up(self, far: FarEnd, ear: Ear, script: PhoneScript) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(script):
            leg = await self.dialled(far, ear, timeout_s=1)
            ended = await ear.event(LegEnded, channel=leg)
        await caller.over()
        assert ended.cause == Cause.NO_ANSWER
        assert not ear.of(LegAnswered, channel=leg)

    async def test_a_phone_that_is_not_there_is_refused_or_ended(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript())
        for endpoint in ("nobody-1", far.unregistered_phone):
            leg = new_id()
            try:
                await ear.switch.dial(channel=leg, endpoint=endpoint, timeout_s=2)
            except SwitchRefused:
                continue
            ended = await ear.event(LegEnded, channel=leg)
            assert ended.cause != Cause.NORMAL_CLEARING
        await caller.over()

    async def test_dialling_twice_with_one_id_rings_once(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript()) as phone:
            leg = await self.dialled(far, ear)
            await ear.event(LegAnswered, channel=leg)
            await ear.switch.dial(channel=leg, endpoint=far.phone)
            await ear.switch.hang_up(channel=leg)
            await ear.event(LegEnded, channel=leg)
            await ear.switch.dial(channel=leg, endpoint=far.phone)
            await caller.over()
            assert len(phone.calls()) == 1
        assert len(ear.of(LegEnded, channel=leg)) == 1

    async def test_a_ringing_phone_falls_silent_when_its_leg_is_hung_up(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript(ring_s=None)) as phone:
            leg = await self.dialled(far, ear)
            await ear.event(LegRinging, channel=leg)
            await ear.switch.hang_up(channel=leg)
            await ear.event(LegEnded, channel=leg)
            await caller.over()
            rang = await self.rang(phone)
        assert (rang.answered, rang.ended_by) == (False, "peer")

    async def test_a_phone_that_hangs_up_is_told_ended(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript(talk_s=0.5)) as phone:
            leg = await self.dialled(far, ear)
            ended = await ear.event(LegEnded, channel=leg)
            rang = await self.rang(phone)
        await caller.over()
        assert (ended.cause, ended.sip_status, rang.ended_by) == (Cause.NORMAL_CLEARING, None, "self")

    async def test_a_trunk_is_asked_for_the_number_and_told_who_calls(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=3))
        leg, meeting = new_id(), new_id()
        async with far.outside(PhoneScript(ring_s=0.2), number=OUTSIDE) as phone:
            await ear.switch.dial(
                channel=leg, endpoint=far.trunk, number=OUTSIDE, caller_id_number="442079460000", timeout_s=10
            )
            answered = await ear.event(LegAnswered, channel=leg)
            await ear.switch.bridge(bridge=meeting, channels=[channel, leg])
            for side in (channel, leg):
                await ear.event(LegBridged, channel=side, bridge=meeting)
            await ear.switch.hang_up(channel=leg)
            await ear.event(LegEnded, channel=leg)
            rang = await self.rang(phone)
        await ear.switch.destroy_bridge(bridge=meeting)
        await caller.over()
        assert (rang.answered, rang.ended_by, rang.sip_call_id) == (True, "peer", answered.sip_call_id)

    async def test_a_number_outside_that_is_busy_is_told_with_its_cause(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript())
        leg = new_id()
        async with far.outside(PhoneScript(busy=True), number=OUTSIDE):
            await ear.switch.dial(channel=leg, endpoint=far.trunk, number=OUTSIDE, timeout_s=5)
            ended = await ear.event(LegEnded, channel=leg)
        await caller.over()
        assert (ended.cause, ended.sip_status) == (Cause.USER_BUSY, 486)

    async def test_a_phone_that_comes_and_goes_is_told(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=3))
        async with far.telephone(PhoneScript()):
            await ear.event(EndpointChanged, endpoint=far.phone, reachable=True)
            known = {endpoint.endpoint: endpoint.reachable for endpoint in await ear.switch.endpoints()}
        await ear.event(EndpointChanged, endpoint=far.phone, reachable=False)
        await caller.over()
        assert known[far.phone] is True
        assert known[far.unregistered_phone] is False
