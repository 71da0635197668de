"""The contract of the switch port: every adapter passes every one of these tests.

A module of tests inherits ``SwitchContract`` and gives it a ``far`` fixture. Each test names its adapter and records
the SIP Call-IDs that it used, so that a report can show which exchange they ran on.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from routing.switch.port import (
    CallArrived,
    Cause,
    ChannelGone,
    ChannelState,
    EndpointChanged,
    KeyPressed,
    LegAnswered,
    LegBridged,
    LegEnded,
    LegRinging,
    LegUnbridged,
    PlaybackFinished,
    Presentation,
    SwitchAlive,
    SwitchConnected,
    SwitchLost,
    SwitchRefused,
    SwitchUnavailable,
)
from tests.routing.switch.ear import Ear, listening
from tests.routing.switch.far_end import CallerScript, FarCaller, FarEnd, PhoneScript

OUTSIDE = "+447700900500"
"""A number that the trunk leads to."""


def new_id() -> str:
    return str(uuid.uuid4())


class SwitchContract:
    """What every adapter does."""

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

    # --- a call comes in ----------------------------------------------------------------------------------------------

    async def test_an_arrival_tells_both_numbers_and_the_name(self, far: FarEnd, ear: Ear) -> None:
        script = CallerScript(to="4008001234", number="13912345678", name="Han Mei", patience_s=0.5)
        caller, arrived = await self.arrival(far, ear, script)
        record = await caller.over()
        assert (arrived.dnis, arrived.ani, arrived.name) == ("4008001234", "13912345678", "Han Mei")
        assert arrived.ani_presentation is Presentation.ALLOWED
        assert arrived.sip_call_id == record.sip_call_id
        assert arrived.at.tzinfo is not None

    async def test_a_hidden_number_is_told_to_be_hidden(self, far: FarEnd, ear: Ear) -> None:
        caller, arrived = await self.arrival(far, ear, CallerScript(hidden=True, patience_s=0.5))
        await caller.over()
        assert arrived.ani_presentation is not Presentation.ALLOWED

    async def test_answering_is_told_once_however_often_it_is_asked(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=0.5))
        await ear.switch.answer(channel=channel)
        ended = await ear.event(LegEnded, channel=channel)
        record = await caller.over()
        (answered,) = ear.of(LegAnswered, channel=channel)
        assert answered.sip_call_id == record.sip_call_id
        assert abs((ended.at - answered.at).total_seconds() - record.talk_s) < 0.3

    async def test_an_unanswered_caller_who_gives_up_is_told_ended(self, far: FarEnd, ear: Ear) -> None:
        caller, arrived = await self.arrival(far, ear, CallerScript(patience_s=0.5))
        await ear.switch.indicate_ringing(channel=arrived.channel)
        ended = await ear.event(LegEnded, channel=arrived.channel)
        record = await caller.over()
        assert (ended.cause, record.answered, record.ended_by) == (Cause.NORMAL_CLEARING, False, "self")
        assert not ear.of(LegAnswered)

    async def test_a_caller_who_hangs_up_is_told_ended(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=0.5))
        ended = await ear.event(LegEnded, channel=channel)
        record = await caller.over()
        assert (ended.cause, ended.sip_status) == (Cause.NORMAL_CLEARING, None)
        assert (ended.sip_call_id, record.ended_by) == (record.sip_call_id, "self")

    async def test_hanging_up_on_a_caller_is_told_with_our_cause(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=30))
        await ear.switch.hang_up(channel=channel)
        ended = await ear.event(LegEnded, channel=channel)
        record = await caller.over()
        assert (ended.cause, record.ended_by) == (Cause.NORMAL_CLEARING, "peer")

    async def test_the_cause_chooses_the_answer_to_an_unanswered_caller(self, far: FarEnd, ear: Ear) -> None:
        caller, arrived = await self.arrival(far, ear, CallerScript())
        await ear.switch.hang_up(channel=arrived.channel, cause=Cause.USER_BUSY)
        ended = await ear.event(LegEnded, channel=arrived.channel)
        record = await caller.over()
        assert (ended.cause, record.final_status, record.answered) == (Cause.USER_BUSY, 486, False)

    async def test_keys_are_told_in_their_order(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(keys="1*#90", talk_s=0.5))
        await ear.event(LegEnded, channel=channel)
        await caller.over()
        pressed = ear.of(KeyPressed, channel=channel)
        assert "".join(key.digit for key in pressed) == "1*#90"
        assert [key.at for key in pressed] == sorted(key.at for key in pressed)

    # --- what the caller hears ----------------------------------------------------------------------------------------

    async def test_a_playback_is_told_finished_when_its_sounds_are_over(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=3))
        playback = new_id()
        began = ear.of(LegAnswered, channel=channel)[0].at
        await ear.switch.play(channel=channel, playback=playback, media=[far.sound(0.4), far.sound(0.6)])
        finished = await ear.event(PlaybackFinished, playback=playback)
        await caller.over()
        assert (finished.channel, finished.failed) == (channel, False)
        assert 0.9 < (finished.at - began).total_seconds() < 2

    async def test_a_stopped_playback_is_told_finished_before_its_time(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=2))
        playback = new_id()
        await ear.switch.play(channel=channel, playback=playback, media=[far.sound(20)])
        await ear.switch.stop_playback(playback=playback)
        finished = await ear.event(PlaybackFinished, playback=playback)
        await ear.switch.stop_playback(playback=playback)
        ended = await ear.event(LegEnded, channel=channel)
        await caller.over()
        assert finished.at < ended.at
        assert len(ear.of(PlaybackFinished, playback=playback)) == 1

    async def test_a_sound_that_is_not_there_is_told_failed(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=1))
        playback = new_id()
        await ear.switch.play(channel=channel, playback=playback, media=["/nowhere/no-such-sound"])
        finished = await ear.event(PlaybackFinished, playback=playback)
        await caller.over()
        assert finished.failed

    async def test_an_unanswered_caller_can_hear_sounds(self, far: FarEnd, ear: Ear) -> None:
        caller, arrived = await self.arrival(far, ear, CallerScript(patience_s=3))
        playback = new_id()
        await ear.switch.indicate_progress(channel=arrived.channel)
        await ear.switch.play(channel=arrived.channel, playback=playback, media=[far.sound(0.4)])
        finished = await ear.event(PlaybackFinished, playback=playback)
        record = await caller.over()
        assert (finished.failed, record.answered) == (False, False)

    async def test_music_can_be_asked_for_and_taken_away_again_and_again(self, far: FarEnd, ear: Ear) -> None:
        caller, channel = await self.answered(far, ear, CallerScript(talk_s=1))
        for _ in range(2):
            await ear.switch.start_music(channel=channel)
        for _ in range(2):
            await ear.switch.stop_music(channel=channel)
        record = await caller.over()
        assert record.ended_by == "self"

    # --- a telephone rings --------------------------------------------------------------------------------------------

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
            (rang,) = phone.calls()
        assert (rang.answered, rang.ended_by) == (False, "peer")

    async def test_a_phone_that_hangs_up_is_told_ended(self, far: FarEnd, ear: Ear) -> None:
        caller, _ = await self.answered(far, ear, CallerScript(talk_s=2))
        async with far.telephone(PhoneScript(talk_s=0.5)) as phone:
            leg = await self.dialled(far, ear)
            ended = await ear.event(LegEnded, channel=leg)
            (rang,) = phone.calls()
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
            (rang,) = phone.calls()
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

    # --- they talk ----------------------------------------------------------------------------------------------------

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
            (rang,) = phone.calls()
        await caller.over()
        assert rang.ended_by == "peer"

    # --- what is so now, and what was missed --------------------------------------------------------------------------

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
        await switch.hang_up(channel=gone)
