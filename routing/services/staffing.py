"""Queues that nobody can serve: steps whose skills no active agent of the tenant has, which `Queue.unserved` tells."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from agents.public import skill_sets
from routing.expressions import parse_expression
from routing.models import Queue
from routing.steps import steps_of
from tenants.public import Due, claim_timer, db_now, has_timer, set_timer, tenant_scope, timer_handler

STAFFING_TIMER = "staffing"
SOON = timedelta(seconds=2)
"""Many agents are often changed one after the other; the queues are looked at once for all of them."""

SkillSets = Sequence[dict[str, int]]


def unserved_steps(queue: Queue, sets: SkillSets) -> list[int]:
    """Return the numbers of the queue's steps that none of these sets of skills meets."""
    return [
        number
        for number, step in enumerate(steps_of(queue))
        if not step.queue and not any(_meets(step.expression, skills) for skills in sets)
    ]


def staff_changed(tenant_id: UUID) -> None:
    """Let the queues of the tenant be looked at soon: its agents, or what they can, have changed. Inner step."""
    if not has_timer(STAFFING_TIMER, subject_id=tenant_id):
        set_timer(STAFFING_TIMER, tenant_id=tenant_id, subject_id=tenant_id, due_at=db_now() + SOON)


@timer_handler(STAFFING_TIMER)
def look_at_staffing(due: Due) -> None:
    """Write down anew which steps of the tenant's queues nobody can serve."""
    with tenant_scope(due.tenant_id):
        queues = list(Queue.objects.select_for_update(no_key=True).order_by("id"))
        if not claim_timer(due):
            return
        sets = skill_sets(due.tenant_id)
        for queue in queues:
            unserved = unserved_steps(queue, sets)
            if unserved != queue.unserved:
                queue.unserved = unserved
                queue.save(update_fields=["unserved"])


def _meets(expression: str, skills: dict[str, int]) -> bool:
    return parse_expression(expression).fit(skills) is not None
