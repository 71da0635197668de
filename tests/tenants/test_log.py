"""The event log: numbered without a gap, written with the change or not at all, in the month's partition."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import ProgrammingError, connections

from agents.models import AgentSession
from agents.services.sessions import lock_sessions
from tenants.ids import uuid7_floor
from tenants.partitions import ensure_partitions, rows_in_default_partition
from tenants.public import Event, Outbox, db_now, engine_scope, record, record_once, tenant_scope, uuid7
from tests import factories


def _events(subject: UUID) -> list[Event]:
    with engine_scope(read_only=True):
        return list(Event.objects.filter(aggregate_id=subject).order_by("seq"))


def _count(subject: UUID) -> tuple[int, int]:
    """How many events, and how many of their outbox rows, there are."""
    with engine_scope(read_only=True):
        ids = list(Event.objects.filter(aggregate_id=subject).values_list("id", flat=True))
        return len(ids), Outbox.objects.filter(event_id__in=ids).count()


def _note(session: AgentSession, *, what: str = "agent.noticed", fail: bool = False, **data: Any) -> None:
    with tenant_scope(session.tenant_id, actor="agent:7", node="node9"):
        row = lock_sessions([session.id])[session.id]
        record(what, row, kind="agent_session", at=db_now(), **data)
        row.save(update_fields=["version"])
        if fail:
            raise LookupError


def test_an_event_carries_its_whole_envelope() -> None:
    session = factories.make_session(factories.make_tenant())
    before = datetime.now(UTC)
    happened = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with tenant_scope(session.tenant_id, actor="agent:7", node="node9"):
        row = lock_sessions([session.id])[session.id]
        record("agent.noticed", row, kind="agent_session", at=happened, is_test=True, offer=UUID(int=5), seconds=3)
        row.save(update_fields=["version"])
    event = _events(session.id)[-1]
    assert (event.tenant_id, event.type, event.schema_version) == (session.tenant_id, "agent.noticed", 1)
    assert (event.aggregate_type, event.aggregate_id, event.seq) == ("agent_session", session.id, row.version)
    assert (event.actor, event.node, event.occurred_at, event.is_test) == ("agent:7", "node9", happened, True)
    assert event.data == {"offer": str(UUID(int=5)), "seconds": 3}
    assert event.id.version == 7
    assert abs(event.recorded_at - before) < timedelta(seconds=30)


def test_events_of_an_aggregate_are_numbered_without_a_gap_though_some_fail_and_many_write_at_once() -> None:
    session = factories.make_session(factories.make_tenant())
    first = len(_events(session.id))
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait(timeout=5)
        for turn in range(5):
            if turn == 2:
                with pytest.raises(LookupError):
                    _note(session, fail=True)
            _note(session, writer=number)

    with ThreadPoolExecutor(4) as pool:
        for run in [pool.submit(work, number) for number in range(4)]:
            run.result(timeout=30)
    events = _events(session.id)
    assert [event.seq for event in events] == list(range(1, first + 21))
    assert [event.id for event in events] == sorted(event.id for event in events)
    assert factories.reread(session).version == events[-1].seq


def test_several_events_of_one_scope_are_written_together_each_with_its_outbox_row() -> None:
    session = factories.make_session(factories.make_tenant())
    before = _count(session.id)
    with tenant_scope(session.tenant_id):
        row = lock_sessions([session.id])[session.id]
        for number in range(3):
            record("agent.noticed", row, kind="agent_session", at=db_now(), number=number)
        row.save(update_fields=["version"])
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenants_event WHERE aggregate_id = %s", [session.id])
            assert cursor.fetchone() == (before[0],), "they wait for the end of the scope"
    assert _count(session.id) == (before[0] + 3, before[1] + 3)
    assert [event.data["number"] for event in _events(session.id)[-3:]] == [0, 1, 2]


@pytest.mark.parametrize("how", ["raises", "rolls back"])
def test_an_event_goes_with_the_change_that_it_tells_of(how: str) -> None:
    session = factories.make_session(factories.make_tenant())
    before = _count(session.id)
    if how == "raises":
        with pytest.raises(LookupError):
            _note(session, fail=True)
    else:
        with tenant_scope(session.tenant_id) as scope:
            row = lock_sessions([session.id])[session.id]
            record("agent.noticed", row, kind="agent_session", at=db_now())
            row.save(update_fields=["version"])
            scope.roll_back()
    assert _count(session.id) == before


def test_an_event_that_cannot_be_written_takes_the_change_with_it() -> None:
    tenant, session = factories.make_tenant(), factories.make_session(factories.make_tenant())
    version = factories.reread(session).version

    def with_a_strangers_event() -> None:
        with tenant_scope(session.tenant_id):
            row = lock_sessions([session.id])[session.id]
            record("agent.noticed", row, kind="agent_session", at=db_now())
            record_once("contact.queued", tenant_id=tenant.id, kind="contact", subject_id=uuid7(), at=db_now())
            row.save(update_fields=["version"])

    with pytest.raises(ProgrammingError, match="row-level security"):
        with_a_strangers_event()
    assert factories.reread(session).version == version


def test_the_log_cannot_be_changed_by_anyone_who_writes_it() -> None:
    session = factories.make_session(factories.make_tenant())
    for opened in (partial(tenant_scope, session.tenant_id), engine_scope):
        for statement in ("UPDATE tenants_event SET type = 'x'", "DELETE FROM tenants_event"):
            with opened() as scope, connections[scope.alias].cursor() as cursor:
                with pytest.raises(Exception, match="permission denied"):
                    cursor.execute(statement)
                scope.roll_back()


# --- months -----------------------------------------------------------------------------------------------------------


def _place(admin: psycopg.Connection, moment: datetime, tenant_id: UUID) -> str:
    """Write an event whose id was made at that moment; the partition it went to."""
    identity = UUID(int=uuid7_floor(round(moment.timestamp() * 1000)).int | 0x7 << 76 | 0b10 << 62)
    row = admin.execute(
        "INSERT INTO tenants_event (id, tenant_id, type, schema_version, aggregate_type, aggregate_id, seq, actor, "
        "node, occurred_at, recorded_at, is_test, data) "
        "VALUES (%s, %s, 'x', 1, 'x', %s, 1, '', '', now(), now(), false, '{}') RETURNING tableoid::regclass::text",
        [identity, tenant_id, identity],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_an_events_id_chooses_its_months_partition(admin_database_url: str) -> None:
    tenant = factories.make_tenant()
    now = datetime.now(UTC)
    this_month = datetime(now.year, now.month, 1, tzinfo=UTC)
    next_month = (this_month + timedelta(days=32)).replace(day=1)
    names = {month: f"tenants_event_{month:%Y%m}" for month in (this_month, next_month)}
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        assert _place(admin, now, tenant.id) == names[this_month]
        assert _place(admin, this_month, tenant.id) == names[this_month]
        assert _place(admin, next_month - timedelta(milliseconds=1), tenant.id) == names[this_month]
        assert _place(admin, next_month, tenant.id) == names[next_month]
        assert _place(admin, datetime(2099, 1, 1, tzinfo=UTC), tenant.id) == "tenants_event_default"


def test_rows_in_the_default_partition_are_noticed(admin_database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    tenant = factories.make_tenant()
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_stat_reset_single_table_counters('tenants_event_default'::regclass)")
        admin.execute("ANALYZE tenants_event_default")
        assert rows_in_default_partition() == 0
        _place(admin, datetime(2099, 1, 1, tzinfo=UTC), tenant.id)
        admin.execute("ANALYZE tenants_event_default")
    with caplog.at_level(logging.ERROR):
        ensure_partitions()
    assert "default partition is not empty" in caplog.text


def test_ids_made_in_one_process_only_grow() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [run.result() for run in [pool.submit(lambda: [uuid7() for _ in range(500)]) for _ in range(4)]]
    assert all(ids == sorted(ids) for ids in made)
    assert len({one for ids in made for one in ids}) == 2000
    assert {one.version for ids in made for one in ids} == {7}
