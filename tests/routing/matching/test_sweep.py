"""The net under matching: what no pass has made is found, made, counted and told."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from agents.public import ensure_profile
from routing.eligibility import ensure_demands, judge, judge_missing
from routing.matching.sweep import pools_with_pairs, sweep
from routing.models import Eligibility
from routing.states import ContactState
from tenants.public import db_now, engine_scope
from tests import factories
from tests.routing import calls
from tests.routing.matching import crowd
from tests.threads import at_once


def _overlooked(line: calls.Line, *, age_s: float) -> tuple[object, object]:
    """A pair that nobody has made, eligible for so many seconds."""
    with engine_scope(read_only=True):
        at = db_now() - timedelta(seconds=age_s)
    (contact,) = crowd.queue_callers(line, 1, at=at)
    sessions = crowd.seat_agents(line.tenant, 1)
    return contact.id, sessions[0].id


def _age(url: str, line: calls.Line, seconds: float) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "UPDATE agents_slot SET idle_since = clock_timestamp() - %s * interval '1 second' WHERE tenant_id = %s",
            [seconds, line.tenant.id],
        )


def test_a_pair_made_by_hand_is_found_matched_counted_and_logged(
    admin_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    line = calls.make_line()
    pair = _overlooked(line, age_s=5)
    _age(admin_database_url, line, 5)
    assert pools_with_pairs() == [line.tenant.id]
    assert sweep() == {"verdicts": 0, "offers": 1}
    assert crowd.pairs(line.tenant) == [pair]
    assert caplog.text.count("sweep: a pool had a pair that no pass had made") == 1
    assert sweep() == {"verdicts": 0, "offers": 0}


def test_a_pair_is_as_old_as_the_younger_of_the_two(admin_database_url: str) -> None:
    line = calls.make_line()
    _overlooked(line, age_s=60)
    _age(admin_database_url, line, 0)
    assert pools_with_pairs(patience_seconds=30) == []
    _age(admin_database_url, line, 31)
    assert pools_with_pairs(patience_seconds=30) == [line.tenant.id]


def test_in_health_there_is_nothing_to_find() -> None:
    line = calls.make_line()
    factories.make_session(line.tenant, ready=True)
    served, waits = calls.queued(line, 2)
    assert (calls.now_of(served).state, calls.now_of(waits).state) == (ContactState.OFFERED, ContactState.QUEUED)
    assert pools_with_pairs(patience_seconds=0) == []
    assert sweep() == {"verdicts": 0, "offers": 0}


def test_an_exclusion_keeps_a_pair_out_of_the_sweep_too(admin_database_url: str) -> None:
    line = calls.make_line()
    with calls.matching_by_hand():
        (contact,) = calls.queued(line, 1)
    (session,) = crowd.seat_agents(line.tenant, 1)
    with engine_scope(read_only=True):
        now = db_now()
    calls.exclude(contact, session, until=now + timedelta(minutes=1))
    _age(admin_database_url, line, 60)
    assert pools_with_pairs(patience_seconds=0) == []


@pytest.mark.nodb
@pytest.mark.parametrize(
    ("requires", "skills", "verdict"),
    [
        ("", {}, (True, 0)),
        ("", {"english": 3}, (True, 0)),
        ("english>=3", {"english": 3}, (True, 3)),
        ("english>=3", {"english": 2}, (False, 0)),
        ("english>=3", {}, (False, 0)),
        ("english&loans>=2", {"english": 4, "loans": 5, "cards": 1}, (True, 9)),
        ("english&loans>=2", {"english": 4, "loans": 1}, (False, 0)),
        ("english|loans>=2", {"english": 4, "loans": 5}, (True, 5)),
        ("english&!trainee", {"english": 4, "trainee": 1}, (False, 0)),
        ("english&!trainee", {"english": 4}, (True, 4)),
    ],
)
def test_a_profile_fits_a_demand_when_it_meets_the_expression(
    requires: str, skills: dict[str, int], verdict: tuple[bool, int]
) -> None:
    assert judge(requires, skills) == verdict


def test_a_missing_verdict_is_computed_counted_and_matched(admin_database_url: str) -> None:
    line = calls.make_line()
    crowd.seat_agents(line.tenant, 1, skills={"english": 1})
    (session,) = crowd.seat_agents(line.tenant, 1)
    (contact,) = crowd.queue_callers(line, 1)
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("DELETE FROM routing_eligibility")
    # The yes is what makes the pair, the no is stored as well; the pass follows the commit.
    assert sweep()["verdicts"] == 2
    with engine_scope(read_only=True):
        assert sorted(Eligibility.objects.values_list("fits", "fit")) == [(False, 0), (True, 3)]
    assert crowd.pairs(line.tenant) == [(contact.id, session.id)]
    assert judge_missing(line.tenant.id) == 0
    assert sweep()["verdicts"] == 0


def test_demands_and_profiles_made_at_once_miss_no_verdict() -> None:
    """Two created together must not miss each other: both take one lock, in a statement of its own."""
    tenant = factories.make_tenant()
    queues = [factories.make_queue(tenant, requires={"english": level}) for level in (1, 2, 3, 4)]
    at_once(
        [
            *[lambda q=queue: ensure_demands(tenant_id=tenant.id, queue_id=q.id) for queue in queues],
            *[lambda n=n: ensure_profile(tenant_id=tenant.id, skills={"english": n}) for n in (1, 2, 3, 4)],
        ]
    )
    with engine_scope(read_only=True):
        assert Eligibility.objects.filter(tenant=tenant).count() == 16
        assert Eligibility.objects.filter(tenant=tenant, fits=True).count() == 10
    assert judge_missing(tenant.id) == 0
