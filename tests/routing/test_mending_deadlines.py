"""Deadlines that were lost, made by hand in the database, are set again and told: wrap-ups, back-offs, flows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agents.public import SessionState
from routing.models import FlowRun, Interaction, Leg, Participation
from routing.public import mend
from routing.services import mend as mending
from routing.states import ContactState, EndReason
from tenants.models import Timer
from tenants.public import engine_scope, fire_due_timers, tenant_scope
from tests import factories
from tests.routing import backups, calls
from tests.routing.broken import Break, breaking, is_free, line_and_agent, ringing, talking, told


@pytest.fixture
def by_hand(admin_database_url: str) -> Iterator[Break]:
    with breaking(admin_database_url) as change:
        yield change


# --- wrap-up lost, back-off for ever ----------------------------------------------------------------------------------


@pytest.mark.parametrize("deadline", ["clock_timestamp() - interval '1 second'", "NULL"])
def test_a_wrap_up_that_lost_its_deadline_ends(by_hand: Break, caplog: pytest.LogCaptureFixture, deadline: str) -> None:
    """opensips#2679, asterisk#1006: wrap-up has its own deadline, and keeps it."""
    _, session, contact, _ = talking(wrap_up_seconds=60)
    calls.caller_hangs_up(contact)
    assert factories.reread(session).state == SessionState.WRAP_UP
    by_hand("DELETE FROM tenants_timer WHERE kind = 'wrap-up'")
    by_hand(f"UPDATE agents_agentsession SET wrap_up_until = {deadline}")
    assert mend() == 1
    fire_due_timers()
    assert told(caplog) == ["mended: a wrap-up had lost its deadline"]
    assert factories.reread(session).state == SessionState.READY
    assert is_free(session)


def test_a_back_off_that_lost_its_end_ends(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    """kazoo#6609: nobody is out for ever after a missed call; freeswitch#1216: backoff per agent, and it ends."""
    _, session, _, offer = ringing()
    calls.leg_ends(offer.leg_channel, cause=17)
    assert not factories.slot_of(session).open
    by_hand("DELETE FROM tenants_timer WHERE kind = 'back-off'")
    by_hand("UPDATE agents_agentsession SET backoff_until = clock_timestamp()")
    assert mend() == 1
    fire_due_timers()
    assert told(caplog) == ["mended: a back-off had lost its end"]
    assert is_free(session)


@pytest.mark.parametrize("state", ["open", "closed"])
def test_slots_follow_their_session(by_hand: Break, caplog: pytest.LogCaptureFixture, state: str) -> None:
    """chatwoot#7204: no work for agents who went away; and none withheld from those who are there."""
    line = calls.make_line()
    session = factories.make_session(line.tenant, ready=state == "closed")
    by_hand("UPDATE agents_slot SET open = NOT open")
    with calls.matching_by_hand():
        contact = calls.call(line.number)
        assert mend() == 1
    assert told(caplog) == ["mended: an agent's slots were open or closed against the agent's state"]
    assert factories.slot_of(session).open is (state == "closed")
    assert calls.offers_of(contact) == []


# --- flows ------------------------------------------------------------------------------------------------------------


def answered_menu() -> tuple[calls.Line, str]:
    """A number whose flow answers and asks."""
    tenant = factories.make_tenant()
    definition = {
        "schema": 1,
        "start": "answer",
        "nodes": {
            "answer": {"type": "answer", "next": "menu"},
            "menu": {
                "type": "menu",
                "prompt": {"text": {"en": "?"}},
                "keys": {"1": "bye"},
                "on_timeout": "bye",
                "retries": 0,
            },
            "bye": {"type": "hang_up", "reason": "done"},
        },
    }
    number = factories.make_number(tenant)
    factories.make_entry_point(tenant, flow=factories.make_flow(tenant, definition), number=number)
    return calls.Line(tenant, factories.make_queue(tenant), number.e164), number.e164


def test_a_flow_that_lost_its_start_begins(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    """celery#1628: killed tasks are lost; what must happen is a row."""
    line, _ = line_and_agent()
    contact = calls.call(line.number)
    by_hand("UPDATE routing_contact SET state = 'arriving', queue_id = NULL, demand_id = NULL, order_at = NULL")
    by_hand("UPDATE routing_offer SET state = 'failed', ended_at = clock_timestamp()")
    by_hand("UPDATE routing_flowrun SET state = '{}'")
    assert mend() >= 1
    assert "mended: a contact had lost its beginning" in told(caplog)
    fire_due_timers()
    assert calls.now_of(contact).state == ContactState.OFFERED


def test_a_flow_whose_question_lost_its_time_out_goes_on(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    _, number = answered_menu()
    contact = calls.call(number)
    calls.caller_is_answered(contact)
    with engine_scope(read_only=True):
        assert Timer.objects.filter(subject_id=contact.id, kind="flow").exists()
    assert mend() == 0
    for _ in ("the prompt's end", "the time-out"):
        assert calls.now_of(contact).ending == ""
        by_hand("DELETE FROM tenants_timer WHERE kind = 'flow'")
        assert mend() == 1
    assert set(told(caplog)) == {"mended: a contact's flow waited for nothing"}
    assert calls.hung_up(contact) == [contact.caller_channel]


def test_a_hand_over_that_was_lost_ends_the_call(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    _, number = answered_menu()
    contact = calls.call(number)
    calls.caller_is_answered(contact)
    by_hand("DELETE FROM tenants_timer WHERE kind = 'flow'")
    with tenant_scope(contact.tenant_id):
        run = FlowRun.objects.get(contact=contact)
        run.state = {**run.state, "ended": True, "playing": None, "timer": None}
        run.save()
    assert mend() == 1
    assert told(caplog) == ["mended: a contact's flow waited for nothing"]
    assert (calls.now_of(contact).ending, calls.hung_up(contact)) == (EndReason.FAILED, [contact.caller_channel])


def test_a_call_on_a_backup_route_that_lost_its_timer_goes_on(by_hand: Break, caplog: pytest.LogCaptureFixture) -> None:
    line = calls.make_line()
    backups.make_trunk()
    backups.in_force(line, backups.to_number(), backups.announcement())
    contact = calls.call(line.number)
    assert mend() == 0
    by_hand("DELETE FROM tenants_timer WHERE kind = 'diversion'")
    assert mend() == 1
    fire_due_timers()
    assert told(caplog) == ["mended: a contact on a backup route waited for nothing"]
    assert calls.now_of(contact).state == ContactState.DIVERTED
    assert [row.state for row in backups.diversions_of(line.tenant)] == ["announcing"]


# --- all of them ------------------------------------------------------------------------------------------------------


def test_more_than_a_page_is_mended_in_one_round(by_hand: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """river#1318, good_job#1543: one full batch hid the stuck rest; sweeps page through everything."""
    monkeypatch.setattr(mending, "PAGE", 2)
    line = calls.make_line()
    sessions = [factories.make_session(line.tenant, ready=True) for _ in range(5)]
    contacts = calls.queued(line, 5)
    by_hand("DELETE FROM tenants_timer WHERE kind = 'offer-lease'")
    by_hand("UPDATE agents_slot SET held = false")
    with calls.matching_by_hand():
        assert mend() == 10
    with engine_scope(read_only=True):
        assert Timer.objects.filter(kind="offer-lease").count() == len(contacts)
    assert all(factories.slot_of(session).held for session in sessions)


def test_another_tenants_and_what_is_over_is_left_alone(by_hand: Break) -> None:
    """freeswitch#1674: nothing is cleared that is not ours."""
    _, session, contact, _ = talking()
    _, _, other, _ = talking()
    with engine_scope(read_only=True):
        before = calls_rows()
    by_hand("UPDATE routing_leg SET ended_at = clock_timestamp() WHERE channel_id = %s", contact.caller_channel)
    assert mend() == 1
    assert is_free(session)
    assert calls.now_of(other).state == ContactState.ENGAGED
    with engine_scope(read_only=True):
        after = calls_rows()
    assert {key for key in before if before[key] != after[key]} == {contact.interaction_id}


def calls_rows() -> dict[Any, Any]:
    """Who is on which call, by interaction."""
    return {
        row.id: list(
            Participation.objects.filter(contact__interaction=row, left_at=None).values_list("leg_channel", flat=True)
        )
        + list(Leg.objects.filter(interaction=row, ended_at=None).values_list("channel_id", flat=True))
        for row in Interaction.objects.all()
    }
