"""Ready, not ready and longer wrap-up, as agents ask for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from agents.public import (
    AgentSession,
    NotReadyReason,
    Slot,
    Station,
    extend_wrap_up,
    log_out,
    set_not_ready,
    set_ready,
)
from tenants.models import Timer
from tenants.public import Conflict, HotseatError, Tenant, engine_scope, tenant_scope, uuid7
from tenants.timers import due_timers, fire
from tests.agents.wrapping import in_wrap_up, overdue
from tests.factories import ACTOR, make_reason, make_session, make_station, make_tenant, reread, slot_of


def ready(tenant: Tenant, session: AgentSession) -> AgentSession:
    return set_ready(tenant_id=tenant.id, session_id=session.id, actor=ACTOR)


def not_ready(tenant: Tenant, session: AgentSession, reason: NotReadyReason) -> AgentSession:
    return set_not_ready(tenant_id=tenant.id, session_id=session.id, reason_id=reason.id, actor=ACTOR)


def extend(tenant: Tenant, session: AgentSession, seconds: int) -> AgentSession:
    return extend_wrap_up(tenant_id=tenant.id, session_id=session.id, seconds=seconds, actor=ACTOR)


def test_ready_opens_the_slot_and_asks_for_a_match(acme: Tenant, matched: list[UUID]) -> None:
    session = make_session(acme)
    assert matched == []
    assert ready(acme, session).state == "ready"
    assert (slot_of(session).open, matched) == (True, [acme.id])


def test_ready_twice_changes_nothing(acme: Tenant) -> None:
    session = ready(acme, make_session(acme))
    assert ready(acme, session).version == session.version == reread(session).version


def test_an_unregistered_phone_is_seen_before_ready(acme: Tenant) -> None:
    session = make_session(acme, station=make_station(acme, extension="1001", reachable=False))
    with pytest.raises(Conflict) as refused:
        ready(acme, session)
    assert (refused.value.code, refused.value.data) == ("phone-unreachable", {"extension": "1001"})
    assert "1001" in refused.value.message
    assert reread(session).state == "not_ready"


def test_not_ready_closes_the_slot_at_once(acme: Tenant) -> None:
    lunch = make_reason(acme, "午餐 🍜")
    session = make_session(acme, ready=True)
    after = not_ready(acme, session, lunch)
    assert (after.state, after.reason_id, slot_of(session).open) == ("not_ready", lunch.id, False)


def test_not_ready_while_it_rings_leaves_the_offer_alone(acme: Tenant) -> None:
    session = make_session(acme, ready=True)
    with tenant_scope(acme.id):
        Slot.objects.filter(session_id=session.id).update(held=True)
    assert not_ready(acme, session, make_reason(acme)).state == "not_ready"
    slot = slot_of(session)
    assert (slot.open, slot.held) == (False, True)


def test_wrap_up_answers_with_what_follows(acme: Tenant, matched: list[UUID]) -> None:
    lunch = make_reason(acme)
    session = in_wrap_up(acme)
    matched.clear()
    asked = not_ready(acme, session, lunch)
    assert (asked.state, asked.next_state, asked.next_reason_id) == ("wrap_up", "not_ready", lunch.id)
    asked = ready(acme, session)
    assert (asked.state, asked.next_state, asked.next_reason_id) == ("wrap_up", "ready", None)
    assert matched == []


def test_a_reason_must_be_one_that_the_tenants_agents_may_give(acme: Tenant, globex: Tenant) -> None:
    session = make_session(acme, ready=True)
    with tenant_scope(acme.id, read_only=True):
        forced = NotReadyReason.objects.get(system_code="forced")
    for reason in (make_reason(globex), make_reason(acme, "old", active=False), forced):
        with pytest.raises(HotseatError) as refused:
            not_ready(acme, session, reason)
        assert (refused.value.code, refused.value.status) == ("reason-unknown", 404)
    assert reread(session).state == "ready"


def test_the_timer_ends_a_wrap_up(acme: Tenant, matched: list[UUID]) -> None:
    session = in_wrap_up(acme)
    matched.clear()
    assert due_timers() == []
    overdue(session)
    (due,) = due_timers()
    assert (due.kind, due.subject_id, due.tenant_id) == ("wrap-up", session.id, acme.id)
    fire(due)
    assert (reread(session).state, slot_of(session).open, matched) == ("ready", True, [acme.id])
    assert due_timers() == []


def test_a_stale_wrap_up_timer_does_not_end_the_next_wrap_up(acme: Tenant) -> None:
    """opensips#2679, asterisk#1006: wrap-up has its own deadline."""
    session = in_wrap_up(acme)
    overdue(session)
    (stale,) = due_timers()
    not_ready(acme, session, make_reason(acme))
    fire(stale)
    fire(stale)
    assert reread(session).version == session.version + 2


def test_a_longer_wrap_up_moves_its_timer(acme: Tenant) -> None:
    session = in_wrap_up(acme, seconds=30)
    assert session.wrap_up_until is not None
    after = extend(acme, session, 60)
    with engine_scope(read_only=True):
        timer = Timer.objects.get(subject_id=session.id)
    assert after.wrap_up_until == timer.due_at == session.wrap_up_until + timedelta(seconds=60)


def test_a_wrap_up_ends_after_half_an_hour_however_often_extended(acme: Tenant) -> None:
    session = in_wrap_up(acme, seconds=30)
    after = extend(acme, session, 10**18)
    assert after.wrap_up_until == session.state_since + timedelta(minutes=30)
    with pytest.raises(Conflict) as refused:
        extend(acme, session, 1)
    assert (refused.value.code, refused.value.data) == ("wrap-up-limit", {"minutes": 30})


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_wrap_up_is_never_shortened_by_extending(acme: Tenant, seconds: int) -> None:
    session = in_wrap_up(acme)
    with pytest.raises(HotseatError) as refused:
        extend(acme, session, seconds)
    assert (refused.value.code, refused.value.status) == ("invalid", 422)
    assert reread(session).wrap_up_until == session.wrap_up_until


def test_only_a_wrap_up_can_be_extended(acme: Tenant) -> None:
    with pytest.raises(Conflict) as refused:
        extend(acme, make_session(acme), 60)
    assert (refused.value.code, refused.value.data) == ("not-in-wrap-up", {"state": "not_ready"})


CALLS: dict[str, Callable[..., Any]] = {
    "ready": set_ready,
    "not ready": partial(set_not_ready, reason_id=uuid7()),
    "extend": partial(extend_wrap_up, seconds=60),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_session_that_is_over_or_foreign_is_refused(acme: Tenant, name: str) -> None:
    session = make_session(acme)
    stranger = make_tenant()
    with pytest.raises(HotseatError) as refused:
        CALLS[name](tenant_id=stranger.id, session_id=session.id, actor=ACTOR)
    assert (refused.value.code, refused.value.status) == ("session-unknown", 404)
    log_out(tenant_id=acme.id, session_id=session.id, actor=ACTOR)
    with pytest.raises(HotseatError) as refused:
        CALLS[name](tenant_id=acme.id, session_id=session.id, actor=ACTOR)
    assert (refused.value.code, refused.value.status) == ("session-over", 409)


def test_ready_after_the_phone_came_back(acme: Tenant) -> None:
    station = make_station(acme, reachable=False)
    session = make_session(acme, station=station)
    with tenant_scope(acme.id):
        Station.objects.filter(id=station.id).update(reachable=True)
    assert ready(acme, session).state == "ready"
