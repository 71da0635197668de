"""The talk's end, from either side or the desk; the wrap-up, and the next who may ring."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.public import SessionState
from routing.public import end_contact, finish_wrap_up
from routing.states import ContactState, EndReason, SegmentKind
from tenants import timers
from tenants.public import Conflict, NotFound
from tests import factories
from tests.routing import calls
from tests.routing.ringing import due, ringing, timer_kinds


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
