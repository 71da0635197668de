"""A backup plan comes into force and is taken back: its states, its steps, those who wait, and who may not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from config.celery import app as celery
from reporting.board import board_rows
from routing.backup_states import ActivationState, BackupStep
from routing.models import Contact
from routing.node.handling import end_leg, handle
from routing.services.backup import STEP_SET, activate_plan, fail_back, run_step
from routing.services.outbound import outbound_name
from routing.states import ContactState
from routing.switch.port import LegAnswered, LegEnded
from routing.tasks import run_backup_step, send_step
from tenants.public import CSP_TENANT_ID, Conflict, Happened, Invalid, NotFound, uuid7
from tenants.timers import fire
from tests import factories
from tests.routing import backups
from tests.routing.backups import (
    activation_now,
    activations_of,
    announcement,
    begin,
    entry_point_of,
    in_force,
    make_plan,
    make_trunk,
    steps_due,
    take_steps,
    to_number,
    to_queue,
)
from tests.routing.calls import NODE, call, make_line, now_of, queued, segments, talk
from tests.threads import at_once

ALL_STEPS = ["check", "divert", "move", "confirm"]


# --- the steps --------------------------------------------------------------------------------------------------------


def test_it_comes_into_force_step_by_step_and_goes_back() -> None:
    line = make_line()
    activation = begin(make_plan(line, announcement()))
    assert (activation_now(activation).state, entry_point_of(line).backup_id) == ("activating", None)
    assert take_steps(activation) == ALL_STEPS
    now = activation_now(activation)
    assert (now.state, [step for step, _at in now.steps]) == ("active", ALL_STEPS)
    assert entry_point_of(line).backup_id == activation.id
    assert steps_due() == []
    fail_back(tenant_id=line.tenant.id, plan_id=activation.plan_id, actor=factories.ACTOR)
    assert take_steps(activation) == ["restore", "close"]
    now = activation_now(activation)
    assert (now.state, entry_point_of(line).backup_id) == ("inactive", None)
    assert now.active_at is not None
    assert now.ended_at is not None
    assert now.started_at < now.active_at < now.ended_at
    told = [kind for kind, _data in backups.events_of(line.tenant, "backup")]
    assert [kind for kind in told if kind not in (STEP_SET, "backup.step_done")] == [
        "backup.activating",
        "backup.active",
        "backup.failing_back",
        "backup.inactive",
    ]


def test_without_any_worker_the_engine_takes_each_step_when_its_timer_is_due() -> None:
    line = make_line()
    activation = begin(make_plan(line, announcement()))
    rounds = 0
    while due := steps_due():
        rounds += 1
        for timer in due:
            fire(timer)
    assert (rounds, activation_now(activation).state) == (len(ALL_STEPS), ActivationState.ACTIVE)


def test_a_step_that_is_asked_for_twice_at_once_is_done_once() -> None:
    line = make_line()
    activation = begin(make_plan(line, announcement()))
    at_once([lambda: run_backup_step(str(activation.tenant_id), str(activation.id))] * 4)
    done = [step for step, _at in activation_now(activation).steps]
    assert done == ALL_STEPS[: len(done)]
    told = backups.events_of(line.tenant, "backup")
    assert [data["step"] for kind, data in told if kind == "backup.step_done"] == done


def test_each_step_that_is_set_sends_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(run_backup_step, "apply_async", lambda args, retry: sent.append((args, retry)))
    tenant, activation = uuid7(), uuid7()
    send_step(Happened(uuid7(), tenant, STEP_SET, "backup", activation, 1, is_test=False, data={}))
    assert sent == [((str(tenant), str(activation)), False)]
    assert "routing.tasks.run_backup_step" in celery.tasks


def test_it_can_be_taken_back_before_it_is_in_force() -> None:
    line = make_line()
    activation = begin(make_plan(line, announcement()))
    run_step(tenant_id=line.tenant.id, activation_id=activation.id)
    run_step(tenant_id=line.tenant.id, activation_id=activation.id)
    backups.end(activation)
    assert (activation_now(activation).state, entry_point_of(line).backup_id) == ("inactive", None)


def test_it_is_in_force_once_however_many_ask() -> None:
    line = make_line()
    plan = make_plan(line, announcement())
    begin(plan)
    with pytest.raises(Conflict, match="in force already") as refused:
        begin(plan)
    assert refused.value.code == "backup-in-force"
    assert len(activations_of(plan)) == 1


def test_only_what_is_in_force_can_be_taken_back() -> None:
    plan = make_plan(make_line(), announcement())
    with pytest.raises(Conflict) as refused:
        fail_back(tenant_id=plan.tenant_id, plan_id=plan.id, actor=factories.ACTOR)
    assert refused.value.code == "backup-not-in-force"


def test_a_plan_without_routes_cannot_be_activated() -> None:
    plan = make_plan(make_line())
    with pytest.raises(Invalid) as refused:
        begin(plan)
    assert refused.value.code == "no-routes"
    assert activations_of(plan) == []


def test_another_tenants_plan_does_not_exist() -> None:
    plan, stranger = make_plan(make_line(), announcement()), factories.make_tenant()
    with pytest.raises(NotFound):
        activate_plan(tenant_id=stranger.id, plan_id=plan.id, actor=factories.ACTOR)
    with pytest.raises(NotFound):
        fail_back(tenant_id=stranger.id, plan_id=plan.id, actor=factories.ACTOR)


def test_every_step_has_its_place_in_one_of_the_two_ways() -> None:
    assert {*ALL_STEPS, "restore", "close"} == set(BackupStep.values)


def _place(contact: Contact) -> datetime:
    assert contact.order_at is not None
    return contact.order_at


# --- who waits, and who talks -----------------------------------------------------------------------------------------


def test_callers_who_wait_are_moved_where_the_route_takes_them_and_keep_their_order() -> None:
    line = make_line()
    first, second = queued(line, 2)
    other = factories.make_queue(line.tenant, requires={"french": 1})
    factories.make_session(line.tenant, skills={"french": 1})
    activation = in_force(line, announcement(), to_queue(other, takes_waiting=True))
    moved = [now_of(contact) for contact in (first, second)]
    assert [(contact.state, contact.queue_id) for contact in moved] == [(ContactState.QUEUED, other.id)] * 2
    assert [row.id for row in sorted(moved, key=_place)] == [first.id, second.id]
    assert activation_now(activation).moved == 2
    assert segments(first) == ["flow", "queue", "flow", "queue"]


def test_callers_who_wait_stay_where_they_are_when_no_route_takes_them() -> None:
    line = make_line()
    (waiting,) = queued(line, 1)
    activation = in_force(line, announcement(), to_queue(factories.make_queue(line.tenant)))
    assert (now_of(waiting).queue_id, activation_now(activation).moved) == (line.queue.id, 0)


def test_a_caller_who_was_moved_in_vain_has_the_old_place_again() -> None:
    line = make_line()
    first, second = queued(line, 2)
    before = now_of(first).order_at
    in_force(line, to_queue(factories.make_queue(line.tenant), takes_waiting=True), announcement())
    back = now_of(first)
    assert (back.state, back.queue_id, back.order_at) == (ContactState.QUEUED, line.queue.id, before)
    assert _place(back) < _place(now_of(second))


def test_a_caller_who_waits_is_moved_to_the_number_outside() -> None:
    line = make_line()
    make_trunk()
    (waiting,) = queued(line, 1)
    in_force(line, to_number(takes_waiting=True))
    (outside,) = backups.outbound_calls_of(line.tenant)
    handle(LegAnswered(channel=outbound_name(outside.id), at=datetime.now(UTC)), node=NODE)
    assert now_of(waiting).state == ContactState.DIVERTED
    end_leg(LegEnded(channel=outbound_name(outside.id), at=datetime.now(UTC), cause=16), node=NODE)
    assert (now_of(waiting).state, now_of(waiting).queue_id) == (ContactState.QUEUED, line.queue.id)


def test_calls_that_are_talked_go_on() -> None:
    line = make_line()
    factories.make_session(line.tenant, ready=True)
    contact = call(line.number)
    talk(contact)
    in_force(line, announcement(takes_waiting=True))
    assert now_of(contact).state == ContactState.ENGAGED


# --- on the live board ------------------------------------------------------------------------------------------------


def test_the_board_of_the_enterprise_and_the_operators_say_what_is_in_force() -> None:
    line, other = make_line(), factories.make_tenant()
    activation = in_force(line, announcement())

    def told(tenant_id: UUID) -> list[tuple[str, str, str, str]]:
        rows = [row for row in board_rows(tenant_id) if row["kind"] == "backup"]
        return [(row["id"], row["number"], row["state"], row["tenant"]) for row in rows]

    assert told(line.tenant.id) == [(str(activation.id), line.number, "active", "")]
    assert told(CSP_TENANT_ID) == [(str(activation.id), line.number, "active", line.tenant.name)]
    assert told(other.id) == []
    backups.end(activation)
    assert told(line.tenant.id) == told(CSP_TENANT_ID) == []
