"""A matching pass on PostgreSQL: whom it offers to whom, what it walks past, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connections

from agents.public import AgentSession, Slot, log_out, set_not_ready, set_ready
from routing.matching import run as running
from routing.matching.decide import ORDERS, decide
from routing.matching.run import run_pool
from routing.models import CommandKind, Contact, Queue, SlotHold
from routing.states import ContactState, OfferState
from tenants.models import Timer
from tenants.public import db_now, engine_scope, tenant_scope, uuid7
from tests import factories
from tests.routing import calls
from tests.routing.matching import crowd
from tests.statements import statements_sent
from tests.threads import at_once


def test_callers_are_served_by_priority_then_by_the_time_they_came() -> None:
    line = calls.make_line()
    later = crowd.queue_callers(line, 3)
    with engine_scope(read_only=True):
        earlier_at = db_now() - timedelta(minutes=1)
    earlier = crowd.queue_callers(line, 2, at=earlier_at)
    urgent = crowd.queue_callers(line, 1, priority=5)
    crowd.seat_agents(line.tenant, 4)
    assert run_pool(line.tenant.id) == 4
    expected = [urgent[0].id, earlier[0].id, earlier[1].id, later[0].id]
    assert [contact for contact, _ in crowd.pairs(line.tenant)] == expected
    crowd.expect_consistent(line.tenant)


def test_the_longest_idle_agent_is_asked_first() -> None:
    line = calls.make_line()
    sessions = crowd.seat_agents(line.tenant, 3)
    contacts = crowd.queue_callers(line, 3)
    assert run_pool(line.tenant.id) == 3
    assert crowd.pairs(line.tenant) == [(c.id, s.id) for c, s in zip(contacts, sessions, strict=True)]


def test_a_queue_may_prefer_the_most_proficient() -> None:
    line = calls.make_line(preference=Queue.Preference.MOST_PROFICIENT)
    crowd.seat_agents(line.tenant, 1)
    (expert,) = crowd.seat_agents(line.tenant, 1, skills={"english": 5})
    (contact,) = crowd.queue_callers(line, 1)
    assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant) == [(contact.id, expert.id)]
    decision = calls.offer_of(contact).decision
    assert (decision["fit"], decision["candidates"], decision["preference"]) == (5, 2, "most_proficient")


def test_who_lacks_the_skill_is_not_asked_and_holds_up_nobody() -> None:
    tenant = factories.make_tenant()
    french = calls.make_line(tenant, requires={"french": 2})
    english = calls.make_line(tenant)
    (waits,) = crowd.queue_callers(french, 1)
    (served,) = crowd.queue_callers(english, 1)
    beginner, speaker = (*crowd.seat_agents(tenant, 1, skills={"french": 1}), *crowd.seat_agents(tenant, 1))
    assert run_pool(tenant.id) == 1
    assert crowd.pairs(tenant) == [(served.id, speaker.id)]
    assert calls.now_of(waits).state == ContactState.QUEUED
    assert not factories.slot_of(beginner).held


def test_an_excluded_agent_is_left_out_until_the_exclusion_ends() -> None:
    line = calls.make_line()
    (session,) = crowd.seat_agents(line.tenant, 1)
    first, second = crowd.queue_callers(line, 2)
    with engine_scope(read_only=True):
        now = db_now()
    calls.exclude(first, session, until=now + timedelta(minutes=1))
    assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant) == [(second.id, session.id)]

    (other,) = crowd.seat_agents(line.tenant, 1)
    calls.exclude(first, other, until=now - timedelta(seconds=1))
    assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant)[1:] == [(first.id, other.id)]


def test_an_offer_is_written_with_everything_that_follows_from_it() -> None:
    line = calls.make_line(ring_seconds=15)
    (session,) = crowd.seat_agents(line.tenant, 1)
    (contact,) = crowd.queue_callers(line, 1)
    assert run_pool(line.tenant.id) == 1
    offer = calls.offer_of(contact)
    assert offer.slot_id is not None
    assert contact.order_at is not None
    assert (offer.state, offer.session_id, offer.fence) == (OfferState.OFFERED, session.id, 1)
    assert offer.lease_expires_at - offer.offered_at == timedelta(seconds=17)
    with engine_scope(read_only=True):
        timer = Timer.objects.get(kind="offer-lease", subject_id=offer.id)
        assert (timer.due_at, timer.data) == (offer.lease_expires_at, {"contact": str(contact.id), "fence": 1})
        assert SlotHold.objects.get(slot_id=offer.slot_id).offer_id == offer.id
    (dial,) = calls.commands(contact, CommandKind.DIAL)
    assert dial.arguments["channel"] == offer.leg_channel == f"agent.{offer.id}"
    assert (dial.arguments["timeout_s"], dial.session_id) == (15, session.id)
    assert offer.decision == {
        "demand": str(contact.demand_id), "step": 0, "priority": 0, "order_at": contact.order_at.isoformat(),
        "candidates": 1, "preference": "longest_idle", "fit": 3, "excluded": [],
        "idle_since": factories.slot_of(session).idle_since.isoformat(),
    }  # fmt: skip


def test_a_pool_sees_its_own_tenant_only() -> None:
    line, other = calls.make_line(), calls.make_line()
    crowd.queue_callers(line, 1)
    crowd.seat_agents(other.tenant, 1)
    assert (run_pool(line.tenant.id), run_pool(other.tenant.id)) == (0, 0)


def test_nothing_pairs_twice() -> None:
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 2)
    crowd.queue_callers(line, 1)
    assert [run_pool(line.tenant.id) for _ in range(3)] == [1, 0, 0]


def test_those_behind_the_first_rows_are_served_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three at a time are read; the first six exclude the only agents there are, who are behind others as well."""
    monkeypatch.setattr(running, "ROWS_A_ROUND", 3)
    line = calls.make_line()
    sessions = crowd.seat_agents(line.tenant, 2)
    contacts = crowd.queue_callers(line, 9)
    with engine_scope(read_only=True):
        until = db_now() + timedelta(minutes=1)
    for contact in contacts[:6]:
        for session in sessions:
            calls.exclude(contact, session, until=until)
    assert run_pool(line.tenant.id) == 2
    assert crowd.positions(contacts, line.tenant) == [6, 7]


# --- how the agent is chosen ------------------------------------------------------------------------------------------


def _figures(session: AgentSession, **figures: Any) -> None:
    with tenant_scope(session.tenant_id):
        assert Slot.objects.filter(session=session).update(**figures) == 1


@pytest.mark.parametrize("rows", [16, 3])
@pytest.mark.parametrize(
    ("rule", "order", "figures"),
    [
        ("least_occupied", "occupancy", (0.9, 0.25)),
        ("fewest_contacts", "contacts", (9, 3)),
        ("round_robin", "offered_at", ()),
    ],
)  # fmt: skip
def test_a_queue_may_prefer_by_other_figures_than_idleness(
    rule: str, order: str, figures: Sequence[Any], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is preferred is found behind many who have been idle for longer, though three at a time are read."""
    monkeypatch.setattr(running, "ROWS_A_ROUND", rows)
    line = calls.make_line(preference=rule)
    sessions = crowd.seat_agents(line.tenant, 9)
    with engine_scope(read_only=True):
        now = db_now()
    many, few = figures or (now, now - timedelta(hours=1))
    for number, session in enumerate(sessions):
        _figures(session, **{order: few if number in (5, 8) else many})
    contacts = crowd.queue_callers(line, 4)
    assert run_pool(line.tenant.id) == 4
    expected = [sessions[5], sessions[8], sessions[0], sessions[1]]
    assert crowd.pairs(line.tenant) == [(c.id, s.id) for c, s in zip(contacts, expected, strict=True)]
    decision = calls.offer_of(contacts[0]).decision
    assert decision["preference"] == rule
    assert decision[order] == (few.isoformat() if rule == "round_robin" else few)


def test_queues_with_different_rules_choose_from_the_same_agents() -> None:
    tenant = factories.make_tenant()
    idle, fair = calls.make_line(tenant), calls.make_line(tenant, preference=Queue.Preference.FEWEST_CONTACTS)
    sessions = crowd.seat_agents(tenant, 40)
    for number, session in enumerate(sessions):
        _figures(session, contacts=100 - number)
    with calls.matching_by_hand():
        (first,) = crowd.queue_callers(idle, 1)
        (second,) = crowd.queue_callers(fair, 1)
    assert run_pool(tenant.id) == 2
    assert sorted(crowd.pairs(tenant)) == sorted([(first.id, sessions[0].id), (second.id, sessions[39].id)])


def test_in_turn_each_agent_is_asked_once_before_any_is_asked_again() -> None:
    line = calls.make_line(preference=Queue.Preference.ROUND_ROBIN)
    sessions = {factories.make_session(line.tenant, ready=True).id for _ in range(3)}
    for _round in range(2):
        asked = []
        for _turn in range(3):
            contact = calls.call(line.number)
            asked.append(calls.offer_of(contact).session_id)
            calls.caller_hangs_up(contact)
        assert set(asked) == sessions


def _wait_for(contact: Contact, session: AgentSession, *, seconds: float) -> None:
    with engine_scope():
        until = db_now() + timedelta(seconds=seconds)
        Contact.objects.filter(id=contact.id).update(affinity_session=session, affinity_until=until)


@pytest.mark.parametrize("rows", [16, 2])
def test_an_affinity_finds_its_agent_behind_any_number_of_others(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ROWS_A_ROUND", rows)
    line = calls.make_line()
    sessions = crowd.seat_agents(line.tenant, 20)
    own, other = crowd.queue_callers(line, 2)
    _wait_for(own, sessions[17], seconds=60)
    assert run_pool(line.tenant.id) == 2
    assert crowd.pairs(line.tenant) == [(own.id, sessions[17].id), (other.id, sessions[0].id)]
    decision = calls.offer_of(own).decision
    assert (decision["affinity"], decision["candidates"]) == (str(sessions[17].id), 1)
    assert "affinity" not in calls.offer_of(other).decision


def test_who_waits_for_one_agent_does_not_make_the_pass_read_all_who_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ROWS_A_ROUND", 3)
    line = calls.make_line()
    *_, busy = crowd.seat_agents(line.tenant, 40)
    (own,) = crowd.queue_callers(line, 1)
    _figures(busy, open=False)
    _wait_for(own, busy, seconds=60)
    assert _cost(line.tenant.id) == (0, 5 + 5)
    assert calls.now_of(own).state == ContactState.QUEUED


def test_an_affinity_holds_up_nobody_and_ends_with_its_time_or_its_agents_log_out() -> None:
    line = calls.make_line()
    free, busy = crowd.seat_agents(line.tenant, 2)
    own, other = crowd.queue_callers(line, 2)
    _figures(busy, open=False)
    _wait_for(own, busy, seconds=60)
    assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant) == [(other.id, free.id)]
    (third, fourth) = crowd.seat_agents(line.tenant, 2)
    assert run_pool(line.tenant.id) == 0
    _wait_for(own, busy, seconds=-1)
    assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant)[1:] == [(own.id, third.id)]

    with calls.matching_by_hand():
        (again,) = crowd.queue_callers(line, 1)
        _wait_for(again, busy, seconds=60)
        assert run_pool(line.tenant.id) == 0
    log_out(tenant_id=line.tenant.id, session_id=busy.id, actor="agent:1")
    assert crowd.pairs(line.tenant)[2:] == [(again.id, fourth.id)]


# --- between deciding and locking -------------------------------------------------------------------------------------


def _meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[], Any]) -> None:
    """Let `change` commit on another connection after the pass has decided and before it locks, once."""
    locking = running._make_offers
    done: list[int] = []

    def late(*given: Any, **named: Any) -> None:
        if not done:
            done.append(1)
            at_once([change])
        locking(*given, **named)

    monkeypatch.setattr(running, "_make_offers", late)


def test_a_caller_who_left_meanwhile_falls_out_and_the_next_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    line = calls.make_line()
    with calls.matching_by_hand():
        (gone, stays) = calls.queued(line, 2)
        (session,) = crowd.seat_agents(line.tenant, 1)
        _meanwhile(monkeypatch, lambda: calls.caller_hangs_up(gone))
        assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant) == [(stays.id, session.id)]
    assert calls.now_of(gone).state == ContactState.ENDED
    crowd.expect_consistent(line.tenant)


def test_an_agent_now_not_ready_falls_out_and_the_next_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    line = calls.make_line()
    reason = factories.make_reason(line.tenant)
    with calls.matching_by_hand():
        first, second = crowd.seat_agents(line.tenant, 2)
        (contact,) = crowd.queue_callers(line, 1)
        _meanwhile(
            monkeypatch,
            lambda: set_not_ready(tenant_id=line.tenant.id, session_id=first.id, reason_id=reason.id, actor="agent:1"),
        )
        assert run_pool(line.tenant.id) == 1
    assert crowd.pairs(line.tenant) == [(contact.id, second.id)]
    crowd.expect_consistent(line.tenant)


def test_an_agent_who_becomes_ready_meanwhile_is_found_by_the_pass_that_they_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = calls.make_line()
    with calls.matching_by_hand():
        first, second = (*crowd.seat_agents(line.tenant, 1), *crowd.seat_agents(line.tenant, 1, ready=False))
        contacts = crowd.queue_callers(line, 2)
        _meanwhile(monkeypatch, lambda: set_ready(tenant_id=line.tenant.id, session_id=second.id, actor="agent:2"))
        assert [run_pool(line.tenant.id) for _ in range(2)] == [1, 1]
    assert crowd.pairs(line.tenant) == [(contacts[0].id, first.id), (contacts[1].id, second.id)]


# --- what it costs ----------------------------------------------------------------------------------------------------


def _cost(pool: Any) -> tuple[int, int]:
    """How many offers a pass makes and how many statements it takes."""
    with statements_sent() as sent:
        made = run_pool(pool)
    return made, len(sent)


@pytest.mark.parametrize(("waiting", "ready"), [(1, 1), (8, 1), (60, 1), (1, 60), (60, 0)])
def test_a_pass_takes_the_same_number_of_statements_however_many_wait_or_are_ready(waiting: int, ready: int) -> None:
    small, large = calls.make_line(), calls.make_line()
    for line, callers, agents in ((small, 1, min(ready, 1)), (large, waiting, ready)):
        crowd.seat_agents(line.tenant, agents or 1, ready=bool(agents))
        crowd.queue_callers(line, callers)
    one, many = _cost(small.tenant.id), _cost(large.tenant.id)
    # With something left on one side, the last round looks for a partner in vain: at most two queries more or less.
    assert one[0] == many[0] == min(ready, 1)
    assert abs(one[1] - many[1]) <= 2, (one, many)
    assert many[1] < 40


@pytest.mark.parametrize("rule", sorted(ORDERS))
@pytest.mark.parametrize("ready", [1, 15])
def test_no_rule_costs_a_statement_while_all_that_are_free_are_read(rule: str, ready: int) -> None:
    usual, other = calls.make_line(), calls.make_line(preference=rule)
    for line in (usual, other):
        crowd.seat_agents(line.tenant, ready)
        crowd.queue_callers(line, 1)
    assert _cost(usual.tenant.id) == _cost(other.tenant.id)


@pytest.mark.parametrize(("waiting", "ready"), [(0, 0), (5, 0), (0, 5)])
def test_an_idle_pass_is_one_question(waiting: int, ready: int) -> None:
    """BEGIN, the lock (with the clock), the slots, the contacts and the verdicts, asked together."""
    line = calls.make_line()
    crowd.seat_agents(line.tenant, ready)
    crowd.queue_callers(line, waiting)
    assert _cost(line.tenant.id) == (0, 5)


def test_the_queries_walk_their_indexes(admin_database_url: str) -> None:
    """With many rows the plan of each query is a walk of the index that its comment names, never a scan."""
    line = calls.make_line()
    crowd.queue_callers(line, 300)
    # So many that sorting them is never the cheaper way.
    crowd.seat_agents(line.tenant, 2_000)
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("ANALYZE routing_contact, agents_slot, routing_demand, agents_skillprofile")
    given: dict[str, Any] = {
        "pool": line.tenant.id,
        "limit": 64,
        "most": 256,
        "channels": ["voice"],
        "sessions": [uuid7()],
    }
    waiting = (running.SQL / "waiting.sql").read_text()
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for text, index, table in (
            (waiting, "waiting_contacts", "routing_contact"),
            ((running.SQL / "fits.sql").read_text(), "eligibility_once", "routing_eligibility"),
            ((running.SQL / "free_of.sql").read_text(), "agents_slot_session_id", "agents_slot"),
            (running.FREE["idle_since"], "free_slots on", "agents_slot"),
            *((running.FREE[by], f"free_slots_by_{by}", "agents_slot") for by in running.FREE if by != "idle_since"),
        ):  # fmt: skip
            cursor.execute(f"EXPLAIN {text}", given)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert index in plan, plan
            assert f"Seq Scan on {table}" not in plan, plan
            # In the index's own order: nothing is sorted, however many are free; but the first of each demand are.
            assert "Sort" not in plan or text is waiting, plan


def test_the_round_reads_no_more_rows_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    line = calls.make_line()
    crowd.queue_callers(line, 100)
    crowd.seat_agents(line.tenant, 1)
    read: list[int] = []

    def counted(*found: Any, **options: Any) -> Any:
        read.extend(map(len, found))
        return decide(*found, **options)

    monkeypatch.setattr(running, "decide", counted)
    assert run_pool(line.tenant.id) == 1
    assert max(read) == running.ROWS_A_ROUND


def test_unknown_pools_are_harmless() -> None:
    assert run_pool(uuid7()) == 0


def test_slots_of_a_session_that_is_not_open_are_never_chosen() -> None:
    line = calls.make_line()
    (session,) = crowd.seat_agents(line.tenant, 1)
    with tenant_scope(line.tenant.id):
        Slot.objects.filter(session=session).update(open=False)
    crowd.queue_callers(line, 1)
    assert run_pool(line.tenant.id) == 0
    with engine_scope(read_only=True):
        assert Contact.objects.filter(tenant=line.tenant, state=ContactState.QUEUED).count() == 1
