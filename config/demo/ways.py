"""Making an enterprise's ways in: numbers, queues, flows, entry points, dispositions."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from config.demo.plan import Definition, EnterprisePlan, ServicePlan
from config.demo.staff import ACTOR
from routing.models import Disposition, EntryPoint, Flow, Queue
from routing.public import create_queue, publish_flow
from tenants.public import Number, tenant_scope
from tenants.services.tenancy import assign_number


def make_ways(tenant_id: UUID, plan: EnterprisePlan) -> None:
    """Make what is missing of dispositions, queues and services."""
    with tenant_scope(tenant_id, actor=ACTOR):
        for name in plan.dispositions:
            Disposition.objects.get_or_create(name=name)
        there = set(Queue.objects.values_list("code", flat=True))
    for queue in plan.queues:
        if queue.code not in there:
            create_queue(tenant_id=tenant_id, values={**asdict(queue), "steps": list(queue.steps)}, actor=ACTOR)
    for service in plan.services:
        make_service(tenant_id, service)


def make_service(tenant_id: UUID, plan: ServicePlan) -> None:
    """Make an entry point with its number and its flow, unless it is there."""
    number_id = None if plan.e164 is None else make_number(tenant_id, plan.e164, label=plan.name)
    flow_id = make_flow(tenant_id, code=plan.code, name=plan.name, definition=plan.definition)
    with tenant_scope(tenant_id, actor=ACTOR):
        EntryPoint.objects.get_or_create(
            code=plan.code,
            defaults={
                "name": plan.name,
                "flow_id": flow_id,
                "number_id": number_id,
                "public": plan.public,
                "language": plan.language,
            },
        )


def make_number(tenant_id: UUID, e164: str, *, label: str) -> UUID:
    """Let the tenant have the number, unless it does. Raises Conflict when another one has it."""
    with tenant_scope(tenant_id, read_only=True):
        known: Number | None = Number.objects.filter(e164=e164).first()
    row = known or assign_number(tenant_id=tenant_id, e164=e164, label=label, actor=ACTOR)
    return row.id


def make_flow(tenant_id: UUID, *, code: str, name: str, definition: Definition) -> UUID:
    """Make a flow and publish the definition, unless one is published already: what people changed stays."""
    with tenant_scope(tenant_id, actor=ACTOR):
        flow: Flow = Flow.objects.get_or_create(code=code, defaults={"name": name})[0]
    if flow.published_id is None:
        publish_flow(tenant_id=tenant_id, flow_id=flow.id, definition=dict(definition), actor=ACTOR)
    return flow.id
