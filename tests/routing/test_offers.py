"""An offer's life: accepted once or over once, and what becomes of the agent and of the caller's place."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from agents.public import SessionState, set_ready
from routing.models import CommandKind, Exclusion, Participation, SlotHold
from routing.node.handling import handle
from routing.public import accept_offer, reject_offer
from routing.services.situation import bridge_id
from routing.states import ContactState, EndReason, OfferState
from routing.switch.port import Cause, LegBridged
from tenants.public import Conflict, Invalid, NotFound, engine_scope, fire_due_timers
from tests import factories
from tests.agents.races import run_together
from tests.routing import calls
from tests.routing.matching import crowd
from tests.routing.ringing import DESK, LOCK_CONTACT, accept, due, fire, reject, ringing, seated, timer_kinds

# --- accepting --------------------------------------------------------------------------------------------------------


def test_an_answered_phone_accepts_and_joins_the_two_once() -> None:
    _, _, contact, offer = ringing()
    for _ in range(3):
        calls.agent_answers(offer)
    after = calls.offer_of(contact)
    assert (after.state, after.fence, calls.now_of(contact).state) == ("accepted", 2, ContactState.CONNECTING)
    (bridge,) = calls.commands(contact, CommandKind.BRIDGE)
    assert bridge.arguments == {"bridge": bridge_id(offer.id), "channels": [contact.caller_channel, offer.leg_channel]}
    assert len(calls.commands(contact, CommandKind.ANSWER)) == 1
    assert due("offer-lease", offer.id).data == {"contact": str(contact.id), "fence": 2}


def test_both_sides_in_the_bridge_make_a_participation_that_holds_the_slot() -> None:
    _, session, contact, offer = ringing()
    calls.talk(contact)
    calls.bridged(contact, offer)
    with engine_scope(read_only=True):
        participation = Participation.objects.get(contact_id=contact.id)
        hold = SlotHold.objects.get()
    assert (participation.session_id, hold.participation_id, hold.offer_id) == (session.id, participation.id, None)
    assert calls.offer_of(contact).state == OfferState.CONNECTED
    assert timer_kinds(offer.id) == []


def test_a_desk_accepts_and_its_phone_is_called_to_answer_by_itself() -> None:
    _, _, contact, offer = ringing(answer_mode=DESK)
    assert calls.commands(contact, CommandKind.DIAL) == []
    accept(offer)
    (dial,) = calls.commands(contact, CommandKind.DIAL)
    assert dial.arguments["channel"] == offer.leg_channel
    assert "answer-after=0" in dial.arguments["headers"]["Call-Info"]
    assert calls.offer_of(contact).state == OfferState.ACCEPTED
    calls.talk(contact)


def test_accepting_twice_dials_once() -> None:
    _, _, contact, offer = ringing(answer_mode=DESK)
    accept(offer)
    with pytest.raises(Conflict) as refused:
        accept(offer)
    assert refused.value.code == "offer-over"
    assert len(calls.commands(contact, CommandKind.DIAL)) == 1


def test_two_desks_that_accept_at_once_dial_once(admin_database_url: str) -> None:
    _, _, contact, offer = ringing(answer_mode=DESK)
    outcomes = run_together(
        admin_database_url, [lambda: accept(offer)] * 2, locked_by=LOCK_CONTACT, values=(contact.id,)
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
    assert len(calls.commands(contact, CommandKind.DIAL)) == 1


def test_a_ringing_phone_is_answered_there_and_not_at_the_desk() -> None:
    _, _, contact, offer = ringing()
    with pytest.raises(Conflict) as refused:
        accept(offer)
    assert (refused.value.code, calls.offer_of(contact).state) == ("answer-on-phone", OfferState.OFFERED)


def test_somebody_elses_offer_does_not_exist() -> None:
    line, _, contact, offer = ringing(answer_mode=DESK)
    colleague = factories.make_session(line.tenant)
    stranger = factories.make_session(factories.make_tenant())
    for session in (colleague, stranger):
        for act in (accept_offer, reject_offer):
            extra = {"reason": "agent"} if act is reject_offer else {}
            with pytest.raises(NotFound):
                act(tenant_id=session.tenant_id, offer_id=offer.id, session_id=session.id, actor="agent:2", **extra)
    assert calls.offer_of(contact).state == OfferState.OFFERED


# --- ways out ---------------------------------------------------------------------------------------------------------


def test_a_reject_excludes_backs_off_and_comes_again_later() -> None:
    line, session, contact, offer = ringing(answer_mode=DESK)
    place = calls.now_of(contact).order_at
    reject(offer)
    after = calls.now_of(contact)
    assert (after.state, after.order_at, calls.offer_of(contact).state) == ("queued", place, OfferState.REJECTED)
    assert timer_kinds(session.id) == ["back-off"]
    slot = factories.slot_of(session)
    assert (slot.open, slot.held) == (False, False)
    with engine_scope(read_only=True):
        exclusion = Exclusion.objects.get(contact_id=contact.id, session_id=session.id)

    # Another contact does not ring there either, before the back-off ends.
    other = calls.call(line.number)
    assert calls.now_of(other).state == ContactState.QUEUED
    fire("back-off", session.id)
    calls.pair_up(other, session)
    calls.caller_hangs_up(other)
    # The one that was rejected waits for its exclusion to end.
    assert calls.now_of(contact).state == ContactState.QUEUED
    fire("exclusion", exclusion.id)
    assert [row.state for row in calls.offers_of(contact)] == [OfferState.REJECTED, OfferState.OFFERED]
    calls.pair_up(contact, session)


def test_after_a_reject_the_next_agent_is_asked_at_once() -> None:
    line, session, contact, offer = ringing(answer_mode=DESK)
    other = seated(line)
    reject(offer)
    calls.pair_up(contact, other)
    assert not factories.slot_of(session).held


def test_an_unanswered_offer_makes_the_agent_not_ready_who_can_come_back() -> None:
    line, session, contact, offer = ringing()
    other = seated(line)
    calls.rings(offer)
    calls.leg_ends(offer.leg_channel, cause=Cause.NO_ANSWER, sip_status=480)
    missed = factories.reread(session)
    assert (missed.state, missed.reason.system_code) == (SessionState.NOT_READY, "missed")
    calls.pair_up(contact, other)
    assert calls.offers_of(contact)[0].state == OfferState.TIMED_OUT
    # They recover by themselves, and the next caller rings there.
    set_ready(tenant_id=line.tenant.id, session_id=session.id, actor="agent:1")
    calls.pair_up(calls.call(line.number), session)


@pytest.mark.parametrize("rang", [True, False])
def test_the_lease_heals_an_offer_of_which_nothing_more_is_heard(admin_database_url: str, *, rang: bool) -> None:
    _, session, contact, offer = ringing()
    if rang:
        calls.rings(offer)
    _make_due(admin_database_url, offer.id)
    assert fire_due_timers() >= 1
    # Only one whose phone rang has missed it; the other is left in peace for a moment.
    after = factories.reread(session)
    assert (calls.offer_of(contact).state, after.state, after.reason and after.reason.system_code) == (
        (OfferState.TIMED_OUT, SessionState.NOT_READY, "missed")
        if rang
        else (OfferState.FAILED, SessionState.READY, None)
    )
    assert timer_kinds(session.id) == ([] if rang else ["back-off"])
    assert (factories.slot_of(session).held, calls.now_of(contact).state) == (False, ContactState.QUEUED)
    assert calls.hung_up(contact) == [offer.leg_channel]


def _make_due(url: str, subject: UUID) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "UPDATE tenants_timer SET due_at = clock_timestamp() - interval '1 second' WHERE subject_id = %s", [subject]
        )


@pytest.mark.parametrize(
    ("rang", "cause", "state", "agent", "reason"),
    [
        (True, Cause.USER_BUSY, OfferState.REJECTED, SessionState.READY, None),
        (True, Cause.CALL_REJECTED, OfferState.REJECTED, SessionState.READY, None),
        (True, Cause.NO_ANSWER, OfferState.TIMED_OUT, SessionState.NOT_READY, "missed"),
        (True, Cause.NO_USER_RESPONDING, OfferState.TIMED_OUT, SessionState.NOT_READY, "missed"),
        (False, Cause.NO_ANSWER, OfferState.TIMED_OUT, SessionState.NOT_READY, "unreachable"),
        (False, Cause.SUBSCRIBER_ABSENT, OfferState.FAILED, SessionState.NOT_READY, "unreachable"),
        (False, Cause.CONGESTION, OfferState.FAILED, SessionState.NOT_READY, "unreachable"),
    ],
)
def test_what_the_phone_says_decides_what_becomes_of_the_agent(
    rang: bool, cause: int, state: str, agent: str, reason: str | None
) -> None:
    _, session, contact, offer = ringing()
    if rang:
        calls.rings(offer)
    place = calls.now_of(contact).order_at
    calls.leg_ends(offer.leg_channel, cause=cause)
    calls.leg_ends(offer.leg_channel, cause=Cause.NORMAL_CLEARING)
    after, now = factories.reread(session), calls.now_of(contact)
    assert (calls.offer_of(contact).state, after.state) == (state, agent)
    assert (after.reason.system_code if after.reason else None) == reason
    assert (now.state, now.order_at) == (ContactState.QUEUED, place)
    assert timer_kinds(session.id) == (["back-off"] if agent == SessionState.READY else [])
    # The leg is over: nobody needs to be told to hang up.
    assert calls.hung_up(contact) == []
    crowd.expect_consistent(contact.tenant)


def test_the_caller_who_hangs_up_while_it_rings_silences_the_phone_at_once() -> None:
    line, session, contact, offer = ringing(short_abandon_seconds=0)
    calls.rings(offer)
    calls.caller_hangs_up(contact)
    after = calls.now_of(contact)
    assert (after.state, after.end_reason) == (ContactState.ENDED, EndReason.ABANDONED)
    assert calls.offer_of(contact).state == OfferState.RESCINDED
    assert calls.hung_up(contact) == [offer.leg_channel]
    # The agent is free for the next, whom nobody had to sweep up.
    calls.pair_up(calls.call(line.number), session)


def test_an_answer_that_comes_after_the_end_is_hung_up() -> None:
    _, _, contact, offer = ringing()
    calls.caller_hangs_up(contact)
    before = len(calls.hung_up(contact))
    calls.agent_answers(offer)
    assert calls.hung_up(contact)[before:] == [offer.leg_channel]
    assert calls.commands(contact, CommandKind.BRIDGE) == []


def test_an_agent_who_leaves_between_answer_and_bridge_keeps_the_callers_place() -> None:
    line, session, contact, offer = ringing()
    place = calls.now_of(contact).order_at
    behind = calls.call(line.number)
    calls.agent_answers(offer)
    calls.leg_ends(offer.leg_channel)
    after = calls.now_of(contact)
    assert (after.state, after.order_at, after.connected_at) == (ContactState.QUEUED, place, None)
    assert (calls.offer_of(contact).state, calls.offer_of(contact).cause) == (OfferState.FAILED, "left-before-bridge")
    assert timer_kinds(session.id) == ["back-off"]
    # The next agent gets the one who came first, once; the record has two rings and one talk.
    other = seated(line)
    calls.pair_up(contact, other)
    assert calls.now_of(behind).state == ContactState.QUEUED
    calls.talk(contact)
    assert calls.segments(contact) == ["flow", "queue", "ring", "queue", "ring", "talk"]


def test_the_caller_in_the_bridge_alone_is_not_engaged() -> None:
    _, _, contact, offer = ringing()
    calls.agent_answers(offer)
    calls.caller_is_answered(contact)
    caller, bridge = contact.caller_channel, bridge_id(offer.id)
    handle(LegBridged(channel=caller, bridge=bridge, members=(caller,), at=datetime.now(UTC)), node=calls.NODE)
    assert calls.now_of(contact).state == ContactState.CONNECTING


def test_an_offer_is_rejected_for_a_reason_of_the_list_only() -> None:
    """The event log holds nothing personal, so nobody may write into it freely."""
    _, _, contact, offer = ringing(answer_mode=DESK)
    with pytest.raises(Invalid, match="Mrs Wang"):
        reject_offer(
            tenant_id=offer.tenant_id,
            offer_id=offer.id,
            session_id=offer.session_id,
            reason="Mrs Wang 13800138000",
            actor="agent:1",
        )
    assert calls.offer_of(contact).state == OfferState.OFFERED
