"""The agent's phone puts the caller on hold: a stretch of its own, once, whoever reports it how often."""

from __future__ import annotations

from datetime import UTC, datetime

from routing.node.handling import handle
from routing.states import EndReason
from routing.switch.port import LegHeld
from tests import factories
from tests.routing import calls
from tests.routing.broken import count, talking


def test_a_hold_is_a_stretch_between_two_of_talk() -> None:
    """asterisk#759, FreePBX#124: talk time inflated. Reports that come again change nothing."""
    _, session, contact, offer = talking()
    held_at = datetime.now(UTC)
    calls.holds(offer, at=held_at)
    calls.holds(offer, at=held_at)
    calls.retrieves(offer)
    calls.holds(offer, at=held_at)
    assert calls.segments(contact) == ["flow", "queue", "ring", "talk", "hold", "talk"]
    assert (count(contact, "contact.held"), count(contact, "contact.retrieved")) == (1, 1)
    calls.caller_hangs_up(contact)
    ended = calls.now_of(contact)
    assert ended.end_reason == EndReason.HANDLED
    assert not factories.slot_of(session).held


def test_who_is_on_hold_may_hang_up() -> None:
    _, _, contact, offer = talking()
    calls.holds(offer)
    calls.caller_hangs_up(contact)
    calls.retrieves(offer)
    assert calls.segments(contact)[-1] == "hold"
    assert all(ended for _, ended in calls.record_of(contact)["segments"])


def test_a_caller_who_holds_and_a_leg_of_nobody_change_nothing() -> None:
    _, _, contact, _ = talking()
    for channel in (contact.caller_channel, "agent.nobodys", "unknown"):
        handle(LegHeld(channel=channel, at=datetime.now(UTC)), node=calls.NODE)
    assert calls.segments(contact)[-1] == "talk"
