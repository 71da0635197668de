"""The contract of bridges: legs are joined, held and parted."""

from __future__ import annotations

import pytest

from routing.switch.port import ChannelGone, LegAnswered, LegBridged, LegEnded, LegRinging, LegUnbridged, SwitchRefused
from tests.routing.switch.contract_base import ContractBase, new_id
from tests.routing.switch.ear import Ear
from tests.routing.switch.far_end import CallerScript, FarEnd, PhoneScript


class BridgeContract(ContractBase):
    """They talk."""

    async def test_legs_are_joined_parted_and_live_on(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=3))
        async with far.telephone(PhoneScript()):
            leg, bridge = await self.dialled(far, ear), new_id()
            await ear.event(LegAnswered, channel=leg)
            for _ in range(2):
                await ear.switch.bridge(bridge=bridge, channels=[channel, leg])
            for joined in (channel, leg):
                await ear.event(LegBridged, channel=joined, bridge=bridge)
            (room,) = [room for room in await ear.switch.bridges() if room.id == bridge]
            assert set(room.channels) == {channel, leg}
            await ear.switch.unbridge(bridge=bridge, channel=leg)
            await ear.event(LegUnbridged, channel=leg, bridge=bridge)
            await ear.switch.destroy_bridge(bridge=bridge)
            await ear.event(LegUnbridged, channel=channel, bridge=bridge)
            assert {channel, leg} <= {snapshot.id for snapshot in await ear.switch.channels()}
            assert bridge not in {room.id for room in await ear.switch.bridges()}
            await ear.event(LegEnded, channel=channel)
        await caller.over()
        assert len(ear.of(LegBridged, bridge=bridge)) == 2

    async def test_a_leg_on_hold_stays_in_its_bridge(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript()):
            leg, bridge = await self.dialled(far, ear), new_id()
            await ear.event(LegAnswered, channel=leg)
            await ear.switch.bridge(bridge=bridge, channels=[channel, leg])
            await ear.switch.hold(channel=channel)
            (room,) = [room for room in await ear.switch.bridges() if room.id == bridge]
            await ear.switch.unhold(channel=channel)
            await ear.event(LegEnded, channel=channel)
        await caller.over()
        assert set(room.channels) == {channel, leg}

    async def test_a_phone_that_is_not_answered_cannot_be_joined(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript())
        async with far.telephone(PhoneScript(ring_s=None)):
            leg = await self.dialled(far, ear)
            await ear.event(LegRinging, channel=leg)
            with pytest.raises((SwitchRefused, ChannelGone)):
                await ear.switch.bridge(bridge=new_id(), channels=[channel, leg])
            await ear.event(LegEnded, channel=channel)
        await caller.over()

    async def test_the_other_leg_outlives_a_caller_who_hangs_up(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=1.5))
        async with far.telephone(PhoneScript()) as phone:
            leg, bridge = await self.dialled(far, ear), new_id()
            await ear.event(LegAnswered, channel=leg)
            await ear.switch.bridge(bridge=bridge, channels=[channel, leg])
            await ear.event(LegEnded, channel=channel)
            await ear.event(LegUnbridged, channel=channel, bridge=bridge)
            (room,) = [room for room in await ear.switch.bridges() if room.id == bridge]
            assert room.channels == (leg,)
            await ear.switch.hang_up(channel=leg)
            await ear.event(LegEnded, channel=leg)
            rang = await self.rang(phone)
        await caller.over()
        assert rang.ended_by == "peer"
