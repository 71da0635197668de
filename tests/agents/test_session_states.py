"""Every pair of the session's table, and every inner step from every state."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

import pytest

from agents.public import (
    SESSION,
    AgentSession,
    NotReadyReason,
    SessionState,
    back_off,
    begin_wrap_up,
    close_session,
    end_back_off,
    end_wrap_up,
    lock_sessions,
    make_not_ready,
    make_ready,
    plan_next,
    wrap_up_hooks,
)
from tenants.models import Timer
from tenants.public import (
    Conflict,
    Event,
    Scope,
    Tenant,
    db_now,
    engine_scope,
    tenant_scope,
    uuid7,
)
from tests.factories import make_reason, make_session, make_station, reread, slot_of

READY, NOT_READY, WRAP_UP, LOGGED_OUT = (
    SessionState.READY,
    SessionState.NOT_READY,
    SessionState.WRAP_UP,
    SessionState.LOGGED_OUT,
)
LEGAL = {
    (NOT_READY, READY),
    (NOT_READY, NOT_READY),
    (NOT_READY, WRAP_UP),
    (NOT_READY, LOGGED_OUT),
    (READY, NOT_READY),
    (READY, WRAP_UP),
    (READY, LOGGED_OUT),
    (WRAP_UP, READY),
    (WRAP_UP, NOT_READY),
    (WRAP_UP, LOGGED_OUT),
}
PAIRS = list(product(SessionState, SessionState))


@dataclass
class Thing:
    state: str


def scope_of(role: str, tenant: Tenant) -> AbstractContextManager[Scope]:
    return engine_scope() if role == "engine" else tenant_scope(tenant.id)


def step(session: AgentSession, target: SessionState, at: datetime) -> None:
    if target == READY:
        make_ready(session, at=at)
    elif target == NOT_READY:
        make_not_ready(session, system_code=NotReadyReason.System.MISSED, at=at)
    elif target == WRAP_UP:
        begin_wrap_up(session, contact_id=uuid7(), until=at + timedelta(seconds=30), at=at)
    else:
        close_session(session, at=at)


def session_in(tenant: Tenant, state: SessionState) -> AgentSession:
    session = make_session(tenant)
    if state != NOT_READY:
        with tenant_scope(tenant.id):
            locked = lock_sessions([session.id])[session.id]
            step(locked, state, db_now())
    return reread(session)


def timers_of(session_id: UUID) -> dict[str, datetime]:
    with engine_scope(read_only=True):
        return dict(Timer.objects.filter(subject_id=session_id).values_list("kind", "due_at"))


def events_of(session: AgentSession) -> list[Event]:
    with tenant_scope(session.tenant_id, read_only=True):
        return list(Event.objects.filter(aggregate_id=session.id).order_by("seq"))


@pytest.mark.nodb
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_it_allows_exactly_the_pairs_of_the_table(source: SessionState, target: SessionState) -> None:
    thing = Thing(source)
    if (source, target) in LEGAL:
        SESSION.apply(thing, target)
        assert thing.state == target
    else:
        with pytest.raises(Conflict) as refused:
            SESSION.apply(thing, target)
        assert (refused.value.code, refused.value.data) == ("illegal-transition", {"state": source, "wanted": target})
        assert thing.state == source


@pytest.mark.parametrize("role", ["app", "engine"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_each_step_moves_or_refuses_under_both_roles(
    acme: Tenant, source: SessionState, target: SessionState, role: str
) -> None:
    before = session_in(acme, source)
    legal = (source, target) in LEGAL

    def attempt() -> datetime:
        with scope_of(role, acme) as scope:
            session = lock_sessions([before.id])[before.id]
            now = db_now()
            step(session, target, now)
            assert scope.pools == ({acme.id} if target in (READY, LOGGED_OUT) else set())
            return now

    if not legal:
        with pytest.raises(Conflict):
            attempt()
        after = reread(before)
        assert (after.state, after.version, after.state_since) == (source, before.version, before.state_since)
        return
    now = attempt()
    after = reread(before)
    assert (after.state, after.state_since, after.version) == (target, now, before.version + 1)
    assert (after.logged_out_at is not None) == (target == LOGGED_OUT)
    assert slot_of(before).open == (target == READY)
    assert ("wrap-up" in timers_of(before.id)) == (target == WRAP_UP)
    event = events_of(before)[-1]
    assert (event.type, event.seq, event.data["state"], event.data["previous"]) == (
        "agent.state_changed",
        after.version,
        target,
        source,
    )
    assert event.data["reason"] == (str(after.reason_id) if after.reason_id else None)


def test_the_log_counts_the_session_without_a_gap(acme: Tenant) -> None:
    session = session_in(acme, WRAP_UP)
    with engine_scope():
        end_wrap_up(lock_sessions([session.id])[session.id], at=db_now())
    events = events_of(session)
    assert [event.seq for event in events] == [1, 2, 3]
    assert [event.type for event in events] == ["agent.logged_in", "agent.state_changed", "agent.state_changed"]


def test_the_same_reason_again_lets_the_time_count_on(acme: Tenant) -> None:
    lunch = make_reason(acme)
    session = make_session(acme)
    with tenant_scope(acme.id):
        locked = lock_sessions([session.id])[session.id]
        make_not_ready(locked, reason=lunch, at=db_now())
    since = reread(session)
    with tenant_scope(acme.id):
        make_not_ready(lock_sessions([session.id])[session.id], reason=lunch, at=db_now())
    after = reread(session)
    assert (after.reason_id, after.state_since, after.version) == (lunch.id, since.state_since, since.version)


def test_a_pause_does_not_count_as_idleness(acme: Tenant) -> None:
    session = make_session(acme)
    with tenant_scope(acme.id):
        now = db_now()
        make_ready(lock_sessions([session.id])[session.id], at=now)
    assert slot_of(session).idle_since == now


def test_a_pause_asked_for_during_a_contact_follows_the_wrap_up(acme: Tenant) -> None:
    """asterisk#607: wrap-up belongs to the agent; flex-project-template#290: the server owns what follows."""
    lunch = make_reason(acme)
    session = make_session(acme, ready=True)
    contact_id = uuid7()
    with tenant_scope(acme.id):
        make_not_ready(lock_sessions([session.id])[session.id], reason=lunch, at=db_now())
    with engine_scope():
        now = db_now()
        locked = lock_sessions([session.id])[session.id]
        begin_wrap_up(locked, contact_id=contact_id, until=now + timedelta(seconds=30), at=now)
    during = reread(session)
    assert (during.state, during.reason) == (WRAP_UP, None)
    assert (during.next_state, during.next_reason_id) == (NOT_READY, lunch.id)
    assert (during.wrap_up_contact_id, during.wrap_up_until) == (contact_id, now + timedelta(seconds=30))
    assert timers_of(session.id) == {"wrap-up": now + timedelta(seconds=30)}
    with engine_scope():
        end_wrap_up(lock_sessions([session.id])[session.id], at=db_now())
    after = reread(session)
    assert (after.state, after.reason_id) == (NOT_READY, lunch.id)
    assert (after.next_state, after.next_reason) == (READY, None)
    assert (after.wrap_up_contact_id, after.wrap_up_until) == (None, None)
    assert timers_of(session.id) == {}


def test_the_next_state_is_one_replaceable_field(acme: Tenant) -> None:
    lunch = make_reason(acme)
    session = session_in(acme, WRAP_UP)
    with tenant_scope(acme.id) as scope:
        locked = lock_sessions([session.id])[session.id]
        plan_next(locked, state=READY, reason=None, at=db_now())
        plan_next(locked, state=NOT_READY, reason=lunch, at=db_now())
        plan_next(locked, state=READY, reason=None, at=db_now())
        end_wrap_up(locked, at=db_now())
        assert scope.pools == {acme.id}
    assert reread(session).state == READY


def test_wrap_up_ends_in_not_ready_when_the_phone_went_meanwhile(acme: Tenant) -> None:
    station = make_station(acme)
    session = make_session(acme, station=station, ready=True)
    with engine_scope():
        locked = lock_sessions([session.id])[session.id]
        begin_wrap_up(locked, contact_id=uuid7(), until=db_now(), at=db_now())
    with tenant_scope(acme.id):
        type(station).objects.filter(id=station.id).update(reachable=False)
    with engine_scope():
        end_wrap_up(lock_sessions([session.id])[session.id], at=db_now())
    after = reread(session)
    assert after.reason is not None
    assert (after.state, after.reason.system_code) == (NOT_READY, "unreachable")


def test_ending_a_wrap_up_twice_ends_it_once(acme: Tenant) -> None:
    session = session_in(acme, WRAP_UP)
    with engine_scope():
        locked = lock_sessions([session.id])[session.id]
        end_wrap_up(locked, at=db_now())
        end_wrap_up(locked, at=db_now())
    assert reread(session).version == session.version + 1


def test_whoever_hooks_on_hears_of_the_end_of_each_wrap_up(acme: Tenant) -> None:
    heard: list[tuple[UUID, UUID, datetime]] = []
    wrap_up_hooks.append(lambda row, contact_id, at: heard.append((row.id, contact_id, at)))
    try:
        for end in (READY, NOT_READY, LOGGED_OUT):
            session = session_in(acme, WRAP_UP)
            with engine_scope():
                now = db_now()
                step(lock_sessions([session.id])[session.id], end, now)
            assert heard.pop() == (session.id, session.wrap_up_contact_id, now)
    finally:
        wrap_up_hooks.pop()
    assert heard == []


def test_a_back_off_keeps_the_slots_closed_and_the_state(acme: Tenant) -> None:
    """freeswitch#1216: one unreachable agent does not hold up the queue."""
    session = make_session(acme, ready=True)
    with engine_scope() as scope:
        until = db_now() + timedelta(seconds=5)
        back_off(lock_sessions([session.id])[session.id], until=until, at=db_now())
        assert scope.pools == set()
    during = reread(session)
    assert (during.state, during.backoff_until, slot_of(session).open) == (READY, until, False)
    assert timers_of(session.id) == {"back-off": until}
    with engine_scope() as scope:
        locked = lock_sessions([session.id])[session.id]
        end_back_off(locked, at=db_now())
        end_back_off(locked, at=db_now())
        assert scope.pools == {acme.id}
    assert (reread(session).backoff_until, slot_of(session).open, timers_of(session.id)) == (None, True, {})
    assert [event.type for event in events_of(session)][-2:] == ["agent.backed_off", "agent.back_off_ended"]


def test_ready_does_not_shorten_a_back_off(acme: Tenant) -> None:
    session = make_session(acme)
    with engine_scope() as scope:
        locked = lock_sessions([session.id])[session.id]
        back_off(locked, until=db_now() + timedelta(seconds=5), at=db_now())
        make_ready(locked, at=db_now())
        assert scope.pools == set()
    assert (reread(session).state, slot_of(session).open) == (READY, False)


def test_logging_out_takes_the_timers_along(acme: Tenant) -> None:
    session = session_in(acme, WRAP_UP)
    with engine_scope():
        locked = lock_sessions([session.id])[session.id]
        back_off(locked, until=db_now() + timedelta(seconds=5), at=db_now())
        close_session(locked, at=db_now())
    assert timers_of(session.id) == {}


def test_it_locks_in_the_order_of_ids_and_leaves_out_what_is_foreign(acme: Tenant, globex: Tenant) -> None:
    ours, theirs, other = make_session(acme), make_session(globex), make_session(acme)
    with tenant_scope(acme.id):
        assert list(lock_sessions([other.id, theirs.id, ours.id])) == sorted([ours.id, other.id])
    with engine_scope():
        assert list(lock_sessions([other.id, theirs.id, ours.id])) == sorted([ours.id, theirs.id, other.id])
