"""The reserve: agents who take part only while somebody has opened it; and who may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from agents.errors import FieldsInvalid
from agents.public import (
    AgentSession,
    Reserve,
    back_off,
    change_agent,
    close_reserve,
    end_back_off,
    lock_sessions,
    mend_sessions,
    open_reserve,
    set_ready,
)
from tenants import timers
from tenants.models import AuditEntry, Timer
from tenants.public import Due, Event, Tenant, db_now, engine_scope, fire_due_timers, tenant_scope
from tests.factories import make_agent, make_session, reread, slot_of
from tests.threads import at_once
from tests.waiting import until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def of_reserve(tenant: Tenant, *, ready: bool = True) -> AgentSession:
    """An agent of the reserve, logged in."""
    agent = make_agent(tenant)
    change_agent(tenant_id=tenant.id, agent_id=agent.id, reserve=True, actor="test")
    return make_session(tenant, agent=agent, ready=ready)


def opens(tenant: Tenant, *, hours: float | None = None) -> Reserve:
    with engine_scope(read_only=True):
        until = None if hours is None else db_now() + timedelta(hours=hours)
    return open_reserve(tenant_id=tenant.id, actor="user:sue", until=until)


def closes(tenant: Tenant) -> Reserve:
    return close_reserve(tenant_id=tenant.id, actor="user:sue")


def timer_of(reserve: Reserve) -> Due:
    with engine_scope(read_only=True):
        row = Timer.objects.get(kind="reserve", subject_id=reserve.id)
        return Due(row.id, row.tenant_id, row.kind, row.subject_id, row.due_at, row.data)


def test_the_reserve_takes_part_only_while_it_is_open(acme: Tenant, globex: Tenant, matched: list[UUID]) -> None:
    reserve, usual, foreign = of_reserve(acme), make_session(acme, ready=True), of_reserve(globex)
    assert [slot_of(one).open for one in (reserve, usual, foreign)] == [False, True, False]
    assert reread(reserve).state == "ready"
    matched.clear()
    opens(acme)
    assert [slot_of(one).open for one in (reserve, usual, foreign)] == [True, True, False]
    assert matched == [acme.id]
    closes(acme)
    assert [slot_of(one).open for one in (reserve, usual, foreign)] == [False, True, False]


def test_opening_does_not_call_those_who_are_not_ready_or_back_off(acme: Tenant) -> None:
    away, spared = of_reserve(acme, ready=False), of_reserve(acme)
    with engine_scope():
        session = lock_sessions([spared.id])[spared.id]
        back_off(session, until=db_now() + timedelta(minutes=1), at=db_now())
    opens(acme)
    assert [slot_of(one).open for one in (away, spared)] == [False, False]
    set_ready(tenant_id=acme.id, session_id=away.id, actor="agent:1")
    with engine_scope():
        end_back_off(lock_sessions([spared.id])[spared.id], at=db_now())
    assert [slot_of(one).open for one in (away, spared)] == [True, True]


def test_it_closes_by_itself_when_its_time_is_over(acme: Tenant, admin_database_url: str) -> None:
    session = of_reserve(acme)
    reserve = opens(acme, hours=2)
    assert timer_of(reserve).due_at == reserve.until
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("UPDATE tenants_timer SET due_at = clock_timestamp() WHERE kind = 'reserve'")
    fire_due_timers()
    assert not slot_of(session).open
    with tenant_scope(acme.id, read_only=True):
        row = Reserve.objects.get()
        assert (row.opened_at, row.until) == (None, None)


def test_an_end_that_was_put_off_or_taken_back_does_not_close_it(acme: Tenant) -> None:
    session = of_reserve(acme)
    first = timer_of(opens(acme, hours=1))
    since = opens(acme, hours=2).opened_at
    timers.fire(first)
    assert slot_of(session).open
    second = timer_of(opens(acme, hours=3))
    reserve = opens(acme)
    assert (reserve.opened_at, reserve.until) == (since, None)
    timers.fire(second)
    assert slot_of(session).open


def test_an_end_that_is_past_is_refused(acme: Tenant) -> None:
    session = of_reserve(acme)
    with pytest.raises(FieldsInvalid) as refused:
        opens(acme, hours=-1)
    assert list(refused.value.data["errors"]) == ["until"]
    assert not slot_of(session).open


def test_opening_and_closing_are_told_once_with_who_did_it(acme: Tenant) -> None:
    closes(acme)
    for _ in range(2):
        opens(acme)
    for _ in range(2):
        closes(acme)
    with tenant_scope(acme.id, read_only=True):
        told = list(Event.objects.filter(aggregate_type="reserve").order_by("seq").values_list("type", "actor", "seq"))
        changes = AuditEntry.objects.filter(table_name="agents_reserve", action="UPDATE").order_by("id")
        actors = list(changes.values_list("actor", flat=True))
    assert told == [("reserve.opened", "user:sue", 1), ("reserve.closed", "user:sue", 2)]
    assert actors == ["user:sue"] * 2


def test_an_agent_changes_class_at_once_without_logging_out(acme: Tenant, matched: list[UUID]) -> None:
    session = make_session(acme, ready=True)
    change_agent(tenant_id=acme.id, agent_id=session.agent_id, reserve=True, actor="test")
    assert not slot_of(session).open
    matched.clear()
    change_agent(tenant_id=acme.id, agent_id=session.agent_id, reserve=False, actor="test")
    assert (slot_of(session).open, matched) == (True, [acme.id])
    change_agent(tenant_id=acme.id, agent_id=session.agent_id, reserve=False, name="Eve", actor="test")
    assert reread(session).version == 4


def test_whoever_joins_the_reserve_as_it_opens_is_not_overlooked(acme: Tenant, admin_database_url: str) -> None:
    """Who opens it has looked for its agents and found none, and has yet to commit: who joins waits for that."""
    session = make_session(acme, ready=True)
    opens(acme), closes(acme)
    with (
        psycopg.connect(admin_database_url) as opener,
        psycopg.connect(admin_database_url, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        opener.execute("UPDATE agents_reserve SET opened_at = clock_timestamp()")
        joining = pool.submit(
            lambda: at_once(
                [lambda: change_agent(tenant_id=acme.id, agent_id=session.agent_id, reserve=True, actor="test")]
            )
        )
        until("the change waits for the reserve", lambda: watcher.execute(WAITING).fetchone() == (1,), every_s=0.01)
        opener.commit()
        joining.result(timeout=10)
    assert slot_of(session).open


def test_agents_who_become_ready_as_it_opens_or_closes_follow_it(acme: Tenant) -> None:
    session = of_reserve(acme, ready=False)
    ready = [lambda: set_ready(tenant_id=acme.id, session_id=session.id, actor="agent:1")]
    at_once([*ready, lambda: opens(acme)])
    assert slot_of(session).open
    at_once([*ready, lambda: closes(acme)])
    assert not slot_of(session).open


def test_the_net_knows_the_reserve(acme: Tenant, admin_database_url: str) -> None:
    session = of_reserve(acme)
    assert mend_sessions() == 0
    opens(acme)
    assert mend_sessions() == 0
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("UPDATE agents_reserve SET opened_at = NULL, until = NULL")
    assert mend_sessions() == 1
    assert not slot_of(session).open
