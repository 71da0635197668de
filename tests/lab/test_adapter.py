"""The Asterisk adapter on a real Asterisk: SIPp plays the callers and the telephones, and keeps the times."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.lab.exchange import Lab
from deploy.lab.rtp_watch import RtpWatch
from deploy.lab.sipp import Caller, Phone, Phones, Sipp, call
from deploy.lab.sipp_log import FarCall
from routing.switch.port import (
    CallArrived,
    Cause,
    ChannelGone,
    EndpointChanged,
    KeyPressed,
    LegAnswered,
    LegBridged,
    LegEnded,
    LegRinging,
    PlaybackFinished,
    Presentation,
    SwitchAlive,
    SwitchConnected,
    SwitchLost,
    SwitchRefused,
    SwitchUnavailable,
)
from tests.lab.conftest import Ear, connected

pytestmark = [pytest.mark.lab, pytest.mark.nodb]

PHONE = "lab-1001"


def new_id() -> str:
    return str(uuid.uuid4())


async def finished(sipp: Sipp, timeout_s: float = 20.0) -> FarCall:
    """A caller's one call, when it is over."""
    (only,) = await asyncio.to_thread(sipp.wait, timeout_s)
    return only


async def eventually(happened: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for something that only a far end's log tells."""
    async with asyncio.timeout(timeout_s):
        while not happened():  # noqa: ASYNC110 - SIPp writes a file, and signals nothing
            await asyncio.sleep(0.02)


async def dialled(ear: Ear, *, timeout_s: int = 10, endpoint: str = PHONE) -> str:
    leg = new_id()
    await ear.switch.dial(channel=leg, endpoint=endpoint, caller_id_number="13800138000", timeout_s=timeout_s)
    return leg


async def test_a_caller_hears_music_is_joined_with_a_phone_and_hangs_up(lab: Lab, ear: Ear) -> None:
    switch = ear.switch
    with RtpWatch() as sound, Phones(lab, [PHONE], Phone(ring_s=0.3)) as phones:
        caller = call(lab, Caller(to="4001", name="Li Lei", talk_s=2.5))
        arrived = await ear.event(CallArrived)
        await switch.answer(channel=arrived.channel)
        await switch.start_music(channel=arrived.channel)
        leg, bridge = new_id(), new_id()
        await switch.dial(channel=leg, endpoint=PHONE, caller_id_name="李雷", caller_id_number="13800138000")
        ringing = await ear.event(LegRinging, channel=leg)
        answered = await ear.event(LegAnswered, channel=leg)
        await switch.stop_music(channel=arrived.channel)
        await switch.bridge(bridge=bridge, channels=[arrived.channel, leg])
        await ear.event(LegBridged, channel=arrived.channel, bridge=bridge)
        await ear.event(LegBridged, channel=leg, bridge=bridge)
        ended = await ear.event(LegEnded, channel=arrived.channel)
        await switch.hang_up(channel=leg)
        leg_ended = await ear.event(LegEnded, channel=leg)
        await switch.destroy_bridge(bridge=bridge)
        far = await finished(caller)
        await eventually(lambda: phones.calls()[0].bye_at is not None)
        (rang,) = phones.calls_to(PHONE)
        sound.fill([far, rang])

    assert (arrived.dnis, arrived.ani, arrived.name) == ("4001", "13800138000", "Li Lei")
    assert arrived.ani_presentation is Presentation.ALLOWED
    assert arrived.sip_call_id == ended.sip_call_id == far.call_id
    assert answered.sip_call_id == leg_ended.sip_call_id == rang.call_id
    assert (ended.cause, ended.sip_status, leg_ended.cause) == (16, None, 16)
    assert (far.ended_by, rang.ended_by) == ("self", "peer")
    assert "李雷" in rang.header("From")
    assert far.first_rtp_at is not None
    assert rang.answered_at is not None
    assert far.first_rtp_at < rang.answered_at, "the caller heard music before the telephone answered"
    caller_answered = ear.of(LegAnswered, channel=arrived.channel)[0]
    assert abs((ended.at - caller_answered.at).total_seconds() - far.talk_seconds) < 0.1
    assert 0.2 < (answered.at - ringing.at).total_seconds() < 0.6
    assert bridge not in {room.id for room in await switch.bridges()}


async def test_a_busy_phone_ends_its_leg_with_486(lab: Lab, ear: Ear) -> None:
    with Phones(lab, [PHONE], Phone(status=486)):
        leg = await dialled(ear)
        ended = await ear.event(LegEnded, channel=leg)
    assert (ended.cause, ended.sip_status) == (Cause.USER_BUSY, 486)


async def test_a_phone_that_only_rings_is_cancelled_when_the_time_is_over(lab: Lab, ear: Ear) -> None:
    with Phones(lab, [PHONE], Phone(ring_s=None)) as phones:
        leg = await dialled(ear, timeout_s=1)
        ended = await ear.event(LegEnded, channel=leg)
        await eventually(lambda: phones.calls()[0].cancelled_at is not None)
        (rang,) = phones.calls_to(PHONE)
    assert ended.cause == Cause.NO_ANSWER
    assert rang.cancelled_at is not None
    assert 0.9 < (rang.cancelled_at - rang.invite_at).total_seconds() < 1.3


async def test_a_phone_that_says_nothing_at_all_ends_as_no_answer(lab: Lab, ear: Ear) -> None:
    with Phones(lab, [PHONE], Phone(silent=True)):
        leg = await dialled(ear, timeout_s=1)
        ended = await ear.event(LegEnded, channel=leg)
    assert ended.cause == Cause.NO_ANSWER


async def test_a_ringing_phone_falls_silent_when_its_leg_is_hung_up(lab: Lab, ear: Ear) -> None:
    with Phones(lab, [PHONE], Phone(ring_s=None)) as phones:
        leg = await dialled(ear)
        await ear.event(LegRinging, channel=leg)
        await ear.switch.hang_up(channel=leg)
        ended = await ear.event(LegEnded, channel=leg)
        await eventually(lambda: phones.calls()[0].cancelled_at is not None)
        (rang,) = phones.calls_to(PHONE)
    assert rang.cancelled_at is not None
    assert abs((rang.cancelled_at - ended.at).total_seconds()) < 0.2


async def test_a_phone_that_hangs_up_ends_its_leg(lab: Lab, ear: Ear) -> None:
    with Phones(lab, [PHONE], Phone(talk_s=0.5)) as phones:
        leg = await dialled(ear)
        ended = await ear.event(LegEnded, channel=leg)
        (rang,) = phones.calls_to(PHONE)
    assert (ended.cause, rang.ended_by) == (Cause.NORMAL_CLEARING, "self")


async def test_keys_are_told_in_order(lab: Lab, ear: Ear) -> None:
    caller = call(lab, Caller(to="4001", keys="1*#9", talk_s=0.6))
    arrived = await ear.event(CallArrived)
    await ear.switch.answer(channel=arrived.channel)
    await ear.event(LegEnded, channel=arrived.channel)
    await finished(caller)
    assert [pressed.digit for pressed in ear.of(KeyPressed, channel=arrived.channel)] == ["1", "*", "#", "9"]


async def test_unknown_and_unregistered_phones_are_refused(ear: Ear) -> None:
    with pytest.raises(SwitchRefused):
        await dialled(ear, endpoint="nobody-1")
    with pytest.raises(SwitchRefused):
        await dialled(ear, endpoint="lab-1003")


async def test_dialling_twice_with_one_id_rings_once(lab: Lab) -> None:
    leg = new_id()
    with Phones(lab, [PHONE], Phone()) as phones:
        async with connected(lab) as ear:
            await ear.switch.dial(channel=leg, endpoint=PHONE)
            await ear.event(LegAnswered, channel=leg)
            await ear.switch.dial(channel=leg, endpoint=PHONE)
        async with connected(lab) as successor:
            await successor.switch.dial(channel=leg, endpoint=PHONE)
            await successor.switch.hang_up(channel=leg)
            await successor.event(LegEnded, channel=leg)
        assert len(phones.calls_to(PHONE)) == 1


async def test_a_leg_carries_the_headers_it_is_given(lab: Lab, ear: Ear) -> None:
    with Phones(lab, [PHONE], Phone(status=486)) as phones:
        leg = new_id()
        await ear.switch.dial(channel=leg, endpoint=PHONE, headers={"X-Hotseat-Leg": leg})
        await ear.event(LegEnded, channel=leg)
        (rang,) = phones.calls_to(PHONE)
    assert rang.header("X-Hotseat-Leg") == leg


@pytest.mark.parametrize(
    ("from_header", "headers", "presentation", "ani"),
    [
        (
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            ("Privacy: id", "P-Asserted-Identity: <sip:+8613800138000@127.0.0.1>"),
            Presentation.RESTRICTED,
            "+8613800138000",
        ),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', (), Presentation.RESTRICTED, ""),
        ("<sip:127.0.0.1>", (), Presentation.UNAVAILABLE, ""),
        ("<sip:%27%22%3C--,@127.0.0.1>", (), Presentation.ALLOWED, "'\"<--,"),
    ],
    ids=["asserted but private", "anonymous", "no number", "malformed"],
)
async def test_hidden_and_malformed_callers_arrive(
    lab: Lab, ear: Ear, *, from_header: str, headers: tuple[str, ...], presentation: Presentation, ani: str
) -> None:
    caller = call(lab, Caller(to="4001", from_header=from_header, headers=headers))
    arrived = await ear.event(CallArrived)
    await ear.switch.hang_up(channel=arrived.channel, cause=Cause.CALL_REJECTED)
    far = await finished(caller)
    assert (arrived.ani_presentation, arrived.ani) == (presentation, ani)
    assert far.final_status == 403


async def test_a_caller_who_gives_up_unanswered_ends(lab: Lab, ear: Ear) -> None:
    caller = call(lab, Caller(to="4001", patience_s=0.5))
    arrived = await ear.event(CallArrived)
    await ear.switch.indicate_ringing(channel=arrived.channel)
    ended = await ear.event(LegEnded, channel=arrived.channel)
    far = await finished(caller)
    assert (ended.cause, ended.sip_status) == (Cause.NORMAL_CLEARING, 487)
    assert (far.ended_by, far.final_status, far.answered_at) == ("self", 487, None)
    assert far.ringing_at is not None


async def test_with_no_worker_a_caller_rings_and_is_picked_up_later(lab: Lab) -> None:
    caller = call(lab, Caller(to="4001", talk_s=0.5))
    await eventually(lambda: any(far.ringing_at for far in caller.calls()))
    async with connected(lab) as ear:
        arrived = await ear.event(CallArrived, timeout_s=3)
        await ear.switch.answer(channel=arrived.channel)
        await ear.event(LegEnded, channel=arrived.channel)
    far = await finished(caller)
    assert far.ringing_at is not None
    assert far.final_status == 200


async def test_a_successor_finds_the_calls_it_was_never_told_of(lab: Lab) -> None:
    caller = call(lab, Caller(to="4001", talk_s=30))
    with Phones(lab, [PHONE], Phone(ring_s=None)):
        async with connected(lab) as ear:
            arrived = await ear.event(CallArrived)
            await ear.switch.answer(channel=arrived.channel)
            await ear.event(LegAnswered, channel=arrived.channel)
            leg = await dialled(ear)
            await ear.event(LegRinging, channel=leg)
        async with connected(lab) as successor:
            found = {channel.id: channel for channel in await successor.switch.channels()}
            await successor.switch.hang_up(channel=leg)
            await successor.switch.hang_up(channel=arrived.channel)
            await successor.event(LegEnded, channel=leg)
            await successor.event(LegEnded, channel=arrived.channel)
    await finished(caller)
    incoming = found[arrived.channel]
    assert incoming.answered
    assert incoming.ours
    assert incoming.arrival is not None
    assert (incoming.arrival.dnis, incoming.arrival.key) == ("4001", arrived.key)
    assert incoming.arrival.sip_call_id == arrived.sip_call_id
    assert found[leg].ours
    assert not found[leg].answered
    assert found[leg].arrival is None


async def test_prompts_are_played_and_told_finished_or_failed(lab: Lab, ear: Ear) -> None:
    prompt = Path(lab.sounds_dir) / f"test-{new_id()}"
    file = prompt.with_suffix(".wav")
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\x10" * 2400)
    try:
        caller = call(lab, Caller(to="4001", talk_s=10))
        arrived = await ear.event(CallArrived)
        await ear.switch.answer(channel=arrived.channel)
        twice, missing = new_id(), new_id()
        await ear.switch.play(channel=arrived.channel, playback=twice, media=[str(prompt), str(prompt)])
        played = await ear.event(PlaybackFinished, playback=twice)
        await ear.switch.play(channel=arrived.channel, playback=missing, media=[f"{prompt}-missing"])
        failed = await ear.event(PlaybackFinished, playback=missing)
        await ear.switch.stop_playback(playback=twice)
        await ear.switch.hang_up(channel=arrived.channel)
        far = await finished(caller)
    finally:
        await asyncio.to_thread(file.unlink)
    answered = ear.of(LegAnswered, channel=arrived.channel)[0]
    assert not played.failed
    assert 0.5 < (played.at - answered.at).total_seconds() < 0.9
    assert failed.failed
    assert far.ended_by == "peer"


async def test_commands_for_a_channel_that_is_gone(ear: Ear) -> None:
    gone = new_id()
    with pytest.raises(ChannelGone):
        await ear.switch.answer(channel=gone)
    with pytest.raises(ChannelGone):
        await ear.switch.bridge(bridge=gone, channels=[gone])
    await ear.switch.hang_up(channel=gone)
    await ear.switch.stop_music(channel=gone)
    await ear.switch.unbridge(bridge=gone, channel=gone)
    await ear.switch.destroy_bridge(bridge=gone)
    await ear.switch.destroy_bridge(bridge=gone)


async def test_a_registration_changes_its_endpoint(lab: Lab, ear: Ear) -> None:
    with Phones(lab, ["lab-1002"], Phone()):
        await ear.event(EndpointChanged, endpoint="lab-1002", reachable=True)
        reachable = {found.endpoint: found.reachable for found in await ear.switch.endpoints()}
    await ear.event(EndpointChanged, endpoint="lab-1002", reachable=False)
    assert (reachable["lab-1002"], reachable["lab-1003"]) == (True, False)


async def test_a_wedged_exchange_is_found_lost_and_then_found_again(lab: Lab, ear: Ear) -> None:
    alive = await ear.event(SwitchAlive)
    os.kill(lab.pid, signal.SIGSTOP)
    try:
        with pytest.raises(SwitchUnavailable):
            await ear.switch.channels()
        lost = await ear.event(SwitchLost, timeout_s=8)
    finally:
        os.kill(lab.pid, signal.SIGCONT)
    assert lost.at >= alive.at
    await ear.event(SwitchConnected, number=2)
    caller = call(lab, Caller(to="4001"))
    arrived = await ear.event(CallArrived)
    await ear.switch.hang_up(channel=arrived.channel)
    await finished(caller)
