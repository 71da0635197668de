"""Backup plans made for tests, and their steps taken by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from routing.backup_states import ActivationState
from routing.models import BackupActivation, BackupPlan, Diversion, EntryPoint, OutboundCall, Queue, Trunk
from routing.services.backup import activate_plan, fail_back, run_step
from routing.services.backup_plans import RouteDraft, save_plan
from tenants.public import CSP_TENANT_ID, Due, Event, Number, Tenant, db_now, engine_scope, tenant_scope
from tenants.timers import due_timers
from tests import factories
from tests.routing.calls import Line

MOBILE = "+447700900500"
PARTNER = "+441134960500"
TRUNK = "trunk"


def make_trunk(name: str = TRUNK, *, node: str = "node1", **fields: Any) -> Trunk:
    """A way out of the exchange."""
    with tenant_scope(CSP_TENANT_ID):
        row: Trunk = Trunk.objects.create(name=name, node=node, **fields)
    return row


def to_queue(queue: Queue, **fields: Any) -> RouteDraft:
    return RouteDraft(kind="queue", queue_id=queue.id, **fields)


def to_number(number: str = MOBILE, **fields: Any) -> RouteDraft:
    return RouteDraft(kind="dial", destination=number, **fields)


def announcement(text: str = "We are closed.", **fields: Any) -> RouteDraft:
    return RouteDraft(kind="announce", announcement={"en": text}, **fields)


def number_of(line: Line) -> Number:
    with tenant_scope(line.tenant.id, read_only=True):
        row: Number = Number.objects.get(e164=line.number)
    return row


def make_plan(line: Line, *routes: RouteDraft, **rules: Any) -> BackupPlan:
    """A plan of the line's number."""
    return save_plan(
        tenant_id=line.tenant.id, number_id=number_of(line).id, rules=rules, routes=routes, actor=factories.ACTOR
    )


def begin(plan: BackupPlan) -> BackupActivation:
    """Activate the plan by hand; no step is done yet."""
    return activate_plan(tenant_id=plan.tenant_id, plan_id=plan.id, actor=factories.ACTOR)


def take_steps(activation: BackupActivation) -> list[str]:
    """Do all steps that follow, and return their names."""
    done = []
    while step := run_step(tenant_id=activation.tenant_id, activation_id=activation.id):
        done.append(step)
    return done


def in_force(line: Line, *routes: RouteDraft, **rules: Any) -> BackupActivation:
    """The line's plan, made and in force."""
    activation = begin(make_plan(line, *routes, **rules))
    take_steps(activation)
    assert activation_now(activation).state == ActivationState.ACTIVE
    return activation


def end(activation: BackupActivation) -> None:
    """Fail back, all steps."""
    fail_back(tenant_id=activation.tenant_id, plan_id=activation.plan_id, actor=factories.ACTOR)
    take_steps(activation)


def activation_now(activation: BackupActivation) -> BackupActivation:
    with tenant_scope(activation.tenant_id, read_only=True):
        row: BackupActivation = BackupActivation.objects.get(id=activation.id)
    return row


def activations_of(plan: BackupPlan) -> list[BackupActivation]:
    """The plan's activations, oldest first."""
    with tenant_scope(plan.tenant_id, read_only=True):
        return list(BackupActivation.objects.filter(plan=plan).order_by("started_at", "id"))


def diversions_of(tenant: Tenant) -> list[Diversion]:
    """The tenant's diversions, oldest first."""
    with tenant_scope(tenant.id, read_only=True):
        return list(Diversion.objects.order_by("began_at", "id"))


def outbound_calls_of(tenant: Tenant) -> list[OutboundCall]:
    """The tenant's outbound calls, oldest first."""
    with tenant_scope(tenant.id, read_only=True):
        return list(OutboundCall.objects.order_by("began_at", "id"))


def events_of(tenant: Tenant, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """What the log says of the tenant's things of these kinds, in order: type and data."""
    with engine_scope(read_only=True):
        rows = Event.objects.filter(tenant_id=tenant.id, aggregate_type__in=kinds).order_by("recorded_at", "id")
        return [(row.type, row.data) for row in rows]


def entry_point_of(line: Line) -> EntryPoint:
    with tenant_scope(line.tenant.id, read_only=True):
        row: EntryPoint = EntryPoint.objects.get(number__e164=line.number)
    return row


def steps_due() -> list[Due]:
    """The step timers that are set, as the engine finds them once they are due."""
    with engine_scope(read_only=True):
        later = db_now() + timedelta(minutes=1)
    return [due for due in due_timers(until=later) if due.kind == "backup-step"]
