"""Stuck calls and slots, made by hand in the database, are found, mended and told; in health nothing is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from agents.public import AgentSession, SessionState, back_off, lock_sessions
from routing.models import CommandKind, Contact
from routing.public import mend, run_pool
from routing.states import ContactState, EndReason, OfferState
from tenants.public import Event, db_now, engine_scope, fire_due_timers
from tests import factories
from tests.routing import calls
from tests.routing.broken import (
    CONTACT_OVER,
    Break,
    breaking,
    count,
    holds,
    is_free,
    line_and_agent,
    ringing,
    talking,
    told,
)


@pytest.fixture
def by_hand(admin_database_url: str) -> Iterator[Break]:
    with breaking(admin_database_url) as change:
        yield change


# --- health -----------------------------------------------------------------------------------------------------------


def test_in_health_there_is_nothing_to_mend(caplog: pytest.LogCaptureFixture) -> None:
    """At every station of a call, with callers and agents in every state besides."""
    line, session = line_and_agent(wrap_up_seconds=60)
    factories.make_session(line.tenant)
    contact = calls.call(line.number)
    assert mend() == 0
    offer = calls.offer_of(contact)
    calls.rings(offer)
    waits = calls.call(line.number)
    assert mend() == 0
    calls.agent_answers(offer)
    assert mend() == 0
    calls.caller_is_answered(contact)
    calls.bridged(contact, offer)
    assert mend() == 0
    calls.leg_ends(offer.leg_channel)
    assert mend() == 0
    calls.caller_hangs_up(contact)
    calls.caller_hangs_up(waits)
    assert mend() == 0
    with engine_scope():
        locked = lock_sessions([session.id])[session.id]
        back_off(locked, until=db_now() + timedelta(minutes=1), at=db_now())
    assert mend() == 0
    assert told(caplog) == []


# --- agents stuck in "Reserved" ---------------------------------------------------------------------------------------


def test_an_offer_that_lost_its_timer_still_ends(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    """freeswitch#2540: agents stuck in "Reserved"; every offer has a lease, and an expired one frees the slot."""
    _, session, contact, offer = ringing()
    by_hand("DELETE FROM tenants_timer WHERE kind = 'offer-lease'")
    by_hand("UPDATE routing_offer SET lease_expires_at = clock_timestamp() - interval '1 second'")
    fire_due_timers()
    assert calls.offer_of(contact).state == OfferState.OFFERED, "nobody ends it by itself"
    assert mend() == 1
    fire_due_timers()
    assert told(caplog) == ["mended: an offer had lost its lease's end"]
    assert [row.state for row in calls.offers_of(contact)] == [OfferState.TIMED_OUT]
    assert calls.hung_up(contact) == [offer.leg_channel]
    assert (calls.now_of(contact).state, holds()) == (ContactState.QUEUED, 0)
    assert factories.reread(session).state == SessionState.NOT_READY


def test_a_slot_held_by_nothing_is_free_again_and_pulls_the_backlog(
    by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#2540: busy with nothing. chatwoot#10583: every release matches."""
    line, session = line_and_agent()
    by_hand("UPDATE agents_slot SET held = true")
    contact = calls.call(line.number)
    assert calls.offers_of(contact) == []
    assert mend() == 1
    assert told(caplog) == ["mended: a slot was held by nothing"]
    calls.pair_up(contact, session)
    with engine_scope(read_only=True):
        released = Event.objects.get(aggregate_id=session.id, type="agent.slot_mended")
    assert released.data["held"] is False


@pytest.mark.parametrize("broken", ["routing_offer", "routing_participation"])
def test_a_slot_held_by_what_is_over_is_free_again(
    by_hand: Break, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    """freeswitch#1973, opensips#2530, #3123: "in call" for hours after the hang-up; the release is audited."""
    if broken == "routing_offer":
        _, session, contact, _ = ringing()
        by_hand("UPDATE routing_offer SET state = 'rescinded', ended_at = clock_timestamp()")
    else:
        _, session, contact, _ = talking()
        by_hand("UPDATE routing_participation SET left_at = clock_timestamp()")
    by_hand(CONTACT_OVER)
    assert not is_free(session)
    mend()
    assert told(caplog) == ["mended: a slot was held by nothing"]
    assert (is_free(session), holds()) == (True, 0)
    assert calls.now_of(contact).state == ContactState.ENDED


def test_a_slot_that_is_free_although_it_is_held_is_taken(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    """OpenACD#5, asterisk#176: an agent in a call is offered nothing."""
    line, session, _, _ = talking()
    with calls.matching_by_hand():
        by_hand("UPDATE agents_slot SET held = false")
        assert mend() == 1
    assert told(caplog) == ["mended: a slot was free that is taken"]
    waits = calls.call(line.number)
    assert (calls.offers_of(waits), factories.slot_of(session).held) == ([], True)


# --- "in call" for hours after the hang-up ----------------------------------------------------------------------------


def test_a_talk_whose_caller_is_gone_ends_once(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    """freeswitch#1973, opensips#2530, #3123: the caller's leg is over, the contact was never told."""
    _, session, contact, offer = talking()
    by_hand("UPDATE routing_leg SET ended_at = clock_timestamp() WHERE offer_id IS NULL")
    assert mend() == 1
    assert told(caplog) == ["mended: a contact had no caller"]
    ended = calls.now_of(contact)
    assert (ended.state, ended.end_reason) == (ContactState.ENDED, EndReason.HANDLED)
    assert (count(contact, "contact.ended"), calls.hung_up(contact)) == (1, [offer.leg_channel])
    assert is_free(session)
    assert mend() == 0


def test_a_contact_without_any_leg_is_lost_with_the_switch(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    line, _ = line_and_agent()
    contact = calls.call(line.number)
    by_hand("DELETE FROM routing_leg")
    mend()
    assert told(caplog) == ["mended: a contact had no caller"]
    assert calls.now_of(contact).end_reason == EndReason.SWITCH_LOST
    assert [row.state for row in calls.offers_of(contact)] == [OfferState.RESCINDED]


def test_an_agent_who_left_the_talk_unnoticed_is_free_and_the_call_ends(
    by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#1973: the agent's leg is over, the agent still "in call"."""
    _, session, contact, _ = talking()
    by_hand("UPDATE routing_leg SET ended_at = clock_timestamp() WHERE offer_id IS NOT NULL")
    assert mend() == 1
    assert told(caplog) == ["mended: an agent was on a contact that is over, or that they left"]
    assert (calls.now_of(contact).ending, calls.hung_up(contact)) == (EndReason.HANDLED, [contact.caller_channel])
    assert is_free(session)


def test_an_agent_on_a_contact_that_is_over_is_free_and_wraps_up(
    by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    _, session, contact, offer = talking(wrap_up_seconds=30)
    by_hand(CONTACT_OVER)
    assert mend() == 1
    assert told(caplog) == ["mended: an agent was on a contact that is over, or that they left"]
    after = factories.reread(session)
    assert (after.state, after.wrap_up_contact_id) == (SessionState.WRAP_UP, contact.id)
    assert (calls.hung_up(contact), factories.slot_of(session).held) == ([offer.leg_channel], False)


def test_a_caller_who_talks_with_nobody_goes_back_to_the_same_place(
    by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    _, session, contact, _ = talking()
    place = contact.order_at
    by_hand("UPDATE routing_participation SET left_at = clock_timestamp()")
    with calls.matching_by_hand():
        assert mend() == 2
    assert sorted(told(caplog)) == [
        "mended: a contact was talked with nobody",
        "mended: a slot was held by nothing",
    ]
    again = calls.now_of(contact)
    assert (again.state, again.order_at) == (ContactState.QUEUED, place)
    assert is_free(session)
    assert [row.kind for row in calls.commands(contact)][-2:] == [CommandKind.DESTROY_BRIDGE, CommandKind.START_MUSIC]
    # And can be talked again: the bridge of the next offer counts.
    handle_again(contact, session)


def handle_again(contact: Contact, session: AgentSession) -> None:
    """The next agent answers, and the two are joined."""
    run_pool(session.tenant_id)
    offer = calls.offer_of(contact)
    calls.agent_answers(offer)
    calls.bridged(contact, offer)
    assert calls.now_of(contact).state == ContactState.ENGAGED


# --- caller gone, the agent still rang --------------------------------------------------------------------------------


def test_an_offer_whose_contact_is_over_stops_ringing(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    """freeswitch#2529: caller gone, the agent still rang."""
    _, session, contact, offer = ringing()
    by_hand(CONTACT_OVER)
    assert mend() == 1
    assert told(caplog) == ["mended: an offer was live whose contact is elsewhere"]
    assert [row.state for row in calls.offers_of(contact)] == [OfferState.RESCINDED]
    assert calls.hung_up(contact) == [offer.leg_channel]
    assert is_free(session)


@pytest.mark.parametrize("accepted", [False, True])
def test_a_caller_who_is_offered_to_nobody_waits_again_in_the_same_place(
    by_hand: Break, caplog: pytest.LogCaptureFixture, accepted: bool
) -> None:
    """asterisk#1557: the caller keeps the place."""
    _, session, contact, offer = ringing()
    if accepted:
        calls.agent_answers(offer)
        calls.caller_is_answered(contact)
    place = contact.order_at
    by_hand("UPDATE routing_offer SET state = 'failed', ended_at = clock_timestamp()")
    with calls.matching_by_hand():
        assert mend() == 2
    assert sorted(told(caplog)) == [
        "mended: a contact was offered to nobody",
        "mended: a slot was held by nothing",
    ]
    again = calls.now_of(contact)
    assert (again.state, again.order_at) == (ContactState.QUEUED, place)
    assert is_free(session)
