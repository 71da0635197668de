"""The routing steps of a contact that waits: each comes into force by its timer."""

import logging
from datetime import datetime, timedelta

from routing.eligibility import find_demand, find_policy, find_queue, with_demands
from routing.models import Contact, Interaction, Queue
from routing.services.contacts import (
    AGED,
    HIGHEST_PRIORITY,
    IN_QUEUE,
    NOT_WHILE_IT_RINGS,
    STEP_TIMER,
    await_step,
    came_at,
    entertain,
    lock_contact,
    note,
    save,
    step_begins,
    wait_in_queue,
)
from routing.states import ContactState
from routing.steps import RoutingStep, steps_of
from tenants.public import Due, claim_timer, db_now, engine_scope, find_row, request_match, set_timer, timer_handler

log = logging.getLogger(__name__)

CLOSED = timedelta(seconds=30)
"""How long after another queue was found closed it is looked at again."""


@timer_handler(STEP_TIMER)
def take_next_step(due: Due) -> None:
    """Let a contact that still waits come to its next routing step."""
    with_demands(lambda: _take(due))


def _take(due: Due) -> None:
    with engine_scope():
        contact = lock_contact(due.subject_id)
        if not claim_timer(due) or contact.state not in IN_QUEUE:
            return
        queue = find_row(Queue, "t.id = %s", [contact.queue_id])
        if queue is None:
            return
        now, begins = db_now(), step_begins(contact, queue)
        if contact.ages_at is not None and contact.ages_at <= due.due_at:
            _age(contact, queue, at=now)
        elif begins is not None and begins <= due.due_at:
            _come_to_step(contact, queue, at=now)


def _age(contact: Contact, queue: Queue, *, at: datetime) -> None:
    """Let the contact go before all that have not waited for so long. One that rings comes back so."""
    policy = find_policy(contact.tenant_id)
    contact.order_at = came_at(contact, queue, policy, at=at)
    contact.priority, contact.ages_at = AGED, None
    note("contact.aged", contact, at=at)
    save(contact, "priority", "order_at", "ages_at")
    await_step(contact, queue, at=at)
    request_match(contact.tenant_id)


def _come_to_step(contact: Contact, queue: Queue, *, at: datetime) -> None:
    step = steps_of(queue)[contact.step + 1]
    if step.queue:
        _leave_for(contact, queue, step, at=at)
    else:
        _widen(contact, queue, step, at=at)


def _widen(contact: Contact, queue: Queue, step: RoutingStep, *, at: datetime) -> None:
    """Let the contact wait for whom the step asks for. One that rings goes on; should it come back, it waits so."""
    contact.step += 1
    contact.demand = find_demand(queue, step=contact.step, channel=contact.channel)
    contact.priority = _raised(contact.priority, step)
    note("contact.step_taken", contact, at=at, step=contact.step, demand=contact.demand_id, priority=contact.priority)
    save(contact, "step", "demand", "priority")
    await_step(contact, queue, at=at)
    request_match(contact.tenant_id)


def _leave_for(contact: Contact, queue: Queue, step: RoutingStep, *, at: datetime) -> None:
    """Let the contact wait in another queue. It keeps its priority and the moment by which it is ordered."""
    if contact.state != ContactState.QUEUED:
        return _look_again(contact, at + NOT_WHILE_IT_RINGS)
    found = find_queue(contact.tenant_id, step.queue, channel=contact.channel)
    if found is None:
        log.warning("a step leads to a queue that is closed", extra={"queue": str(queue.id), "to": step.queue})
        return _look_again(contact, at + CLOSED)
    other, demand, policy = found
    note("contact.overflowed", contact, at=at, to=other.id)
    since = came_at(contact, queue, policy, at=at)
    wait_in_queue(contact, other, demand, policy, priority=_raised(contact.priority, step), at=at, since=since)
    if other.music_class != queue.music_class:
        answered = Interaction.objects.filter(id=contact.interaction_id, answered_at__isnull=False).exists()
        entertain(contact, answered=answered, at=at)
    return None


def _look_again(contact: Contact, due_at: datetime) -> None:
    if contact.ages_at is not None:
        due_at = min(due_at, contact.ages_at)
    set_timer(STEP_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=due_at)


def _raised(priority: int, step: RoutingStep) -> int:
    if priority == AGED:
        return AGED
    return max(-HIGHEST_PRIORITY, min(HIGHEST_PRIORITY, priority + step.priority))
