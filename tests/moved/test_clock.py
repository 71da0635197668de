"""A moved clock is everybody's clock: of every role, of prepared statements, of identifiers, of timers, of reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
from django.db import connections

from routing.models import Contact
from tenants import timers
from tenants.ids import uuid7
from tenants.models import Timer
from tenants.public import (
    CSP_TENANT_ID,
    Due,
    claim_timer,
    db_now,
    engine_scope,
    ensure_partitions,
    set_timer,
    tenant_scope,
    timer_handler,
)
from tests.moved.clock import moved_clock
from tests.routing import calls
from tests.routing.matching import crowd

START = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def seen_by_owner() -> datetime:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    connections["owner"].close()
    assert row is not None
    moment: datetime = row[0]
    return moment


def seen_by_engine() -> datetime:
    with engine_scope(read_only=True):
        return db_now()


def seen_by_app() -> datetime:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return db_now()


def test_every_role_sees_it_and_sees_it_move(admin_database_url: str) -> None:
    with moved_clock(admin_database_url, start=START) as clock:
        assert (seen_by_owner(), seen_by_engine(), seen_by_app()) == (START, START, START)
        clock.move(START + MINUTE)
        assert (seen_by_owner(), seen_by_engine(), seen_by_app()) == (START + MINUTE,) * 3


def test_it_never_goes_back(admin_database_url: str) -> None:
    with moved_clock(admin_database_url, start=START) as clock:
        clock.move(START - MINUTE)
        assert clock.moment == seen_by_engine() == START


def test_statements_that_are_prepared_see_it_move(admin_database_url: str) -> None:
    """The engine's connection prepares what it repeats (`prepare_threshold`): a plan must not keep a moment."""
    with moved_clock(admin_database_url, start=START) as clock:
        for number in range(12):
            clock.move(START + number * MINUTE)
            assert seen_by_engine() == START + number * MINUTE


def test_afterwards_the_clock_is_the_wall_s_again(admin_database_url: str) -> None:
    with moved_clock(admin_database_url, start=START):
        pass
    assert abs(seen_by_engine() - datetime.now(UTC)) < MINUTE
    assert abs(moment_of(uuid7().int) - datetime.now(UTC)) < MINUTE


def test_no_default_or_check_of_a_table_has_a_clock_of_its_own(admin_database_url: str) -> None:
    """What a table's definition names is bound when it is made, and would go on by the wall's clock."""
    with psycopg.connect(admin_database_url) as connection:
        found = connection.execute(
            "SELECT adrelid::regclass::text, pg_get_expr(adbin, adrelid) FROM pg_attrdef"
            " WHERE pg_get_expr(adbin, adrelid) ~ 'clock_timestamp|now\\(|CURRENT_'"
            " UNION ALL SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE pg_get_constraintdef(oid) ~ 'clock_timestamp|now\\(|CURRENT_'"
        ).fetchall()
    assert found == []


def test_identifiers_are_of_the_moved_moment(admin_database_url: str) -> None:
    with moved_clock(admin_database_url, start=START) as clock:
        first = uuid7()
        clock.move(START + MINUTE)
        second = uuid7()
        assert abs(moment_of(first.int) - START) < timedelta(seconds=1)
        assert abs(moment_of(second.int) - START - MINUTE) < timedelta(seconds=1)


def test_it_stops_at_a_timer_which_fires_at_its_own_moment(admin_database_url: str) -> None:
    fired: list[datetime] = []

    @timer_handler("moved-clock-test")
    def note(due: Due) -> None:
        with engine_scope():
            assert claim_timer(due)
            fired.append(db_now())

    with moved_clock(admin_database_url, start=START) as clock:
        with engine_scope():
            set_timer(
                "moved-clock-test", tenant_id=CSP_TENANT_ID, subject_id=uuid7(), due_at=START + MINUTE, anything=1
            )
        assert not clock.move(START + MINUTE - timedelta(microseconds=1))
        assert clock.move(START + 5 * MINUTE)
        assert clock.moment == START + MINUTE
        assert timers.fire_due_timers() == 1
        assert not clock.move(START + 5 * MINUTE)
    assert fired == [START + MINUTE]


def test_the_log_s_months_are_made_by_it(admin_database_url: str) -> None:
    with moved_clock(admin_database_url, start=datetime(2035, 12, 31, 23, 59, 59, tzinfo=UTC)):
        made = ensure_partitions(months_ahead=1)
    assert made == ["tenants_event_203512", "tenants_event_203601"]


def test_a_call_is_wholly_of_the_moved_time(admin_database_url: str) -> None:
    """Every moment that the services write of a call and its offer is the one at which the clock stood."""
    with moved_clock(admin_database_url, start=START) as clock:
        ensure_partitions()
        line = calls.make_line()
        contact = calls.call(line.number, at=START)
        clock.move(START + MINUTE)
        crowd.seat_agents(line.tenant, 1)
        # Agents who are made as rows ask for no pass; the next caller does.
        calls.call(line.number, at=START + MINUTE)
        offer = calls.offer_of(contact)
        assert (offer.offered_at, offer.contact_id) == (START + MINUTE, contact.id)
        with engine_scope(read_only=True):
            row = Contact.objects.get(id=contact.id)
            lease = Timer.objects.get(subject_id=offer.id)
        assert (row.arrived_at, row.queued_at, row.order_at) == (START, START, START)
        assert lease.due_at == offer.lease_expires_at
        assert START + MINUTE < lease.due_at < START + 3 * MINUTE
        assert abs(moment_of(offer.id.int) - START - MINUTE) < timedelta(seconds=1)


def moment_of(identifier: int) -> datetime:
    """The moment in a UUIDv7."""
    return datetime.fromtimestamp((identifier >> 80) / 1000, UTC)
