"""A backup plan comes into force and is taken back, step by step.

A step is one transaction that does its part, sets the next step, and leaves two things behind: an event, by which the
relay has a Celery worker do the next step at once, and a timer, by which the engine does it should no worker come. The
timer's row is the truth: whoever deletes it, in the step's own transaction, has done the step. So a process may die
anywhere; what was not committed is done again, what was is not.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from routing.backup_states import ACTIVATION, NEXT_STEP, ActivationState, BackupStep
from routing.models import BackupActivation, BackupPlan, BackupRoute, Contact, Direction, Diversion, EntryPoint
from routing.services.backup_calls import move_waiting
from routing.services.backup_plans import RoutesRefused, live_activation, lock_plan
from routing.services.backup_targets import Fault, judge_ways, ways_of
from routing.services.outside import read_outside
from routing.states import ContactState
from tenants.public import (
    Conflict,
    Due,
    Invalid,
    NotFound,
    claim_timer,
    db_now,
    drop_timer,
    has_timer,
    insert_row,
    record,
    set_timer,
    tenant_scope,
    timer_handler,
    writing,
)

log = logging.getLogger(__name__)

STEP_TIMER = "backup-step"
STEP_SET = "backup.step_set"
STEP_NET = timedelta(seconds=2)
"""How long a Celery worker has for a step before the engine does it."""

MOST_MOVED_AT_ONCE = 50


def activate_plan(
    *, tenant_id: UUID, plan_id: UUID, actor: str, cause: str = BackupActivation.Cause.HAND
) -> BackupActivation:
    """Begin to send the number's calls over its backup routes; the steps follow by themselves.

    By hand, every route must be sound: raises RoutesRefused with what is wrong with each, Invalid "no-routes" for a
    plan without any. By a rule, the sound ones are taken and the others left out by the first step. Raises NotFound,
    Conflict "backup-in-force" when the plan is in force already.
    """
    if cause == BackupActivation.Cause.HAND:
        faults = _judge(tenant_id, plan_id)
        if faults:
            raise RoutesRefused(faults)
    with writing(tenant_id, actor=actor):
        return begin_activation(lock_plan(plan_id), cause=cause, actor=actor)


def begin_activation(plan: BackupPlan, *, cause: str, actor: str) -> BackupActivation:
    """Write the activation and set its first step. Inner step; the plan is locked."""
    if live_activation(plan) is not None:
        raise Conflict(
            _("The backup of %(number)s is in force already.") % {"number": plan.number}, code="backup-in-force"
        )
    if not BackupRoute.objects.filter(plan=plan).exists():
        raise Invalid(_("The plan has no route yet. Add one first."), code="no-routes")
    now = db_now()
    activation = BackupActivation(
        tenant_id=plan.tenant_id, plan=plan, cause=cause, started_at=now, started_by=actor, step=BackupStep.CHECK
    )
    _record("backup.activating", activation, plan, at=now, cause=str(cause))
    _set_step(activation, plan, BackupStep.CHECK, at=now)
    insert_row(activation)
    return activation


def fail_back(*, tenant_id: UUID, plan_id: UUID, actor: str) -> BackupActivation:
    """Begin to send the number's calls the usual way again. Calls on backup routes go on to their end.

    Raises NotFound, Conflict "backup-not-in-force" for a plan that is not in force, or fails back already.
    """
    with writing(tenant_id, actor=actor):
        plan = lock_plan(plan_id)
        activation = live_activation(plan)
        if activation is None or activation.state == ActivationState.FAILING_BACK:
            message = _("The backup of %(number)s is not in force.") % {"number": plan.number}
            raise Conflict(message, code="backup-not-in-force")
        begin_fail_back(plan, activation, actor=actor)
        return activation


def begin_fail_back(plan: BackupPlan, activation: BackupActivation, *, actor: str) -> None:
    """Set the first step of failing back. Inner step; plan and activation are locked."""
    now = db_now()
    ACTIVATION.apply(activation, ActivationState.FAILING_BACK)
    activation.ended_by = actor
    _record("backup.failing_back", activation, plan, at=now)
    _set_step(activation, plan, BackupStep.RESTORE, at=now)
    activation.save(update_fields=["state", "ended_by", "step", "version"])


def run_step(*, tenant_id: UUID, activation_id: UUID) -> str:
    """Do the activation's next step if it is still to be done; return its name, "" when there is none."""
    with tenant_scope(tenant_id, read_only=True):
        activation = BackupActivation.objects.filter(id=activation_id).first()
        if activation is None:
            raise NotFound(f"There is no activation {activation_id}.")
        step, plan_id = activation.step, activation.plan_id
    if not step:
        return ""
    # What a step needs from outside the tenant's scope, or does contact by contact, comes before its transaction.
    prepared = _PREPARATIONS[step](_Work(tenant_id, plan_id, activation_id))
    with tenant_scope(tenant_id):
        plan = lock_plan(plan_id)
        current = live_activation(plan)
        if current is None or current.id != activation_id or current.step != step:
            return ""
        if not has_timer(STEP_TIMER, subject_id=activation_id):
            return ""
        drop_timer(STEP_TIMER, subject_id=activation_id)
        _EFFECTS[step](plan, current, prepared)
    log.info("backup step done", extra={"activation": str(activation_id), "step": step})
    return str(step)


@timer_handler(STEP_TIMER)
def step_timer(due: Due) -> None:
    """No Celery worker did the step in time."""
    if not run_step(tenant_id=due.tenant_id, activation_id=due.subject_id):
        with tenant_scope(due.tenant_id):
            # The step was done or undone meanwhile: then this timer is gone, or belongs to no step any more.
            gone = not BackupActivation.objects.filter(id=due.subject_id).exclude(step="").exists()
            if gone:
                claim_timer(due)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a step is about."""

    tenant_id: UUID
    plan_id: UUID
    activation_id: UUID


def _judge(tenant_id: UUID, plan_id: UUID) -> list[Fault]:
    """Return what is wrong with the plan's stored routes now."""
    with tenant_scope(tenant_id, read_only=True):
        plan = BackupPlan.objects.select_related("number").filter(id=plan_id).first()
        if plan is None:
            raise NotFound(_("There is no such backup plan."), plan=str(plan_id))
        ways = ways_of(BackupRoute.objects.filter(plan=plan))
    return judge_ways(ways, number=plan.number, watched_queue_id=plan.queue_id, barred=read_outside().barred)


def _prepare_check(work: _Work) -> list[Fault]:
    return _judge(work.tenant_id, work.plan_id)


def _prepare_nothing(work: _Work) -> None:
    return None


def _prepare_move(work: _Work) -> int:
    """Move those who wait, each in a transaction of its own; one that was moved before is not met again."""
    moved = 0
    while contacts := _waiting(work):
        for contact_id in contacts:
            moved += move_waiting(tenant_id=work.tenant_id, contact_id=contact_id, activation_id=work.activation_id)
    return moved


def _waiting(work: _Work) -> list[UUID]:
    """Return some contacts that wait for what is in trouble and were not moved yet; none when no route takes such."""
    with tenant_scope(work.tenant_id, read_only=True):
        activation = BackupActivation.objects.select_related("plan").get(id=work.activation_id)
        routes = BackupRoute.objects.filter(plan=activation.plan, takes_waiting=True)
        if activation.state != ActivationState.ACTIVATING or not routes.exists():
            return []
        rows = Contact.objects.filter(
            state=ContactState.QUEUED,
            direction=Direction.INBOUND,
            entry_point__number_id=activation.plan.number_id,
        )
        if activation.cause == BackupActivation.Cause.QUEUE:
            rows = rows.filter(queue_id=activation.plan.queue_id)
        tried = Diversion.objects.filter(activation=activation).values("contact_id")
        rows = rows.exclude(id__in=tried).order_by("order_at", "id")
        return list(rows.values_list("id", flat=True)[:MOST_MOVED_AT_ONCE])


def _check(plan: BackupPlan, activation: BackupActivation, faults: list[Fault]) -> None:
    """Leave out what may not be dialled; fail when nothing is left."""
    routes = list(BackupRoute.objects.filter(plan=plan))
    wrong = {fault.place: fault.code for fault in faults}
    activation.refused = {str(route.id): wrong[route.position] for route in routes if route.position in wrong}
    if len(activation.refused) < len(routes):
        _done(activation, plan, refused=len(activation.refused))
        return
    now = db_now()
    ACTIVATION.apply(activation, ActivationState.FAILED)
    activation.ended_at, activation.step = now, ""
    _record("backup.failed", activation, plan, at=now, refused=activation.refused)
    activation.save()


def _divert(plan: BackupPlan, activation: BackupActivation, prepared: None) -> None:
    EntryPoint.objects.filter(number_id=plan.number_id).update(backup=activation)
    _done(activation, plan)


def _move(plan: BackupPlan, activation: BackupActivation, moved: int) -> None:
    # Counted from the rows: whoever did this step before and died had moved some.
    activation.moved = Diversion.objects.filter(activation=activation, waited=True).count()
    _done(activation, plan, moved=activation.moved)


def _confirm(plan: BackupPlan, activation: BackupActivation, prepared: None) -> None:
    ACTIVATION.apply(activation, ActivationState.ACTIVE)
    activation.active_at = db_now()
    _done(activation, plan)
    _record("backup.active", activation, plan, at=activation.active_at)
    activation.save(update_fields=["version"])


def _restore(plan: BackupPlan, activation: BackupActivation, prepared: None) -> None:
    EntryPoint.objects.filter(backup=activation).update(backup=None)
    _done(activation, plan)


def _close(plan: BackupPlan, activation: BackupActivation, prepared: None) -> None:
    ACTIVATION.apply(activation, ActivationState.INACTIVE)
    activation.ended_at = db_now()
    _done(activation, plan)
    _record("backup.inactive", activation, plan, at=activation.ended_at)
    activation.save(update_fields=["version"])


_PREPARATIONS: Mapping[str, Callable[[_Work], Any]] = MappingProxyType(
    {
        BackupStep.CHECK: _prepare_check,
        BackupStep.DIVERT: _prepare_nothing,
        BackupStep.MOVE: _prepare_move,
        BackupStep.CONFIRM: _prepare_nothing,
        BackupStep.RESTORE: _prepare_nothing,
        BackupStep.CLOSE: _prepare_nothing,
    }
)
_EFFECTS: Mapping[str, Callable[[BackupPlan, BackupActivation, Any], None]] = MappingProxyType(
    {
        BackupStep.CHECK: _check,
        BackupStep.DIVERT: _divert,
        BackupStep.MOVE: _move,
        BackupStep.CONFIRM: _confirm,
        BackupStep.RESTORE: _restore,
        BackupStep.CLOSE: _close,
    }
)


def _done(activation: BackupActivation, plan: BackupPlan, **data: Any) -> None:
    """Note the step as done, set the next one, and save the activation."""
    now, step = db_now(), BackupStep(activation.step)
    activation.steps = [*activation.steps, [str(step), now.isoformat()]]
    _record("backup.step_done", activation, plan, at=now, step=str(step), **data)
    following = NEXT_STEP.get(step)
    if following is None:
        activation.step = ""
    else:
        _set_step(activation, plan, following, at=now)
    activation.save()


def _set_step(activation: BackupActivation, plan: BackupPlan, step: BackupStep, *, at: datetime) -> None:
    activation.step = step
    set_timer(STEP_TIMER, tenant_id=plan.tenant_id, subject_id=activation.id, due_at=at + STEP_NET)
    _record(STEP_SET, activation, plan, at=at, step=str(step))


def _record(event_type: str, activation: BackupActivation, plan: BackupPlan, *, at: datetime, **data: Any) -> None:
    record(event_type, activation, kind="backup", at=at, plan=plan.id, number=plan.number_id, **data)
