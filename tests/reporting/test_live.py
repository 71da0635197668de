"""Live figures and the board's rows."""

import datetime as dt
import zoneinfo
from datetime import UTC
from uuid import UUID

import pytest

from agents.public import AgentSession
from reporting import board, live
from reporting.board import board_rows
from reporting.days import Day
from reporting.live import Live, read_live
from reporting.models import CallRecord
from routing.models import Offer, RoutingPolicy
from routing.public import ContactState, EndReason, OfferState, SegmentKind
from tenants.public import Tenant, engine_scope, run_query, tenant_scope
from tests.contact_rows import Stretch, join, make_call, make_contact
from tests.factories import make_agent, make_queue, make_reason, make_session, make_team, make_tenant, unique
from tests.statements import statements_sent

SECOND = dt.timedelta(seconds=1)


def midday(tenant: Tenant) -> dt.datetime:
    """Today at noon on the tenant's clock."""
    today = Day.at(dt.datetime.now(tz=UTC), tenant.zone)
    return today.begins + dt.timedelta(hours=12)


def read(tenant: Tenant) -> Live:
    with tenant_scope(tenant.id, read_only=True):
        return read_live(tenant.id)


def rows(tenant: Tenant, kind: str) -> list[dict[str, object]]:
    return [row for row in board_rows(tenant.id) if row["kind"] == kind]


def make_day(tenant: Tenant) -> tuple[UUID, AgentSession]:
    """A queue (in time: 15 s) with 3 answered, 2 abandoned, 1 short, 1 waiting, 1 that took another way, 1 test."""
    queue, session, noon = make_queue(tenant, target_seconds=15), make_session(tenant), midday(tenant)
    make_call(tenant, queue, session, at=noon, wait=5, talk=60, wrap_up=20)
    make_call(tenant, queue, session, at=noon, wait=15, talk=90, wrap_up=10)
    make_call(tenant, queue, session, at=noon, wait=40, talk=30, wrap_up=0)
    for wait, reason in ((15, "abandoned"), (16, "abandoned"), (2, "short_abandoned"), (30, "overflowed")):
        make_contact(tenant, at=noon, queue=queue, queued=0, ended=wait, reason=reason)
    make_contact(tenant, at=noon, queue=queue, queued=0, state=ContactState.QUEUED)
    make_call(tenant, queue, session, at=noon, is_test=True)
    return queue.id, session


def test_today_is_counted_with_short_abandons_apart_and_tests_left_out() -> None:
    tenant = make_tenant()
    make_day(tenant)

    figures = read(tenant)

    (queue,) = figures.queues
    counts = queue.service.counts
    assert (counts.offered, counts.answered, counts.abandoned, counts.short_abandoned) == (8, 3, 2, 1)
    assert queue.service.service_level == 3 / 5  # 5 s, 15 s answered and 15 s abandoned of 3 + 2
    assert queue.service.asa_s == 20
    assert queue.service.aht_s == (80 + 100 + 30) / 3
    assert (queue.service.variant, queue.service.threshold_seconds, queue.service.short_abandon_seconds) == ("B", 15, 5)
    assert (queue.service.waiting, queue.service.oldest_waiting_at) == (1, midday(tenant))
    assert figures.total == queue.service


def test_customers_of_a_segment_are_answered_in_time_by_their_own_service_level() -> None:
    tenant = make_tenant()
    make_day(tenant)
    with tenant_scope(tenant.id):
        RoutingPolicy.objects.create(segments={"gold": {"target_seconds": 14}, "slow": {"target_seconds": 40}})
    with engine_scope():
        CallRecord.objects.filter(connected_at=midday(tenant) + dt.timedelta(seconds=15)).update(segment="gold")
        CallRecord.objects.filter(connected_at=midday(tenant) + dt.timedelta(seconds=40)).update(segment="slow")
    (queue,) = read(tenant).queues
    assert queue.service.service_level == 3 / 5  # one of 15 s less, the one of 40 s more


def test_the_board_has_these_rows() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    queue_id, _session = make_day(tenant)

    (queue,) = rows(tenant, "queue")
    (total,) = rows(tenant, "total")

    figures = {
        "waiting": 1,
        "oldest_waiting_at": midday(tenant).isoformat(),
        "offered": 8,
        "answered": 3,
        "abandoned": 2,
        "short_abandoned": 1,
        "service_level": 0.6,
        "service_level_variant": "B",
        "service_level_seconds": 15,
        "asa_s": 20.0,
        "aht_s": 70.0,
    }
    assert queue == {
        "id": str(queue_id),
        "kind": "queue",
        "seq": 0,
        "name": queue["name"],
        "unserved": False,
        **figures,
    }
    assert total == {"id": "total", "kind": "total", "seq": 0, **figures}
    assert str(queue["oldest_waiting_at"]).endswith("+00:00")


def test_queues_with_different_thresholds_are_judged_by_their_own() -> None:
    tenant = make_tenant()
    session, noon = make_session(tenant), midday(tenant)
    make_call(tenant, make_queue(tenant, target_seconds=10), session, at=noon, wait=20)
    make_call(tenant, make_queue(tenant, target_seconds=30), session, at=noon, wait=20)

    total = read(tenant).total

    assert total.service_level == 0.5
    assert total.threshold_seconds is None
    assert total.short_abandon_seconds == 5


def test_an_empty_tenant_has_a_total_of_nothing() -> None:
    (total,) = board_rows(make_tenant().id)

    assert total == {
        "id": "total",
        "kind": "total",
        "seq": 0,
        "waiting": 0,
        "oldest_waiting_at": None,
        "offered": 0,
        "answered": 0,
        "abandoned": 0,
        "short_abandoned": 0,
        "service_level": None,
        "service_level_variant": "B",
        "service_level_seconds": None,
        "asa_s": None,
        "aht_s": None,
    }


def test_a_call_across_midnight_counts_whole_for_the_day_on_which_it_was_queued() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    queue, session = make_queue(tenant), make_session(tenant)
    midnight = Day.at(dt.datetime.now(tz=UTC), tenant.zone).begins
    make_call(tenant, queue, session, at=midnight - 1 * SECOND, wait=10, talk=60, wrap_up=20)
    make_call(tenant, queue, session, at=midnight, wait=4, talk=6, wrap_up=5)

    counts = read(tenant).total.counts

    assert (counts.offered, counts.answered, counts.wait_s, counts.handled, counts.handle_s) == (1, 1, 4, 1, 11)


@pytest.mark.nodb
@pytest.mark.parametrize(
    ("date", "hours"), [(dt.date(2026, 3, 28), 24), (dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25)]
)
def test_a_day_on_which_the_clocks_change_is_shorter_or_longer(date: dt.date, hours: int) -> None:
    day = Day(date, zoneinfo.ZoneInfo("Europe/Berlin"))

    assert day.ends - day.begins == dt.timedelta(hours=hours)
    assert Day.at(day.begins, day.zone) == day
    assert Day.at(day.ends - dt.timedelta(microseconds=1), day.zone) == day
    assert Day.at(day.ends, day.zone).date == date + dt.timedelta(days=1)


def test_agents_show_what_they_do_now() -> None:
    tenant = make_tenant(language="zh-hans")
    team = make_team(tenant, "Loans")
    queue = make_queue(tenant)
    sessions = [make_session(tenant, agent=make_agent(tenant, team=team, number=str(n))) for n in (1, 2, 3, 4)]
    lunch, talking, ringing, fresh = sessions
    now = dt.datetime.now(tz=UTC).replace(microsecond=0)
    reason = make_reason(tenant, "Lunch")
    with tenant_scope(tenant.id):
        AgentSession.objects.filter(id=lunch.id).update(reason=reason)
    join(make_contact(tenant, queue=queue, queued=0, state=ContactState.ENGAGED), talking, at=now)
    offered = make_contact(tenant, queue=queue, queued=0, state=ContactState.OFFERED)
    with engine_scope():
        Offer.objects.create(
            tenant=tenant,
            contact=offered,
            session=ringing,
            agent_tenant_id=tenant.id,
            state=OfferState.OFFERED,
            fence=1,
            leg_channel=f"leg-{unique()}",
            answer_mode="phone",
            lease_expires_at=now,
            offered_at=now,
        )

    found = {row["agent_number"]: row for row in rows(tenant, "agent")}

    assert [(row["state"], row["since"]) for row in (found["2"], found["3"])] == [
        ("talking", now.isoformat()),
        ("ringing", now.isoformat()),
    ]
    assert found["2"]["reason"] is None
    assert (found["1"]["state"], found["1"]["reason"], found["1"]["team"]) == ("not_ready", "Lunch", "Loans")
    assert found["4"] == {
        "id": str(fresh.id),
        "kind": "agent",
        "seq": fresh.version,
        "agent_number": "4",
        "name": "Bob",
        "team": "Loans",
        "station": found["4"]["station"],
        "state": "not_ready",
        "reason": found["4"]["reason"],
        "since": fresh.state_since.isoformat(),
    }
    assert read(tenant).agents_by_state(team.id) == {"not_ready": 2, "talking": 1, "ringing": 1}


def test_open_contacts_show_who_calls_and_who_serves_them() -> None:
    tenant = make_tenant()
    queue, session, noon = make_queue(tenant, name="Loans"), make_session(tenant), midday(tenant)
    talking = make_contact(
        tenant,
        at=noon,
        queue=queue,
        queued=1,
        answered=9,
        state=ContactState.ENGAGED,
        ani="+8675583660001",
        stretches=[Stretch(SegmentKind.QUEUE, 1, 9), Stretch(SegmentKind.TALK, 9, None, session)],
    )
    join(talking, session, at=noon + 9 * SECOND)
    hidden = make_contact(tenant, at=noon, state=ContactState.IN_FLOW, ani="+8675583660001", restricted=True)
    make_contact(tenant, at=noon, reason=EndReason.LEFT_FLOW)

    found = {row["id"]: row for row in rows(tenant, "contact")}

    assert found == {
        str(talking.id): {
            "id": str(talking.id),
            "kind": "contact",
            "seq": talking.version,
            "state": "engaged",
            "queue": "Loans",
            "since": (noon + 9 * SECOND).isoformat(),
            "order_at": (noon + SECOND).isoformat(),
            "agent": "Bob",
            "number": "+8675583660001",
            "channel": "voice",
            "is_test": False,
        },
        str(hidden.id): {
            "id": str(hidden.id),
            "kind": "contact",
            "seq": hidden.version,
            "state": "in_flow",
            "queue": None,
            "since": noon.isoformat(),
            "order_at": None,
            "agent": None,
            "number": "",
            "channel": "voice",
            "is_test": False,
        },
    }


def test_a_team_has_what_its_agents_handled() -> None:
    tenant = make_tenant()
    team, idle = make_team(tenant, "A"), make_team(tenant, "B")
    session, queue = make_session(tenant, agent=make_agent(tenant, team=team)), make_queue(tenant)
    make_call(tenant, queue, session, at=midday(tenant), talk=60, wrap_up=20)
    make_call(tenant, queue, session, at=midday(tenant), talk=30, wrap_up=10)

    teams = read(tenant).teams

    assert [(each.id, each.handled, each.aht_s) for each in teams] == [(team.id, 2, 60), (idle.id, 0, None)]
    assert [(each.offered, each.missed, each.answered, each.asa_s) for each in teams] == [
        (2, 0, 2, 10),
        (0, 0, 0, None),
    ]


def test_the_number_of_statements_does_not_grow() -> None:
    tenant = make_tenant()
    make_day(tenant)

    with statements_sent() as few:
        board_rows(tenant.id)
    make_day(tenant)
    make_day(tenant)
    with statements_sent() as many:
        board_rows(tenant.id)

    assert len(few) == len(many)
    assert sum("routing_" in sql or "tenants_tenant" in sql for sql in many) == 5


def test_another_tenant_sees_none_of_it_even_when_the_statement_asks_for_it() -> None:
    tenant, other = make_tenant(), make_tenant()
    make_day(tenant)

    noon, names = midday(tenant), ("queues.sql", "agents.sql", "contacts.sql", "teams.sql")

    with tenant_scope(other.id, read_only=True):
        foreign = {"tenant": tenant.id, "begins": noon - 86400 * SECOND, "ends": noon + 86400 * SECOND}
        found = [run_query(live.SQL / name, foreign) for name in names]

    assert found == [[], [], [], []]
    assert [row["kind"] for row in board.board_rows(other.id)] == ["total"]


def test_a_contact_is_handled_when_its_wrap_up_is_over() -> None:
    tenant = make_tenant()
    queue, session, noon = make_queue(tenant), make_session(tenant), midday(tenant)
    make_contact(
        tenant,
        at=noon,
        queue=queue,
        queued=0,
        answered=5,
        ended=65,
        metered_ms=60_000,
        stretches=[Stretch(SegmentKind.TALK, 5, 65, session), Stretch(SegmentKind.WRAP_UP, 65, None, session)],
    )

    counts = read(tenant).total.counts

    assert (counts.answered, counts.handled, counts.handle_s) == (1, 0, 0)
