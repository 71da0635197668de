"""Passes, callers and agents at the same time, each on a connection of its own; the sweep is off."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest

from agents.public import set_ready
from config.wiring import match, matching_aside
from routing.matching import MatchRunner, PoolTaken, run_pool
from routing.models import Contact
from routing.states import ContactState
from tenants.public import Tenant, current_scope, engine_scope, with_retries
from tests import factories
from tests.routing import calls
from tests.routing.matching import crowd
from tests.threads import at_once
from tests.waiting import until

POOL_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
WAITING_FOR_IT = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _offered_once(tenant: Tenant, expected: int) -> None:
    offers = crowd.offers(tenant)
    assert len(offers) == expected
    assert len({offer.contact_id for offer in offers}) == expected
    assert len({offer.session_id for offer in offers}) == expected
    assert len({offer.slot_id for offer in offers}) == expected
    crowd.expect_consistent(tenant)


def test_passes_at_once_never_assign_twice() -> None:
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 20)
    contacts = crowd.queue_callers(line, 25)
    made = at_once([lambda: run_pool(line.tenant.id)] * 4)
    assert sum(made) == 20
    _offered_once(line.tenant, 20)
    assert crowd.positions(contacts, line.tenant) == list(range(20))


def test_a_second_pass_waits_for_the_pools_lock_before_it_reads(admin_database_url: str) -> None:
    """Whoever comes second sees what the first has left, since the lock is taken before anything is read."""
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 1)
    crowd.queue_callers(line, 1)
    with (
        psycopg.connect(admin_database_url) as holder,
        psycopg.connect(admin_database_url, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute(POOL_LOCK, [f"pool:{line.tenant.id}"])
        waiting = pool.submit(lambda: at_once([lambda: run_pool(line.tenant.id)])[0])
        until("the pass waits for the lock", lambda: watcher.execute(WAITING_FOR_IT).fetchone() == (1,), every_s=0.01)
        # It has read nothing yet: what changes now is what it will see.
        (sooner,) = crowd.queue_callers(line, 1, priority=9)
        holder.rollback()
        assert waiting.result(timeout=10) == 1
    assert [contact for contact, _ in crowd.pairs(line.tenant)] == [sooner.id]


def test_a_burst_of_sixty_callers_finds_sixty_agents_each_once() -> None:
    line = calls.make_line()
    sessions = crowd.seat_agents(line.tenant, 60)
    numbers = [f"+4477008{number:05d}" for number in range(60)]

    def arrive(part: Sequence[str]) -> None:
        for ani in part:
            calls.call(line.number, ani=ani)

    at_once([lambda part=numbers[n::6]: arrive(part) for n in range(6)])  # type: ignore[misc] # bound at once
    _offered_once(line.tenant, 60)
    assert {offer.session_id for offer in crowd.offers(line.tenant)} == {session.id for session in sessions}
    with engine_scope(read_only=True):
        assert set(Contact.objects.filter(tenant=line.tenant).values_list("state", flat=True)) == {ContactState.OFFERED}


@pytest.mark.parametrize("matching", [contextlib.nullcontext, matching_aside], ids=["after", "within"])
def test_a_caller_and_an_agent_who_come_at_the_same_time_find_each_other_without_the_sweep(
    matching: Callable[[], AbstractContextManager[None]],
) -> None:
    """Both commit and match, the caller's report perhaps in one: whoever gets the lock second sees the first."""
    line = calls.make_line()
    for turn in range(12):
        session = factories.make_session(line.tenant)
        with matching():
            at_once(
                [
                    lambda: with_retries(lambda: calls.call(line.number)),
                    lambda session=session: set_ready(tenant_id=line.tenant.id, session_id=session.id, actor="agent:1"),  # type: ignore[misc]  # mypy guesses no default's type
                ]
            )
        assert len(crowd.offers(line.tenant)) == turn + 1, f"turn {turn}: nobody saw the pair"
        assert factories.slot_of(session).held
    crowd.expect_consistent(line.tenant)


def test_whichever_commits_first_the_pass_of_the_second_makes_the_pair() -> None:
    for agent_first in (True, False):
        line = calls.make_line()
        session = factories.make_session(line.tenant)

        def ready(line: calls.Line = line, session: Any = session) -> None:
            set_ready(tenant_id=line.tenant.id, session_id=session.id, actor="agent:1")

        def come(line: calls.Line = line) -> None:
            calls.call(line.number)

        asking = []
        with calls.matching_by_hand() as asked:
            for step in (ready, come) if agent_first else (come, ready):
                step()
                asking.append(set(asked.pools))
                asked.pools.clear()
        # Both had committed before either pass began, and each had asked for one.
        assert asking == [{line.tenant.id}] * 2
        assert [run_pool(line.tenant.id) for _ in asking] == [1, 0]


def test_hang_ups_and_passes_at_once_leave_no_slot_held_for_nobody() -> None:
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 10)
    with calls.matching_by_hand():
        contacts = calls.queued(line, 20)
    leave = [lambda contact=contact: calls.caller_hangs_up(contact) for contact in contacts[::2]]
    at_once([*leave, *[lambda: run_pool(line.tenant.id)] * 2])
    crowd.expect_consistent(line.tenant)
    states = [calls.now_of(contact).state for contact in contacts]
    assert states == [ContactState.ENDED, ContactState.OFFERED] * 10


def test_a_flood_of_requests_occupies_two_threads_a_pool() -> None:
    """asterisk#1961, #1972: one thread, 40,000 queues, a backlog of 62,000 tasks."""
    line = calls.make_line()
    began, go = threading.Semaphore(0), threading.Event()
    passes: list[object] = []

    def slow(pool: object) -> bool:
        passes.append(pool)
        began.release()
        return go.wait(timeout=10)

    runner, pools = MatchRunner(run=slow), frozenset({line.tenant.id})
    with ThreadPoolExecutor(12) as threads:
        first = threads.submit(runner, pools)
        assert began.acquire(timeout=5)
        second = threads.submit(runner, pools)
        until("the second one waits", lambda: runner._waiting, every_s=0.005)
        # Ten more come while one runs and one waits: the one that waits will see what they have committed.
        for joined in [threads.submit(runner, pools) for _ in range(10)]:
            joined.result(timeout=5)
        go.set()
        first.result(timeout=5)
        second.result(timeout=5)
    assert passes == [line.tenant.id] * 2


def test_with_an_executor_nobody_who_asks_waits_for_a_pass_of_somebody_else() -> None:
    line = calls.make_line()
    pools = frozenset({line.tenant.id})
    began, go = threading.Event(), threading.Event()
    threads_of: list[str] = []

    def slow(_pool: object, *, wait: bool = True) -> bool:
        threads_of.append(threading.current_thread().name)
        began.set()
        assert go.wait(timeout=10)
        return True

    with ThreadPoolExecutor(1, "aside") as aside, ThreadPoolExecutor(1, "first") as threads:
        runner = MatchRunner(run=slow, executor=aside)
        first = threads.submit(runner, pools)
        assert began.wait(timeout=5)
        runner(pools)  # returns, though the pass that it asked for waits for `go`
        go.set()
        first.result(timeout=5)
    assert threads_of == ["first_0", "aside_0"]


def test_a_pass_that_another_process_holds_up_is_left_to_the_executor() -> None:
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 1)
    with calls.matching_by_hand():
        (contact,) = calls.queued(line, 1)
    held, free = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with engine_scope():
            current_scope().statements.read((POOL_LOCK, [f"pool:{line.tenant.id}"]))
            held.set()
            assert free.wait(timeout=10)

    with ThreadPoolExecutor(1) as other, ThreadPoolExecutor(1) as aside:
        holding = other.submit(elsewhere)
        assert held.wait(timeout=5)
        with pytest.raises(PoolTaken):
            run_pool(line.tenant.id, wait=False)
        MatchRunner(run=match, executor=aside)(frozenset({line.tenant.id}))  # returns, though the pool is taken
        assert calls.now_of(contact).state == ContactState.QUEUED
        free.set()
        holding.result(timeout=5)
    assert calls.now_of(contact).state == ContactState.OFFERED


def test_a_pass_that_may_not_wait_does_not_wait_for_an_agents_row_either(admin_database_url: str) -> None:
    line = calls.make_line()
    (session,) = crowd.seat_agents(line.tenant, 1)
    (contact,) = crowd.queue_callers(line, 1)
    with psycopg.connect(admin_database_url) as stopped:
        stopped.execute("SELECT FROM agents_agentsession WHERE id = %s FOR UPDATE", [session.id])
        with pytest.raises(PoolTaken):
            run_pool(line.tenant.id, wait=False)
        assert calls.now_of(contact).state == ContactState.QUEUED
    assert run_pool(line.tenant.id, wait=False) == 1


WRITTEN_BY = "SELECT DISTINCT xmin::text FROM tenants_event WHERE aggregate_id = %s"


def test_a_workers_report_and_its_pass_are_one_transaction(admin_database_url: str) -> None:
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 1)
    with matching_aside():
        contact = calls.call(line.number)
    assert contact.state == ContactState.OFFERED
    with psycopg.connect(admin_database_url) as watcher:
        assert len(watcher.execute(WRITTEN_BY, [contact.id]).fetchall()) == 1


def test_a_report_whose_pass_is_held_up_is_committed_without_it(admin_database_url: str) -> None:
    """Somebody stopped holds the agent's row, then another process the pool: the caller waits in the queue at once."""
    line = calls.make_line()
    (session,) = crowd.seat_agents(line.tenant, 1)
    held_up = (
        ("SELECT FROM agents_agentsession WHERE id = %s FOR UPDATE", session.id),
        (POOL_LOCK, f"pool:{line.tenant.id}"),
    )
    for sql, held in held_up:
        # The pass that waits for the lock, in a thread of its own, is over when the block is.
        with matching_aside(), psycopg.connect(admin_database_url) as stopped:
            stopped.execute(sql, [held])
            contact = with_retries(lambda: calls.call(line.number))
            assert contact.state == ContactState.QUEUED
        assert calls.now_of(contact).state == ContactState.OFFERED
        calls.caller_hangs_up(contact)
    crowd.expect_consistent(line.tenant)
