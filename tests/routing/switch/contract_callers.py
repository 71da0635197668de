"""The contract of a caller's leg: how it arrives, is answered and ends, and what is heard on it."""

from __future__ import annotations

from routing.switch.port import Cause, KeyPressed, LegAnswered, LegEnded, PlaybackFinished, Presentation
from tests.routing.switch.contract_base import ContractBase, new_id
from tests.routing.switch.ear import Ear
from tests.routing.switch.far_end import CallerScript, FarEnd


class CallerContract(ContractBase):
    """A call comes in, and its caller hears something."""

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
        assert await ear.switch.hang_up(channel=channel)
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
