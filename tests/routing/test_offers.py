"""An offer's life: accepted once or over once, whoever comes at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from agents.public import AgentSession, SessionState, Station, set_ready
from config.hints import listening_locally
from routing.models import CommandKind, Contact, Exclusion, Offer, Participation, SlotHold, SwitchCommand
from routing.node.handling import handle
from routing.public import accept_offer, end_contact, finish_wrap_up, reject_offer
from routing.services.commands import switch_hint
from routing.services.situation import bridge_id
from routing.states import LIVE_OFFER, ContactState, EndReason, OfferState, SegmentKind
from routing.switch.port import Cause, LegBridged
from tenants import timers
from tenants.models import Timer
from tenants.public import (
    Conflict,
    Due,
    HotseatError,
    Invalid,
    NotFound,
    engine_scope,
    fire_due_timers,
    hint,
    request_match,
    tenant_scope,
)
from tests import factories
from tests.agents.races import run_together
from tests.routing import calls
from tests.routing.matching import crowd

DESK, PHONE = Station.AnswerMode.DESK, Station.AnswerMode.PHONE
LOCK_CONTACT = "SELECT 1 FROM routing_contact WHERE id = %s FOR UPDATE"


def ringing(*, answer_mode: str = PHONE, **queue: Any) -> tuple[calls.Line, AgentSession, Contact, Offer]:
    """A caller who rings at the only agent's."""
    line = calls.make_line(**queue)
    session = seated(line, answer_mode=answer_mode)
    contact = calls.call(line.number)
    calls.pair_up(contact, session)
    return line, session, contact, calls.offer_of(contact)


def seated(line: calls.Line, *, answer_mode: str = PHONE) -> AgentSession:
    return factories.make_session(
        line.tenant, station=factories.make_station(line.tenant, answer_mode=answer_mode), ready=True
    )


def accept(offer: Offer) -> None:
    accept_offer(tenant_id=offer.tenant_id, offer_id=offer.id, session_id=offer.session_id, actor="agent:1")


def reject(offer: Offer) -> None:
    reject_offer(
        tenant_id=offer.tenant_id, offer_id=offer.id, session_id=offer.session_id, reason="agent", actor="agent:1"
    )


def due(kind: str, subject: UUID) -> Due:
    """The subject's timer, as an engine would find it when it is due."""
    with engine_scope(read_only=True):
        row = Timer.objects.get(kind=kind, subject_id=subject)
        return Due(row.id, row.tenant_id, row.kind, row.subject_id, row.due_at, row.data)


def timer_kinds(*subjects: UUID) -> list[str]:
    with engine_scope(read_only=True):
        return sorted(Timer.objects.filter(subject_id__in=subjects).values_list("kind", flat=True))


def holds() -> int:
    with engine_scope(read_only=True):
        return SlotHold.objects.count()


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


# --- at the same time -------------------------------------------------------------------------------------------------


def _one_outcome(contact: Contact, offer: Offer) -> str:
    """Check that exactly one thing has happened to the offer, and nothing is left of it."""
    (after,) = [row for row in calls.offers_of(contact) if row.id == offer.id]
    with engine_scope(read_only=True):
        held = SlotHold.objects.filter(offer_id=offer.id).count()
    assert held == (1 if after.state in LIVE_OFFER else 0)
    crowd.expect_consistent(contact.tenant)
    return after.state


@pytest.mark.parametrize("turn", range(4))
def test_an_accept_and_the_callers_hang_up_at_once_have_one_outcome(admin_database_url: str, turn: int) -> None:
    _, session, contact, offer = ringing(answer_mode=DESK)
    acts = [lambda: accept(offer), lambda: calls.caller_hangs_up(contact)]
    accepted, gone = run_together(
        admin_database_url, acts if turn % 2 else acts[::-1], locked_by=LOCK_CONTACT, values=(contact.id,)
    )[:: 1 if turn % 2 else -1]
    assert gone is None
    assert accepted is None or accepted.code == "offer-over"
    # Whoever came first, the caller is gone in the end: no ringing, no slot, no bridge.
    assert _one_outcome(contact, offer) == OfferState.RESCINDED
    assert calls.now_of(contact).state == ContactState.ENDED
    assert (factories.slot_of(session).held, holds(), timer_kinds(offer.id)) == (False, 0, [])
    assert calls.hung_up(contact) == [offer.leg_channel]
    assert calls.commands(contact, CommandKind.BRIDGE) == []


@pytest.mark.parametrize("turn", range(4))
def test_the_agent_answers_in_the_instant_in_which_the_caller_leaves(admin_database_url: str, turn: int) -> None:
    _, session, contact, offer = ringing()
    acts = [lambda: calls.agent_answers(offer), lambda: calls.caller_hangs_up(contact)]
    run_together(admin_database_url, acts if turn % 2 else acts[::-1], locked_by=LOCK_CONTACT, values=(contact.id,))
    assert _one_outcome(contact, offer) == OfferState.RESCINDED
    calls.bridged(contact, offer)
    after = calls.now_of(contact)
    assert (after.state, after.connected_at) == (ContactState.ENDED, None)
    assert set(calls.hung_up(contact)) == {offer.leg_channel}
    assert not factories.slot_of(session).held
    with engine_scope(read_only=True):
        assert Participation.objects.count() == 0


@pytest.mark.parametrize("turn", range(4))
def test_the_lease_runs_out_while_the_desk_accepts(admin_database_url: str, turn: int) -> None:
    _, session, contact, offer = ringing(answer_mode=DESK)
    expiry = due("offer-lease", offer.id)
    acts = [lambda: accept(offer), lambda: timers.fire(expiry)]
    accepted, fired = run_together(
        admin_database_url, acts if turn % 2 else acts[::-1], locked_by=LOCK_CONTACT, values=(contact.id,)
    )[:: 1 if turn % 2 else -1]
    assert fired is None
    state = _one_outcome(contact, offer)
    dials = len(calls.commands(contact, CommandKind.DIAL))
    if accepted is None:
        # The former lease's timer finds a newer one and does nothing.
        assert (state, dials, factories.reread(session).state) == (OfferState.ACCEPTED, 1, SessionState.READY)
    else:
        assert isinstance(accepted, HotseatError)
        assert accepted.code == "offer-over"
        assert (state, dials, factories.reread(session).state) == (OfferState.TIMED_OUT, 0, SessionState.NOT_READY)


def test_a_former_leases_timer_is_refused_by_the_fence() -> None:
    _, _, contact, offer = ringing(answer_mode=DESK)
    old = due("offer-lease", offer.id)
    accept(offer)
    new = due("offer-lease", offer.id)
    assert (old.data["fence"], new.data["fence"]) == (1, 2)
    timers.fire(old)
    # Even one that could claim the row, since it has the new row's id, carries the old fence.
    timers.fire(Due(new.id, new.tenant_id, new.kind, new.subject_id, new.due_at, old.data))
    assert calls.offer_of(contact).state == OfferState.ACCEPTED


def test_a_reject_and_the_expiry_at_once_have_one_outcome(admin_database_url: str) -> None:
    _, session, contact, offer = ringing(answer_mode=DESK)
    expiry = due("offer-lease", offer.id)
    run_together(
        admin_database_url, [lambda: reject(offer), lambda: timers.fire(expiry)], locked_by=LOCK_CONTACT,
        values=(contact.id,),
    )  # fmt: skip
    assert _one_outcome(contact, offer) in (OfferState.REJECTED, OfferState.TIMED_OUT)
    assert calls.segments(contact).count(SegmentKind.RING) == 1
    assert not factories.slot_of(session).held


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
    timers.fire(due("back-off", session.id))
    calls.pair_up(other, session)
    calls.caller_hangs_up(other)
    # The one that was rejected waits for its exclusion to end.
    assert calls.now_of(contact).state == ContactState.QUEUED
    timers.fire(due("exclusion", exclusion.id))
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


# --- talk and after ---------------------------------------------------------------------------------------------------


def test_the_agent_who_hangs_up_ends_the_call_and_wraps_up_until_the_deadline() -> None:
    line, session, contact, _ = ringing(wrap_up_seconds=30)
    offer = calls.talk(contact)
    calls.leg_ends(offer.leg_channel)
    after = factories.reread(session)
    assert (after.state, after.wrap_up_contact_id) == (SessionState.WRAP_UP, contact.id)
    assert calls.hung_up(contact) == [contact.caller_channel]
    assert calls.now_of(contact).state == ContactState.ENGAGED
    calls.caller_hangs_up(contact)
    assert calls.now_of(contact).end_reason == EndReason.HANDLED
    # Nobody rings during the wrap-up; its deadline ends it, and the one who waits rings.
    waits = calls.call(line.number)
    assert calls.now_of(waits).state == ContactState.QUEUED
    deadline = due("wrap-up", session.id)
    # From now by the database's clock, whenever the switch saw the end.
    assert abs(deadline.due_at - after.state_since - timedelta(seconds=30)) < timedelta(seconds=2)
    timers.fire(deadline)
    calls.pair_up(waits, session)
    assert calls.segments(contact)[-1] == SegmentKind.WRAP_UP


def test_a_wrap_up_that_is_finished_early_lets_the_next_ring() -> None:
    line, session, contact, _ = ringing(wrap_up_seconds=30)
    calls.talk(contact)
    calls.caller_hangs_up(contact)
    waits = calls.call(line.number)
    finish_wrap_up(tenant_id=line.tenant.id, session_id=session.id, disposition_id=None, note="n", actor="agent:1")
    calls.pair_up(waits, session)
    assert timer_kinds(session.id) == []


def test_freed_capacity_pulls_the_backlog() -> None:
    """chatwoot#10583: freed capacity did not pull the backlog."""
    line, session, contact, _ = ringing()
    calls.talk(contact)
    waiting = [calls.call(line.number) for _ in range(2)]
    calls.caller_hangs_up(contact)
    calls.pair_up(waiting[0], session)
    assert calls.now_of(waiting[1]).state == ContactState.QUEUED


def test_a_contact_is_ended_from_the_desk_by_its_agent_only_and_when_the_switch_says_so() -> None:
    line, session, contact, _ = ringing()
    calls.talk(contact)
    other = factories.make_session(line.tenant)
    with pytest.raises(NotFound):
        end_contact(tenant_id=line.tenant.id, contact_id=contact.id, session_id=other.id, actor="agent:2")
    end_contact(tenant_id=line.tenant.id, contact_id=contact.id, session_id=session.id, actor="agent:1")
    assert calls.now_of(contact).state == ContactState.ENGAGED
    assert calls.hung_up(contact) == [contact.caller_channel]
    calls.caller_hangs_up(contact)
    assert calls.now_of(contact).end_reason == EndReason.HANDLED
    with pytest.raises(Conflict) as refused:
        end_contact(tenant_id=line.tenant.id, contact_id=contact.id, actor="user:1")
    assert refused.value.code == "contact-over"


def test_no_side_effect_is_asked_for_before_its_state_is_committed() -> None:
    """A hint wakes the worker only when the rows that it is to find are there."""
    line = calls.make_line()
    seen: list[int] = []

    def look() -> None:
        # In the sender's thread, after its scope: an open transaction would make this scope fail.
        with engine_scope(read_only=True):
            seen.append(SwitchCommand.objects.filter(state="pending").count())

    with listening_locally(switch_hint(calls.NODE), look):
        factories.make_session(line.tenant, ready=True)
        calls.call(line.number)
    assert seen
    assert all(count > 0 for count in seen)


def test_a_scope_that_rolls_back_asks_nothing_of_anybody() -> None:
    tenant = factories.make_tenant()
    woken: list[str] = []
    listening = listening_locally("test.rolled-back", lambda: woken.append("hint"))
    with listening, calls.matching_by_hand() as asked:
        for keeps in (False, True):
            with tenant_scope(tenant.id) as scope:
                request_match(tenant.id)
                hint("test.rolled-back")
                if not keeps:
                    scope.roll_back()
            assert (asked.pools, woken) == (([tenant.id], ["hint"]) if keeps else ([], []))


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
