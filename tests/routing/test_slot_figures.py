"""What the rules choose agents by: written where a slot is held and where it is freed, and at no other time."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from agents.public import Agent, log_out
from tenants.public import db_now, engine_scope, fire_due_timers, tenant_scope
from tests import factories
from tests.routing import calls
from tests.routing.ringing import reject, ringing, seated
from tests.statements import statements_sent


def test_a_log_in_begins_with_nothing_and_its_own_turn() -> None:
    line = calls.make_line()
    session = seated(line)
    slot = factories.slot_of(session)
    assert (slot.contacts, slot.busy_seconds, slot.occupancy, slot.offered_at) == (0, 0, 0, session.logged_in_at)


def test_an_offer_is_the_agents_turn_and_no_work_while_nothing_comes_of_it() -> None:
    _, session, _, offer = ringing()
    before = factories.slot_of(session)
    assert (before.offered_at, before.contacts) == (offer.offered_at, 0)
    reject(offer)
    after = factories.slot_of(session)
    assert (after.offered_at, after.contacts, after.busy_seconds, after.occupancy) == (offer.offered_at, 0, 0, 0)
    assert after.idle_since == before.idle_since


def test_work_is_counted_from_the_offer_to_the_release(admin_database_url: str) -> None:
    """Logged in for ten minutes, then busy for one: nine and a half of a hundred."""
    line = calls.make_line()
    session = seated(line)
    shares = []
    for contacts in (1, 2):
        with psycopg.connect(admin_database_url, autocommit=True) as admin:
            admin.execute("UPDATE agents_agentsession SET logged_in_at = clock_timestamp() - interval '10 minutes'")
        contact = calls.call(line.number)
        calls.talk(contact)
        with psycopg.connect(admin_database_url, autocommit=True) as admin:
            admin.execute("UPDATE agents_slot SET offered_at = clock_timestamp() - interval '1 minute'")
        calls.caller_hangs_up(contact)
        slot = factories.slot_of(session)
        assert slot.contacts == contacts
        assert slot.busy_seconds == pytest.approx(60 * contacts, abs=5)
        shares.append(slot.occupancy)
    assert shares == [pytest.approx(0.1, abs=0.01), pytest.approx(0.2, abs=0.02)]
    with engine_scope(read_only=True):
        assert db_now() - slot.idle_since < timedelta(seconds=5)

    log_out(tenant_id=line.tenant.id, session_id=session.id, actor="agent:1")
    with tenant_scope(line.tenant.id, read_only=True):
        agent = Agent.objects.get(id=session.agent_id)
    again = factories.make_session(line.tenant, agent=agent)
    assert factories.slot_of(again).contacts == 0


def test_a_release_and_a_hold_are_one_update_of_the_slot_each() -> None:
    line = calls.make_line()
    seated(line)
    with statements_sent() as sent:
        contact = calls.call(line.number)
        calls.talk(contact)
        calls.caller_hangs_up(contact)
        fire_due_timers()
    updates = [sql for sql in sent if "UPDATE" in sql and "agents_slot" in sql]
    assert [("held = true" in sql, "contacts = contacts + 1" in sql) for sql in updates] == [
        (True, False),
        (False, True),
    ]
