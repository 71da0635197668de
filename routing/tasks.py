"""Routing's background work for Celery. A message is a hint: the timer's row is the truth, the engine the net."""

from uuid import UUID

import structlog
from celery import shared_task

from routing.services.backup import run_step
from routing.services.commands import forget_old_commands as forget
from tenants.public import Happened

logger = structlog.get_logger(__name__)


@shared_task(name="routing.tasks.run_backup_step", acks_late=True)
def run_backup_step(tenant_id: str, activation_id: str) -> None:
    """Do the next step of a backup plan's activation; what that sets asks for the one after it."""
    step = run_step(tenant_id=UUID(tenant_id), activation_id=UUID(activation_id))
    logger.info("backup_step", tenant=tenant_id, activation=activation_id, step=step or "none left")


@shared_task(name="routing.tasks.forget_old_commands", acks_late=True)
def forget_old_commands() -> int:
    """Delete switch commands that were settled long ago; return how many."""
    return forget()


def send_step(happened: Happened) -> None:
    """Send the task for a step that was set. One that is lost, late or repeated changes nothing."""
    run_backup_step.apply_async(args=(str(happened.tenant_id), str(happened.aggregate_id)), retry=False)
