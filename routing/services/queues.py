"""Changing and removing queues while contacts are in them and flows lead to them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.public import Skill
from routing.eligibility import ensure_demand, find_demand
from routing.models import Contact, Flow, FlowVersion, Queue
from routing.services.contacts import note
from routing.states import ContactState
from tenants.public import (
    Conflict,
    Due,
    Invalid,
    NotFound,
    claim_timer,
    db_now,
    request_match,
    set_timer,
    tenant_scope,
    timer_handler,
    writing,
)

QUEUE_TIMER = "queue-demand"
LOOK_AGAIN = timedelta(seconds=2)
"""A contact that was entering the queue while it changed took the old demand with it; it is found this much later."""

IN_QUEUE = (ContactState.QUEUED, ContactState.OFFERED, ContactState.CONNECTING)
"""States of a contact that waits in its queue, or goes back there unless it is connected."""

BATCH = 500


class QueueBusy(Conflict):
    """Contacts are in the queue."""

    code = "queue-busy"

    def __init__(self, queue: Queue, *, contacts: int) -> None:
        message = ngettext(
            "%(count)d contact is in the queue %(queue)s. Wait until it is served, then try again.",
            "%(count)d contacts are in the queue %(queue)s. Wait until they are served, then try again.",
            contacts,
        )
        super().__init__(message % {"count": contacts, "queue": queue.name}, queue=queue.code, contacts=contacts)


class QueueInFlows(Conflict):
    """Flows lead to the queue."""

    code = "queue-in-flows"

    def __init__(self, queue: Queue, *, flows: list[str]) -> None:
        message = _("Callers come to the queue %(queue)s by the flows %(flows)s. Publish them without it first.")
        super().__init__(message % {"queue": queue.name, "flows": ", ".join(flows)}, queue=queue.code, flows=flows)


class SkillRequired(Conflict):
    """Queues require the skill."""

    code = "skill-required"

    def __init__(self, skill: Skill, *, queues: list[str]) -> None:
        message = _("The skill %(skill)s is required by the queues %(queues)s. Change them first.")
        super().__init__(message % {"skill": skill.name, "queues": ", ".join(queues)}, skill=skill.code, queues=queues)


def change_queue(*, tenant_id: UUID, queue_id: UUID, changes: Mapping[str, Any], actor: str) -> Queue:
    """Change a queue's fields to these checked values. What it requires then holds for the contacts that wait, too.

    A contact keeps its place and priority. A call that rings goes on; should it come back, it waits for the new skills.
    Raises NotFound; Invalid for values that a queue cannot have and skills that are gone; QueueBusy and QueueInFlows
    when a queue is to become inactive while contacts are in it or published flows lead to it.
    """
    requires = changes.get("requires")
    if requires is not None:
        with tenant_scope(tenant_id, actor=actor, read_only=True):
            _find(Queue.objects.filter(id=queue_id))
        # In a transaction of its own, as every demand; one that nothing needs does no harm.
        ensure_demand(tenant_id=tenant_id, queue_id=queue_id, requires=requires)
    with writing(tenant_id, actor=actor):
        if requires is not None:
            _hold_skills(requires)
        queue = _find(Queue.objects.select_for_update(no_key=True).filter(id=queue_id))
        if queue.active and changes.get("active") is False:
            _refuse_in_use(queue)
        _write(queue, changes)
        if requires is not None:
            _follow_demand(queue)
            set_timer(QUEUE_TIMER, tenant_id=tenant_id, subject_id=queue.id, due_at=db_now() + LOOK_AGAIN)
    return queue


def remove_queue(*, tenant_id: UUID, queue_id: UUID, actor: str) -> None:
    """Remove a queue that nothing was ever in. Raises NotFound, QueueInFlows, and Conflict ("in-use")."""
    with writing(tenant_id, actor=actor):
        queue = _find(Queue.objects.select_for_update().filter(id=queue_id))
        # Callers finish the version of a flow that they began, so one that was replaced may still lead here.
        if flows := _flows_to(queue, FlowVersion.objects.all()):
            raise QueueInFlows(queue, flows=flows)
        queue.delete()


def refuse_required_skill(skill: Skill) -> None:
    """Raise SkillRequired when a queue requires the skill. `agents` asks before it removes one."""
    queues = Queue.objects.filter(requires__has_key=skill.code).order_by("name")
    if names := list(queues.values_list("name", flat=True)):
        raise SkillRequired(skill, queues=names)


@timer_handler(QUEUE_TIMER)
def follow_queue(due: Due) -> None:
    """Give the contacts of a queue that was changed its present demand, those too that came in meanwhile."""
    with tenant_scope(due.tenant_id, read_only=True):
        there = Queue.objects.filter(id=due.subject_id).exists()
    if there:
        ensure_demand(tenant_id=due.tenant_id, queue_id=due.subject_id)
    with tenant_scope(due.tenant_id):
        queue = Queue.objects.select_for_update(no_key=True).filter(id=due.subject_id).first()
        if claim_timer(due) and queue is not None:
            _follow_demand(queue)


def _find(rows: QuerySet[Queue]) -> Queue:
    queue = rows.first()
    if queue is None:
        raise NotFound(_("There is no such queue."))
    return queue


def _write(queue: Queue, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(queue, name, value)
    try:
        queue.clean_fields(exclude={field.name for field in Queue._meta.get_fields()} - changes.keys())
    except ValidationError as error:
        raise Invalid(_("The queue's data are not valid."), errors=error.message_dict) from error
    if changes:
        queue.save(update_fields=list(changes))


def _hold_skills(requires: Mapping[str, int]) -> None:
    """Keep the required skills from being removed until the queue has them."""
    rows = Skill.objects.select_for_update(no_key=True).filter(code__in=list(requires)).order_by("id")
    if gone := sorted(requires.keys() - {row.code for row in rows}):
        message = _("There is no skill with the code %(codes)s.") % {"codes": ", ".join(gone)}
        errors = [{"pointer": f"/requires/{code}", "message": _("There is no skill with this code.")} for code in gone]
        raise Invalid(message, errors=errors)


def _refuse_in_use(queue: Queue) -> None:
    if flows := _flows_to(queue, FlowVersion.objects.filter(id__in=Flow.objects.values("published_id"))):
        raise QueueInFlows(queue, flows=flows)
    if contacts := Contact.objects.filter(queue=queue, state__in=IN_QUEUE).count():
        raise QueueBusy(queue, contacts=contacts)


def _flows_to(queue: Queue, versions: QuerySet[FlowVersion]) -> list[str]:
    """Return the codes of the flows that lead to the queue in one of these versions."""
    rows = versions.values_list("flow__code", "definition")
    return sorted({code for code, definition in rows if _leads_to(definition, queue.code)})


def _leads_to(definition: Mapping[str, Any], queue_code: str) -> bool:
    nodes = definition.get("nodes", {}).values()
    return any(node["type"] == "queue" and node["queue"] == queue_code for node in nodes)


def _follow_demand(queue: Queue) -> None:
    """Let the contacts in the queue wait for what it requires now."""
    demand = find_demand(queue)
    waiting = Contact.objects.filter(queue=queue, channel=demand.channel, state__in=IN_QUEUE)
    contacts = list(waiting.exclude(demand=demand).select_for_update(of=("self",)).order_by("id"))
    now = db_now()
    for contact in contacts:
        contact.demand = demand
        note("contact.demand_changed", contact, at=now, demand=demand.id)
    Contact.objects.bulk_update(contacts, ["demand", "version"], batch_size=BATCH)
    if contacts:
        request_match(queue.tenant_id)
