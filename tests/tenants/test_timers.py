"""Timers: set, replaced, dropped, and fired once however many engines look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections

from tenants import timers
from tenants.models import Timer
from tenants.public import (
    Customer,
    Due,
    Tenant,
    claim_timer,
    db_now,
    drop_timer,
    engine_scope,
    failing_timers,
    fire_due_timers,
    seconds_to_next_timer,
    set_timer,
    tenant_scope,
    uuid7,
)
from tests import factories

KIND = "test-timer"
AGO, LATER = timedelta(seconds=-1), timedelta(minutes=5)


@pytest.fixture
def tenant() -> Tenant:
    return factories.make_tenant()


@pytest.fixture
def handle() -> Iterator[Callable[[timers.Handler], None]]:
    """Register what carries out the test's timers."""

    def register(handler: timers.Handler) -> None:
        timers._handlers[KIND] = handler

    yield register
    timers._handlers.pop(KIND, None)


def _set(tenant: Tenant, subject: UUID, delay: timedelta, **data: object) -> None:
    with tenant_scope(tenant.id):
        set_timer(KIND, tenant_id=tenant.id, subject_id=subject, due_at=db_now() + delay, **data)


def _hasten() -> None:
    """Let what was put off be due now."""
    with engine_scope():
        Timer.objects.using("engine").update(due_at=db_now() + AGO)


def _rows() -> list[Timer]:
    with engine_scope(read_only=True):
        return list(Timer.objects.filter(kind=KIND).order_by("due_at"))


def _effect(due: Due) -> None:
    """Write one customer, if the timer is ours to fire."""
    with tenant_scope(due.tenant_id):
        if claim_timer(due):
            Customer.objects.create(name=str(due.subject_id))


def _effects(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id, read_only=True):
        return sorted(Customer.objects.values_list("name", flat=True))


def test_setting_it_again_replaces_it(tenant: Tenant) -> None:
    subject = uuid7()
    _set(tenant, subject, AGO, label="old")
    (first,) = _rows()
    _set(tenant, subject, LATER, label="new")
    (second,) = _rows()
    assert second.data == {"label": "new"}
    assert second.due_at > first.due_at
    assert second.id != first.id


def test_a_timer_that_was_replaced_after_it_was_found_due_is_not_fired(
    tenant: Tenant, handle: Callable[[timers.Handler], None]
) -> None:
    subject = uuid7()
    _set(tenant, subject, AGO)

    def replaced_first(due: Due) -> None:
        _set(tenant, subject, LATER)
        _effect(due)

    handle(replaced_first)
    assert fire_due_timers() == 1
    assert _effects(tenant) == []
    assert len(_rows()) == 1


def test_a_dropped_timer_is_not_fired(tenant: Tenant, handle: Callable[[timers.Handler], None]) -> None:
    subject = uuid7()
    _set(tenant, subject, AGO)
    with tenant_scope(tenant.id):
        drop_timer(KIND, subject_id=subject)
        drop_timer(KIND, subject_id=subject)
    handle(_effect)
    assert fire_due_timers() == 0
    assert _effects(tenant) == []


def test_it_fires_what_is_due_the_oldest_first_and_leaves_the_rest(
    tenant: Tenant, handle: Callable[[timers.Handler], None]
) -> None:
    fired: list[object] = []

    def note(due: Due) -> None:
        with engine_scope():
            assert claim_timer(due)
        fired.append(due.data["label"])

    handle(note)
    for label, delay in (("second", -1), ("first", -5), ("not yet", 60)):
        _set(tenant, uuid7(), timedelta(seconds=delay), label=label)
    assert fire_due_timers() == 2
    assert fired == ["first", "second"]
    (rest,) = _rows()
    assert rest.data == {"label": "not yet"}
    assert 50 < seconds_to_next_timer() <= 60
    assert fire_due_timers() == 0


def test_of_two_engines_that_fire_a_timer_at_once_one_has_the_effect(
    tenant: Tenant, handle: Callable[[timers.Handler], None]
) -> None:
    subjects = [uuid7() for _ in range(8)]
    for subject in subjects:
        _set(tenant, subject, AGO)
    met = threading.Barrier(2)

    def together(due: Due) -> None:
        met.wait(timeout=10)
        _effect(due)

    handle(together)

    def engine() -> int:
        try:
            return fire_due_timers()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        found = [run.result(timeout=30) for run in [pool.submit(engine), pool.submit(engine)]]
    assert found == [8, 8]
    assert _effects(tenant) == sorted(str(subject) for subject in subjects)
    assert _rows() == []


def test_the_claim_goes_with_the_effect(tenant: Tenant, handle: Callable[[timers.Handler], None]) -> None:
    subject = uuid7()
    _set(tenant, subject, AGO)
    tries = []

    def fails_once(due: Due) -> None:
        tries.append(due.id)
        with tenant_scope(due.tenant_id):
            assert claim_timer(due)
            Customer.objects.create(name="effect")
            if len(tries) == 1:
                raise LookupError("it dies before the commit")

    handle(fails_once)
    assert fire_due_timers() == 1
    assert (_effects(tenant), len(_rows())) == ([], 1)
    _hasten()
    assert fire_due_timers() == 1
    assert (_effects(tenant), len(_rows())) == (["effect"], 0)


def test_one_that_fails_holds_up_no_other_and_is_put_off_longer_each_time(
    tenant: Tenant, handle: Callable[[timers.Handler], None], caplog: pytest.LogCaptureFixture
) -> None:
    _set(tenant, uuid7(), timedelta(seconds=-9), label="bad")
    _set(tenant, uuid7(), timedelta(seconds=-1), label="good")

    def picky(due: Due) -> None:
        if due.data["label"] == "bad":
            raise LookupError("it always fails")
        _effect(due)

    handle(picky)
    waits = []
    for expected in (2, 1, 1, 1, 1, 1):
        assert fire_due_timers() == expected
        waits.append(round(seconds_to_next_timer()))
        assert fire_due_timers() == 0, "it is not tried again at once"
        _hasten()
    assert waits == [1, 5, 30, 300, 900, 900]
    assert len(_effects(tenant)) == 1
    assert [(row.data["label"], row.failures) for row in _rows()] == [("bad", 6)]
    assert caplog.text.count("a timer failed") == 6
    assert failing_timers() == {KIND: 1}


def test_many_that_fail_hide_no_other(tenant: Tenant, handle: Callable[[timers.Handler], None]) -> None:
    """river#1318: one full batch hid the stuck rest."""
    for _ in range(3):
        _set(tenant, uuid7(), timedelta(seconds=-9), label="bad")
    _set(tenant, uuid7(), timedelta(seconds=-1), label="good")

    def picky(due: Due) -> None:
        if due.data["label"] == "bad":
            raise LookupError("it always fails")
        _effect(due)

    handle(picky)
    assert fire_due_timers(limit=2) == 4
    assert len(_effects(tenant)) == 1


def test_one_that_its_handler_leaves_due_is_put_off(tenant: Tenant, handle: Callable[[timers.Handler], None]) -> None:
    _set(tenant, uuid7(), AGO)
    handle(lambda due: None)
    assert fire_due_timers() == 1
    assert fire_due_timers() == 0
    assert [row.failures for row in _rows()] == [1]


def test_one_that_works_at_last_is_gone_and_one_that_is_set_again_starts_anew(
    tenant: Tenant, handle: Callable[[timers.Handler], None]
) -> None:
    subjects = [uuid7(), uuid7()]
    for subject in subjects:
        _set(tenant, subject, AGO)

    def fail(due: Due) -> None:
        raise LookupError("not yet")

    handle(fail)
    assert fire_due_timers() == 2
    assert failing_timers() == {KIND: 2}
    _set(tenant, subjects[0], AGO)
    assert failing_timers() == {KIND: 1}
    _hasten()
    handle(_effect)
    assert fire_due_timers() == 2
    assert (failing_timers(), len(_effects(tenant))) == ({}, 2)


def test_an_unknown_kind_holds_up_no_other_and_is_put_off(
    tenant: Tenant, handle: Callable[[timers.Handler], None], caplog: pytest.LogCaptureFixture
) -> None:
    with tenant_scope(tenant.id):
        set_timer("nobody's", tenant_id=tenant.id, subject_id=uuid7(), due_at=db_now() + AGO)
    _set(tenant, uuid7(), AGO)
    handle(_effect)
    assert fire_due_timers() == 2
    assert len(_effects(tenant)) == 1
    assert "a timer failed" in caplog.text
    assert fire_due_timers() == 0
    assert failing_timers() == {"nobody's": 1}


def test_a_timer_of_another_tenant_cannot_be_dropped(tenant: Tenant) -> None:
    subject = uuid7()
    _set(tenant, subject, LATER)
    with tenant_scope(factories.make_tenant().id):
        drop_timer(KIND, subject_id=subject)
    assert len(_rows()) == 1
