"""Making, changing and removing queues, while contacts are in them and flows and other queues lead to them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.public import Skill, skill_sets
from routing.eligibility import ensure_demands
from routing.models import Contact, Demand, Flow, FlowVersion, Queue
from routing.services.contacts import IN_QUEUE, await_step, note
from routing.services.staffing import unserved_steps
from routing.speech import SPOKEN_LANGUAGES
from routing.steps import Problem, codes_of, problems_of_requires, problems_of_steps, read_steps, steps_of
from tenants.public import (
    Conflict,
    Due,
    Invalid,
    NotFound,
    claim_timer,
    db_now,
    request_match,
    set_timer,
    state_of,
    tenant_scope,
    timer_handler,
    writing,
)

QUEUE_TIMER = "queue-demand"
LOOK_AGAIN = timedelta(seconds=2)
"""A contact that was entering the queue while it changed took the old demand with it; it is found this much later."""

BATCH = 500
LONGEST_COMFORT = 500
"""Characters; about half a minute of speech."""


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


class QueueInSteps(Conflict):
    """Other queues lead to the queue."""

    code = "queue-in-steps"

    def __init__(self, queue: Queue, *, queues: list[str]) -> None:
        message = _("Contacts come to the queue %(queue)s from the queues %(queues)s. Change their steps first.")
        super().__init__(message % {"queue": queue.name, "queues": ", ".join(queues)}, queue=queue.code, queues=queues)


class SkillRequired(Conflict):
    """Queues require the skill."""

    code = "skill-required"

    def __init__(self, skill: Skill, *, queues: list[str]) -> None:
        message = _("The skill %(skill)s is required by the queues %(queues)s. Change them first.")
        super().__init__(message % {"skill": skill.name, "queues": ", ".join(queues)}, skill=skill.code, queues=queues)


def create_queue(*, tenant_id: UUID, values: Mapping[str, Any], actor: str) -> Queue:
    """Make a queue with these values. Raises Invalid, with all that is wrong, and Conflict for a code that is taken."""
    with writing(tenant_id, actor=actor):
        queue = Queue()
        _check_ways(queue, values)
        _write(queue, {**dict.fromkeys(["code", "name"], ""), **values})
    return queue


def change_queue(*, tenant_id: UUID, queue_id: UUID, changes: Mapping[str, Any], actor: str) -> Queue:
    """Change a queue's fields to these values. What it asks for then holds for the contacts that wait, too.

    A contact keeps its place and priority. A call that rings goes on; should it come back, it waits for the new skills.
    Raises NotFound; Invalid for values that a queue cannot have, and skills and queues that are not there; QueueBusy,
    QueueInFlows and QueueInSteps when a queue is to become inactive while contacts are in it or something leads to it.
    """
    asks = changes.keys() & {"requires", "steps"}
    if asks:
        with tenant_scope(tenant_id, actor=actor, read_only=True):
            before = _find(Queue.objects.filter(id=queue_id))
            wanted = {"requires": before.requires, "steps": before.steps, **changes}
            _refuse_unreadable(wanted)
            # So that what is refused leaves no demand behind, which every pass would look at.
            _refuse(_unknown_skills(codes_of(wanted["requires"], wanted["steps"]), Skill.objects.all()))
        # In a transaction of its own, as every demand.
        steps = list(read_steps(wanted["requires"], wanted["steps"]))
        ensure_demands(tenant_id=tenant_id, queue_id=queue_id, steps=steps)
    with writing(tenant_id, actor=actor):
        queue = _find(Queue.objects.select_for_update(no_key=True).filter(id=queue_id))
        _check_ways(queue, changes)
        if queue.active and changes.get("active") is False:
            _refuse_in_use(queue)
        _write(queue, changes)
        if asks:
            _follow_demand(queue)
            set_timer(QUEUE_TIMER, tenant_id=tenant_id, subject_id=queue.id, due_at=db_now() + LOOK_AGAIN)
    return queue


def remove_queue(*, tenant_id: UUID, queue_id: UUID, actor: str) -> None:
    """Remove a queue that nothing was ever in. Raises NotFound, QueueInFlows, QueueInSteps, and Conflict ("in-use")."""
    with writing(tenant_id, actor=actor):
        queue = _find(Queue.objects.select_for_update().filter(id=queue_id))
        # Callers finish the version of a flow that they began, so one that was replaced may still lead here.
        if flows := _flows_to(queue, FlowVersion.objects.all()):
            raise QueueInFlows(queue, flows=flows)
        _refuse_in_steps(queue)
        queue.delete()


def refuse_required_skill(skill: Skill) -> None:
    """Raise SkillRequired when a queue requires the skill. `agents` asks before it removes one."""
    rows = Queue.objects.order_by("name").only("name", "requires", "steps")
    names = [row.name for row in rows if skill.code in set().union(*codes_of(row.requires, row.steps).values())]
    if names:
        raise SkillRequired(skill, queues=names)


@timer_handler(QUEUE_TIMER)
def follow_queue(due: Due) -> None:
    """Give the contacts of a queue that was changed its present demand, those too that came in meanwhile."""
    with tenant_scope(due.tenant_id, read_only=True):
        there = Queue.objects.filter(id=due.subject_id).exists()
    if there:
        ensure_demands(tenant_id=due.tenant_id, queue_id=due.subject_id)
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
    written = list(changes)
    if state_of(queue).adding or changes.keys() & {"requires", "steps"}:
        queue.unserved = unserved_steps(queue, skill_sets(queue.tenant_id))
        written.append("unserved")
    if state_of(queue).adding:
        queue.save(force_insert=True)
    elif changes:
        queue.save(update_fields=written)


def _refuse_unreadable(values: Mapping[str, Any]) -> None:
    """Raise Invalid for skill expressions and steps that are none."""
    problems = problems_of_requires(values["requires"]) if "requires" in values else []
    _refuse(problems + (problems_of_steps(values["steps"]) if "steps" in values else []))


def _check_ways(queue: Queue, changes: Mapping[str, Any]) -> None:
    """Raise Invalid for what the queue is to ask for and cannot; keep what it names from being removed meanwhile."""
    _refuse_unreadable(changes)
    steps = changes.get("steps", [])
    codes = codes_of(changes.get("requires", ""), steps)
    problems = _unknown_skills(codes, Skill.objects.select_for_update(no_key=True)) + _wrong_way(queue, steps)
    problems += _unspoken(changes.get("comfort", {}))
    for way in ("when_full", "escalates_to"):
        if code := changes.get(way):
            problems += _no_other_queue(queue, code, f"/{way}") or _itself(queue, code, f"/{way}")
    _refuse(problems)


def _unknown_skills(codes: Mapping[str, set[str]], rows: QuerySet[Skill]) -> list[Problem]:
    """Say which of the skills named at each place are not among these."""
    known = {row.code for row in rows.filter(code__in=set().union(*codes.values())).order_by("id")}
    message = _("There is no skill with the code %(codes)s.")
    return [
        {"pointer": place, "message": message % {"codes": ", ".join(sorted(unknown))}}
        for place, wanted in codes.items()
        if (unknown := wanted - known)
    ]


def _wrong_way(queue: Queue, steps: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Say what is wrong with where the last step leads: nowhere, or round in a circle."""
    code = steps[-1].get("queue") if steps else None
    if code is None:
        return []
    pointer = f"/steps/{len(steps) - 1}/queue"
    if problems := _no_other_queue(queue, code, pointer):
        return problems
    ways = {row.code: _way_of(row.steps) for row in Queue.objects.only("code", "steps")}
    ways[queue.code] = code
    gone = [queue.code]
    while (next_code := ways.get(gone[-1])) is not None:
        gone.append(next_code)
        if next_code in gone[:-1]:
            message = _("Contacts would go round in a circle: %(way)s.") % {"way": " → ".join(gone)}
            return [{"pointer": pointer, "message": message}]
    return []


def _unspoken(texts: object) -> list[Problem]:
    """Say what is wrong with texts by language that callers are to hear."""
    if not isinstance(texts, Mapping):
        return [{"pointer": "/comfort", "message": _('Give texts by language, such as {"en": "…"}.')}]
    voices = ", ".join(SPOKEN_LANGUAGES)
    problems: list[Problem] = []
    for language, text in texts.items():
        if language not in SPOKEN_LANGUAGES:
            message = _("No voice speaks %(language)s; the voices speak %(spoken)s.")
            told = message % {"language": language, "spoken": voices}
            problems.append({"pointer": f"/comfort/{language}", "message": told})
        elif not isinstance(text, str) or not text.strip() or len(text) > LONGEST_COMFORT or not text.isprintable():
            told = _("Write a text of 1 to %(limit)d characters on one line.") % {"limit": LONGEST_COMFORT}
            problems.append({"pointer": f"/comfort/{language}", "message": told})
    return problems


def _no_other_queue(queue: Queue, code: str, pointer: str) -> list[Problem]:
    """Say so where no active queue has the code. Whoever changes such ways at the same time waits for these rows."""
    rows = Queue.objects.select_for_update(no_key=True).filter(Q(code=code) | Q(id=queue.id)).order_by("id")
    if any(row.code == code and row.active for row in rows):
        return []
    return [{"pointer": pointer, "message": _("There is no active queue with the code %(code)s.") % {"code": code}}]


def _itself(queue: Queue, code: str, pointer: str) -> list[Problem]:
    return [{"pointer": pointer, "message": _("Name another queue than this one.")}] if code == queue.code else []


def _way_of(steps: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the code of the queue to which the last of the steps leads."""
    return steps[-1].get("queue") if steps else None


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Invalid(problems[0]["message"], errors=problems)


def _refuse_in_use(queue: Queue) -> None:
    if flows := _flows_to(queue, FlowVersion.objects.filter(id__in=Flow.objects.values("published_id"))):
        raise QueueInFlows(queue, flows=flows)
    if contacts := Contact.objects.filter(queue=queue, state__in=IN_QUEUE).count():
        raise QueueBusy(queue, contacts=contacts)
    _refuse_in_steps(queue)


def _refuse_in_steps(queue: Queue) -> None:
    rows = Queue.objects.exclude(id=queue.id).order_by("code").only("code", "steps", "when_full", "escalates_to")
    ways = ((row.code, (_way_of(row.steps), row.when_full, row.escalates_to)) for row in rows)
    if queues := [code for code, leads_to in ways if queue.code in leads_to]:
        raise QueueInSteps(queue, queues=queues)


def _flows_to(queue: Queue, versions: QuerySet[FlowVersion]) -> list[str]:
    """Return the codes of the flows that lead to the queue in one of these versions."""
    rows = versions.values_list("flow__code", "definition")
    return sorted({code for code, definition in rows if _leads_to(definition, queue.code)})


def _leads_to(definition: Mapping[str, Any], queue_code: str) -> bool:
    nodes = definition.get("nodes", {}).values()
    return any(node["type"] == "queue" and node["queue"] == queue_code for node in nodes)


def _follow_demand(queue: Queue) -> None:
    """Let the contacts in the queue wait for what it asks for now, each at the step that it has come to."""
    now, steps = db_now(), steps_of(queue)
    demands = {(row.channel, row.expression): row for row in Demand.objects.filter(queue=queue)}
    rows = Contact.objects.filter(queue=queue, state__in=IN_QUEUE)
    contacts = list(rows.select_for_update(of=("self",)).order_by("id"))
    moved = []
    for contact in contacts:
        step = min(contact.step, len(steps) - 1)
        demand = demands.get((contact.channel, steps[step].expression))
        # None: the first of its channel, come meanwhile; the queue's timer looks again.
        if demand is not None and (contact.step, contact.demand_id) != (step, demand.id):
            contact.step, contact.demand = step, demand
            note("contact.demand_changed", contact, at=now, demand=contact.demand_id)
            moved.append(contact)
        await_step(contact, queue, at=now)
    Contact.objects.bulk_update(moved, ["demand", "step", "version"], batch_size=BATCH)
    if moved:
        request_match(queue.tenant_id)
