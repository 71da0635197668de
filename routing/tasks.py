"""Routing's background work for Celery. A message is a hint: the timer's row is the truth, the engine the net."""

from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task

from routing.services.backup import run_step
from routing.services.calling_back import begin_call_back
from routing.services.commands import forget_old_commands as forget
from tenants.public import Happened

logger = structlog.get_logger(__name__)

SENT_AHEAD = timedelta(minutes=5)
"""How far ahead a task is sent: well within the time after which the broker would deliver it a second time."""


@shared_task(name="routing.tasks.run_backup_step", acks_late=True)
def run_backup_step(tenant_id: str, activation_id: str) -> None:
    """Do the next step of a backup plan's activation; what that sets asks for the one after it."""
    step = run_step(tenant_id=UUID(tenant_id), activation_id=UUID(activation_id))
    logger.info("backup_step", tenant=tenant_id, activation=activation_id, step=step or "none left")


@shared_task(name="routing.tasks.begin_due_call_back", acks_late=True)
def begin_due_call_back(tenant_id: str, call_back_id: str) -> None:
    """Begin the next attempt of a call-back that is due; nothing for one that somebody has begun."""
    begun = begin_call_back(tenant_id=UUID(tenant_id), call_back_id=UUID(call_back_id))
    logger.info("call_back", tenant=tenant_id, call_back=call_back_id, begun=begun)


@shared_task(name="routing.tasks.forget_old_commands", acks_late=True)
def forget_old_commands() -> int:
    """Delete switch commands that were settled long ago; return how many."""
    return forget()


def send_call_back(happened: Happened) -> None:
    """Send the task for a call-back that is due soon. What is further away, or whose task is lost, its timer begins."""
    seconds = float((happened.data or {})["in_seconds"])
    if seconds <= SENT_AHEAD.total_seconds():
        arguments = (str(happened.tenant_id), str(happened.aggregate_id))
        begin_due_call_back.apply_async(args=arguments, countdown=max(0.0, seconds), retry=False)


def send_step(happened: Happened) -> None:
    """Send the task for a step that was set. One that is lost, late or repeated changes nothing."""
    run_backup_step.apply_async(args=(str(happened.tenant_id), str(happened.aggregate_id)), retry=False)
