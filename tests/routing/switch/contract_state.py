"""The contract of the exchange's state: what is so now, what was missed, and what is gone."""

from __future__ import annotations

import pytest

from routing.switch.port import (
    CallArrived,
    Cause,
    ChannelGone,
    ChannelState,
    KeyPressed,
    LegAnswered,
    LegEnded,
    LegRinging,
    LegUnbridged,
    SwitchAlive,
    SwitchConnected,
    SwitchLost,
    SwitchUnavailable,
)
from tests.routing.switch.contract_base import ContractBase, new_id
from tests.routing.switch.ear import Ear
from tests.routing.switch.far_end import CallerScript, FarEnd, PhoneScript


class StateContract(ContractBase):
    """What is so now, and what was missed."""

    async def test_a_snapshot_shows_every_leg_as_it_is(self, far: FarEnd, ear: Ear) -> None:
        caller, arrived = await self.arrival(far, ear, CallerScript(to="4009", talk_s=1))
        (before,) = [leg for leg in await ear.switch.channels() if leg.id == arrived.channel]
        await ear.switch.answer(channel=arrived.channel)
        await ear.event(LegAnswered, channel=arrived.channel)
        async with far.telephone(PhoneScript(ring_s=None)):
            leg = await self.dialled(far, ear)
            await ear.event(LegRinging, channel=leg)
            now = {snapshot.id: snapshot for snapshot in await ear.switch.channels()}
            await ear.event(LegEnded, channel=arrived.channel)
        await caller.over()
        assert (before.answered, before.ours, before.dnis, before.ani) == (False, True, "4009", "13800138000")
        assert (now[arrived.channel].answered, now[arrived.channel].state) == (True, ChannelState.UP)
        assert (now[leg].answered, now[leg].ours, now[leg].arrival) == (False, True, None)
        assert now[leg].state in {ChannelState.DIALLING, ChannelState.RINGING}
        left = {snapshot.id for snapshot in await ear.switch.channels()}
        assert arrived.channel not in left

    async def test_an_arrival_has_one_key_however_it_is_learnt(self, far: FarEnd, ear: Ear) -> None:
        caller, arrived = await self.arrival(far, ear, CallerScript(patience_s=1))
        (snapshot,) = [leg for leg in await ear.switch.channels() if leg.id == arrived.channel]
        await caller.over()
        assert snapshot.arrival is not None
        assert snapshot.arrival.key == arrived.key
        assert (snapshot.arrival.dnis, snapshot.arrival.ani) == (arrived.dnis, arrived.ani)

    async def test_every_event_has_a_key_of_its_own(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(keys="1122", talk_s=2))
        async with far.telephone(PhoneScript()):
            leg, bridge = await self.dialled(far, ear), new_id()
            await ear.event(LegAnswered, channel=leg)
            for _ in range(2):
                await ear.switch.bridge(bridge=bridge, channels=[channel, leg])
                await ear.switch.unbridge(bridge=bridge, channel=leg)
            await ear.event(LegUnbridged, channel=leg, number=2)
            await ear.event(LegEnded, channel=channel)
        await caller.over()
        keys = [event.key for event in ear.heard]
        assert len(ear.of(KeyPressed)) == 4
        assert len(keys) == len(set(keys))

    async def test_a_connected_switch_shows_that_it_lives(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.arrival(far, ear, CallerScript(patience_s=1))
        third = await ear.event(SwitchAlive, number=3)
        await caller.over()
        first = ear.of(SwitchAlive)[0]
        assert 1.5 < (third.at - first.at).total_seconds() < 4

    async def test_after_a_broken_connection_a_snapshot_tells_what_was_missed(self, far: FarEnd, ear: Ear) -> None:
        caller, stays = await self.answered(far, ear, CallerScript(talk_s=30))
        leaver = await far.call(CallerScript(to="4002", talk_s=2))
        leaves = (await ear.event(CallArrived, number=2)).channel
        await ear.switch.answer(channel=leaves)
        await ear.event(LegAnswered, channel=leaves)
        await far.cut()
        lost = await ear.event(SwitchLost)
        with pytest.raises(SwitchUnavailable):
            await ear.switch.channels()
        await leaver.over()
        await far.mend()
        connected = await ear.event(SwitchConnected, number=2)
        left = {leg.id: leg for leg in await ear.switch.channels()}
        await ear.switch.hang_up(channel=stays)
        await ear.event(LegEnded, channel=stays)
        await caller.over()
        assert lost.at < connected.at
        assert leaves not in left
        assert not ear.of(LegEnded, channel=leaves)
        assert (left[stays].ours, left[stays].answered) == (True, True)

    async def test_how_legs_ended_while_nobody_was_connected_is_told_when_asked(self, far: FarEnd, ear: Ear) -> None:
        caller, left = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript(ring_s=None)):
            rung = await self.dialled(far, ear, timeout_s=1)
            await ear.event(LegRinging, channel=rung)
            await far.cut()
            lost = await ear.event(SwitchLost)
            await caller.over()
            await far.mend()
            await ear.event(SwitchConnected, number=2)
        ended = {leg.channel: leg for leg in await ear.switch.endings([left, rung, new_id()])}
        assert set(ended) == {left, rung}
        assert (ended[left].cause, ended[rung].cause) == (Cause.NORMAL_CLEARING, Cause.NO_ANSWER)
        assert (ended[left].answered, ended[rung].answered) == (True, False)
        assert lost.at < ended[rung].at < ended[left].at
        (answered,) = ear.of(LegAnswered, channel=left)
        assert 1.5 < (ended[left].at - answered.at).total_seconds() < 2.8

    async def test_who_calls_while_nobody_is_connected_is_told_afterwards(self, far: FarEnd, ear: Ear) -> None:
        await far.cut()
        await ear.event(SwitchLost)
        caller = await far.call(CallerScript(to="4003", patience_s=20, talk_s=0.5))
        await far.mend()
        await ear.event(SwitchConnected, number=2)
        arrived = await ear.event(CallArrived)
        await ear.switch.answer(channel=arrived.channel)
        record = await caller.over()
        assert (arrived.dnis, record.answered) == ("4003", True)

    async def test_what_is_gone_is_told_gone_and_may_be_taken_away_again(self, far: FarEnd, ear: Ear) -> None:
        caller, gone = await self.answered(far, ear, CallerScript(talk_s=0.3))
        await ear.event(LegEnded, channel=gone)
        await caller.over()
        switch, unknown = ear.switch, new_id()
        with pytest.raises(ChannelGone):
            await switch.answer(channel=gone)
        with pytest.raises(ChannelGone):
            await switch.indicate_ringing(channel=gone)
        with pytest.raises(ChannelGone):
            await switch.play(channel=gone, playback=new_id(), media=[far.sound(0.2)])
        with pytest.raises(ChannelGone):
            await switch.start_music(channel=gone)
        with pytest.raises(ChannelGone):
            await switch.hold(channel=gone)
        with pytest.raises(ChannelGone):
            await switch.bridge(bridge=new_id(), channels=[gone])
        await switch.stop_playback(playback=unknown)
        await switch.stop_music(channel=gone)
        await switch.unbridge(bridge=unknown, channel=gone)
        await switch.destroy_bridge(bridge=unknown)
        assert not await switch.hang_up(channel=gone)
