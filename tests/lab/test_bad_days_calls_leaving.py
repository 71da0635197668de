"""Somebody leaves at a bad moment: the caller while the agent's phone rings or is just picked up, the agent before the
two are joined. On Asterisk, by SIPp's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest
from asgiref.sync import sync_to_async

from agents.public import SessionState
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Phone, Phones
from deploy.lab.sipp_log import FarCall
from routing.states import EndReason, OfferState, SegmentKind
from routing.switch.asterisk import AsteriskSwitch
from tests import factories
from tests.lab.far_ends import FarEnds, left_at, over
from tests.lab.lines import answered_line, make_line
from tests.lab.settled import metered_s, place_of, settled
from tests.lab.stack import record_of, seat, working
from tests.waiting import eventually

pytestmark = pytest.mark.lab

SILENT_WITHIN_S = 0.2
RINGS_S = 0.6
ROUNDS = 5


@pytest.mark.parametrize("answered", [False, True], ids=["CANCEL", "BYE"])
async def test_a_phone_is_silent_within_200_ms_when_its_caller_hangs_up(
    lab: Lab, far_ends: FarEnds, request: pytest.FixtureRequest, answered: bool
) -> None:
    """freeswitch#2529: caller gone, the agent still rang."""
    line = await sync_to_async(answered_line if answered else make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    late = []
    with far_ends.phones([agent.station.endpoint], Phone(ring_s=None)) as phones:
        async with working(lab):
            for turn in range(ROUNDS):
                caller = far_ends.call(Caller(to=line.number, number=f"44770090000{turn}", talk_s=1.5, patience_s=1.5))
                far = await over(caller)
                (rang,) = await eventually(partial(_silent, phones, turn))
                assert rang.ringing_at is not None
                assert rang.ringing_at < left_at(far)
                late.append((left_at(rang) - left_at(far)).total_seconds())
                assert (far.bye_at is not None) == answered
            contacts = await settled(lab, line.tenant, ROUNDS)
    request.node.user_properties.append(("silent_after_ms", [round(1000 * each) for each in late]))
    session = await sync_to_async(factories.reread)(agent.session)
    assert {row.end_reason for row in contacts} <= {EndReason.ABANDONED, EndReason.SHORT_ABANDONED}
    found = [(await sync_to_async(record_of)(row))["offers"] for row in contacts]
    assert [[(offer.state, offer.cause) for offer in offers] for offers in found] == [
        [(OfferState.RESCINDED, "caller-left")]
    ] * ROUNDS
    assert session.state == SessionState.READY, "the agent has missed nothing"
    assert max(late) <= SILENT_WITHIN_S, f"the phone rang on for {[round(1000 * each) for each in late]} ms"


def _silent(phones: Phones, turn: int) -> list[FarCall]:
    """The so-manieth call of the phone, once it was cancelled."""
    return [far for far in phones.calls()[turn : turn + 1] if far.cancelled_at]


def _rang(phones: Phones, turn: int) -> bool:
    return len(phones.calls()) > turn


async def test_an_agent_answers_in_the_same_instant_as_the_caller_leaves(lab: Lab, far_ends: FarEnds) -> None:
    """freeswitch#2529: looked at again before bridging. From 150 ms before the answer to 150 ms after it."""
    line = await sync_to_async(make_line)(short_abandon_seconds=0)
    offsets = [step * 0.025 - 0.15 for step in range(13)]
    agents = [await sync_to_async(seat)(lab, line.tenant) for _ in offsets]
    with far_ends.phones([agent.station.endpoint for agent in agents], Phone(ring_s=RINGS_S)) as phones:
        async with working(lab):
            callers = []
            for turn, offset in enumerate(offsets):
                who = Caller(
                    to=line.number, number=f"4477009001{turn:02d}", patience_s=RINGS_S + 0.1 + offset, talk_s=0.05
                )
                callers.append(far_ends.call(who))
                await eventually(partial(_rang, phones, turn))
            fars = [await over(caller) for caller in callers]
            contacts = await settled(lab, line.tenant, len(offsets))
            rang = await eventually(lambda: _all_over(phones, len(offsets)))
    answered = [far for far in rang if far.answered_at]
    assert 0 < len(answered) < len(offsets), "both sides of the instant were tried"
    offers = [(await sync_to_async(record_of)(row))["offers"] for row in contacts]
    assert [len(each) for each in offers] == [1] * len(offsets), "each caller rang one phone"
    assert {row.end_reason for row in contacts} <= {EndReason.HANDLED, EndReason.ABANDONED}
    gone = max(left_at(far) for far in fars)
    assert max(left_at(far) for far in rang) - gone < timedelta(seconds=1), "no phone is left off the hook"
    sessions = [await sync_to_async(factories.reread)(agent.session) for agent in agents]
    assert [(session.state, str(session.reason)) for session in sessions] == [(SessionState.READY, "None")] * len(
        agents
    )


def _all_over(phones: Phones, count: int) -> Sequence[FarCall]:
    found = [far for far in phones.calls() if far.bye_at or far.cancelled_at]
    return found if len(found) == count else []


class BridgesLate(AsteriskSwitch):
    """Joins two legs only when the test says so: the way there is as long as the test needs it."""

    may_bridge: asyncio.Event

    async def bridge(self, *, bridge: str, channels: Sequence[str]) -> None:
        await self.may_bridge.wait()
        await super().bridge(bridge=bridge, channels=channels)


@pytest.mark.parametrize("answered", [False, True], ids=["unanswered", "answered"])
async def test_an_agent_hangs_up_between_answer_and_bridge(lab: Lab, far_ends: FarEnds, answered: bool) -> None:
    """asterisk#1557: everyone rang again, the record doubled. Here the caller keeps the place, the next rings once."""
    line = await sync_to_async(answered_line if answered else make_line)()
    hasty, steady = [await sync_to_async(seat)(lab, line.tenant) for _ in range(2)]
    BridgesLate.may_bridge = asyncio.Event()
    with (
        far_ends.phones([hasty.station.endpoint], Phone(talk_s=0.05, speaks_s=0)) as first,
        far_ends.phones([steady.station.endpoint], Phone(ring_s=0.3)) as second,
    ):
        async with working(lab, adapter=BridgesLate):
            caller = far_ends.call(Caller(to=line.number, talk_s=4.0))
            await eventually(lambda: first.calls() and first.calls()[0].bye_at)
            BridgesLate.may_bridge.set()
            far = await over(caller)
            (contact,) = await settled(lab, line.tenant, 1)
            rang = [len(phones.calls()) for phones in (first, second)]
    found = await sync_to_async(record_of)(contact)
    assert rang == [1, 1], "each phone rang once"
    assert [(offer.state, offer.cause, offer.session_id) for offer in found["offers"]] == [
        (OfferState.FAILED, "left-before-bridge", hasty.session.id),
        (OfferState.CONNECTED, "", steady.session.id),
    ]
    assert {offer.decision["order_at"] for offer in found["offers"]} == {place_of(contact)}
    assert [row.kind for row in found["segments"]] == [
        SegmentKind.FLOW,
        SegmentKind.QUEUE,
        SegmentKind.RING,
        SegmentKind.QUEUE,
        SegmentKind.RING,
        SegmentKind.TALK,
    ]
    assert contact.end_reason == EndReason.HANDLED
    assert abs(metered_s(contact) - far.talk_seconds) < 1
    session = await sync_to_async(factories.reread)(hasty.session)
    assert (session.state, session.backoff_until is not None) == (SessionState.READY, True)
