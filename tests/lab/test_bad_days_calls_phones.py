"""Phones on a bad day: they ring and ring, are out of service, say nothing, put the caller on hold, or transfer by
themselves. On Asterisk, by SIPp's clock.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.public import SessionState, set_ready
from deploy.lab.exchange import Lab
from deploy.lab.rtp_watch import RtpWatch
from deploy.lab.sipp import Caller, Phone
from deploy.lab.sipp_log import messages
from routing.states import ContactState, EndReason, OfferState, SegmentKind
from tests import factories
from tests.lab.far_ends import FarEnds, over
from tests.lab.lines import make_line
from tests.lab.settled import metered_s, place_of, settled
from tests.lab.stack import in_state, record_of, seat, working
from tests.waiting import eventually

pytestmark = pytest.mark.lab

RING_S = 3
MISSED, UNREACHABLE = "missed", "unreachable"


@pytest.mark.parametrize(
    ("phone", "state", "reason", "within_s"),
    [
        (Phone(ring_s=None), OfferState.TIMED_OUT, MISSED, RING_S + 3),
        (Phone(status=480), OfferState.TIMED_OUT, UNREACHABLE, 1.5),
        (Phone(status=503), OfferState.FAILED, UNREACHABLE, 1.5),
        (Phone(status=404), OfferState.FAILED, UNREACHABLE, 1.5),
        (Phone(silent=True), OfferState.TIMED_OUT, UNREACHABLE, RING_S + 3),
    ],
    ids=["180 without answer", "480", "503", "404", "no response"],
)
async def test_a_phone_that_cannot_take_the_call_gives_it_to_the_next_agent(
    lab: Lab, far_ends: FarEnds, *, phone: Phone, state: OfferState, reason: str, within_s: float
) -> None:
    """kazoo#6609: missed calls end in a reason that is seen and that the agent can undo. asterisk#1557: no doubles."""
    line = await sync_to_async(make_line)(ring_seconds=RING_S)
    bad, good = [await sync_to_async(seat)(lab, line.tenant) for _ in range(2)]
    with (
        far_ends.phones([bad.station.endpoint], phone) as dead,
        far_ends.phones([good.station.endpoint], Phone()) as alive,
    ):
        async with working(lab):
            far = await over(far_ends.call(Caller(to=line.number, talk_s=1.0)))
            (contact,) = await settled(lab, line.tenant, 1)
            rang = (len(dead.calls()), len(alive.calls()))
            blamed = await sync_to_async(factories.reread)(bad.session)
            back = await sync_to_async(set_ready)(
                tenant_id=line.tenant.id, session_id=bad.session.id, actor=factories.ACTOR
            )
    assert far.answered_at is not None
    assert (far.answered_at - far.invite_at).total_seconds() < within_s
    found = await sync_to_async(record_of)(contact)
    assert [(offer.state, offer.session_id) for offer in found["offers"]] == [
        (state, bad.session.id),
        (OfferState.CONNECTED, good.session.id),
    ]
    assert {offer.decision["order_at"] for offer in found["offers"]} == {place_of(contact)}
    assert (rang, contact.end_reason) == ((1, 1), EndReason.HANDLED)
    assert (blamed.state, blamed.reason.system_code) == (SessionState.NOT_READY, reason)
    assert back.state == SessionState.READY


async def test_a_dead_phone_does_not_hold_up_the_queue(lab: Lab, far_ends: FarEnds) -> None:
    """freeswitch#1216: one unreachable agent held up the queue."""
    line = await sync_to_async(make_line)(ring_seconds=8)
    dead, living = [await sync_to_async(seat)(lab, line.tenant) for _ in range(2)]
    with (
        far_ends.phones([dead.station.endpoint], Phone(silent=True)) as silent,
        far_ends.phones([living.station.endpoint], Phone()) as answering,
    ):
        async with working(lab):
            first = far_ends.call(Caller(to=line.number, number="447700900201", talk_s=0.5))
            await eventually(silent.calls)
            others = []
            for turn in range(3):
                far = await over(far_ends.call(Caller(to=line.number, number=f"44770090021{turn}", talk_s=0.3)))
                others.append(far)
            assert len(silent.calls()) == 1
            assert await sync_to_async(in_state)(line.tenant, ContactState.OFFERED), "the dead phone still has its time"
            last = await over(first)
            await settled(lab, line.tenant, 4)
            served = len(answering.calls())
    waits = [(far.answered_at - far.invite_at).total_seconds() for far in others if far.answered_at]
    assert len(waits) == 3
    assert max(waits) < 1.5, waits
    assert (last.answered_at is not None, served) == (True, 4)


async def test_a_phone_puts_the_caller_on_hold_and_takes_them_back(lab: Lab, far_ends: FarEnds) -> None:
    """asterisk#759, FreePBX#124: hold is a stretch of its own; talk time is not inflated by it."""
    line = await sync_to_async(make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    phone = Phone(deeds=(("hold", 1.0), ("retrieve", 2.0)))
    with RtpWatch() as sound, far_ends.phones([agent.station.endpoint], phone) as phones:
        async with working(lab):
            far = await over(far_ends.call(Caller(to=line.number, talk_s=5.0)))
            (contact,) = await settled(lab, line.tenant, 1)
            (rang,) = phones.calls()
            sound.fill([far])
    found = await sync_to_async(record_of)(contact)
    kinds = [row.kind for row in found["segments"]]
    assert kinds[3:] == [SegmentKind.TALK, SegmentKind.HOLD, SegmentKind.TALK]
    assert len(rang.reinvites) == 2
    held = found["segments"][4]
    assert abs(_seconds(held) - (rang.reinvites[1] - rang.reinvites[0]).total_seconds()) < 0.2
    assert sum(_seconds(row) for row in found["segments"][3:]) == pytest.approx(far.talk_seconds, abs=1)
    assert abs(metered_s(contact) - far.talk_seconds) < 1
    assert (far.ended_by, contact.end_reason) == ("self", EndReason.HANDLED)
    assert far.first_rtp_at is not None


async def test_a_caller_who_hangs_up_on_hold_ends_the_hold(lab: Lab, far_ends: FarEnds) -> None:
    line = await sync_to_async(make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    with far_ends.phones([agent.station.endpoint], Phone(deeds=(("hold", 0.5),))) as phones:
        async with working(lab):
            await over(far_ends.call(Caller(to=line.number, talk_s=2.5)))
            (contact,) = await settled(lab, line.tenant, 1)
            await eventually(lambda: phones.calls()[0].bye_at)
    found = await sync_to_async(record_of)(contact)
    assert [row.kind for row in found["segments"]][3:] == [SegmentKind.TALK, SegmentKind.HOLD]
    assert (contact.end_reason, found["segments"][-1].ended_at) == (EndReason.HANDLED, contact.ended_at)


async def test_a_phones_own_transfer_is_declined_and_the_call_goes_on(lab: Lab, far_ends: FarEnds) -> None:
    """asterisk#759, FreePBX#124: transfers missing from the record. A REFER is declined: transfer is the desk's."""
    line = await sync_to_async(make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    phone = Phone(deeds=(("refer", 1.0),), refer_to="15550009999")
    with far_ends.phones([agent.station.endpoint], phone) as phones:
        async with working(lab):
            far = await over(far_ends.call(Caller(to=line.number, talk_s=3.0)))
            contacts = await settled(lab, line.tenant, 1)
            told = await asyncio.to_thread(lambda: list(messages(phones.log)))
            (rang,) = phones.calls()
    assert [message.status for message in told if message.method == "REFER"] == [None, 603]
    (contact,) = contacts
    found = await sync_to_async(record_of)(contact)
    assert [row.kind for row in found["segments"]][3:] == [SegmentKind.TALK]
    assert len(found["legs"]) == 2
    assert (far.ended_by, rang.ended_by, contact.end_reason) == ("self", "peer", EndReason.HANDLED)
    assert far.talk_seconds == pytest.approx(3.0, abs=0.5)


def _seconds(segment: Any) -> float:
    length: float = (segment.ended_at - segment.started_at).total_seconds()
    return length
