"""Billing's background work.

Every task may be killed at any point and repeated: the usage lines' keys hold it to once.
"""

from collections.abc import Callable
from uuid import UUID

import structlog
from celery import shared_task

from billing.services import accrual, rating, rerating
from tenants.public import tenant_ids

logger = structlog.get_logger(__name__)


@shared_task(name="billing.tasks.rate_ended_task", acks_late=True)
def rate_ended_task(tenant_id: str, contact_ids: list[str]) -> None:
    """Rate contacts that have ended, and the calls made for them. What has no price stays in a list."""
    outcome = rating.rate_ended(tenant_id=UUID(tenant_id), contact_ids=[UUID(each) for each in contact_ids])
    logger.info("contacts_rated", tenant=tenant_id, rated=len(outcome.written), unrated=len(outcome.unrated))


@shared_task(name="billing.tasks.rate_unrated", acks_late=True)
def rate_unrated(everything: bool = False) -> None:
    """Rate whatever has ended without a line, of every tenant: what no task came for, or what a dead worker held."""

    def sweep(tenant_id: UUID) -> None:
        outcome = rating.rate_unrated(tenant_id=tenant_id, everything=everything)
        if outcome.written or outcome.unrated:
            logger.info(
                "unrated_swept", tenant=str(tenant_id), rated=len(outcome.written), unrated=len(outcome.unrated)
            )

    _for_each_tenant(sweep)


@shared_task(name="billing.tasks.rerate", acks_late=True)
def rerate(tenant_id: str, rerating_id: str) -> None:
    """Carry out a re-rating. One whose message or worker is lost is found by the sweep and goes on where it stood."""
    order = rerating.carry_out_rerating(tenant_id=UUID(tenant_id), rerating_id=UUID(rerating_id))
    logger.info("rerated", tenant=tenant_id, rerating=rerating_id, lines=order.lines, corrected=order.corrected)


@shared_task(name="billing.tasks.finish_reratings", acks_late=True)
def finish_reratings() -> None:
    """Carry out every re-rating of every tenant that is not finished."""

    def finish(tenant_id: UUID) -> None:
        for rerating_id in rerating.unfinished_reratings(tenant_id):
            rerate(str(tenant_id), str(rerating_id))

    _for_each_tenant(finish)


@shared_task(name="billing.tasks.accrue_all", acks_late=True)
def accrue_all() -> None:
    """Charge each tenant's leases up to its own present day. Run hourly: days begin at different hours."""
    _for_each_tenant(lambda tenant_id: accrual.accrue_leases(tenant_id=tenant_id))


def _for_each_tenant(work: Callable[[UUID], object]) -> None:
    """Do the work for every tenant, suspended ones too: what was used is owed.

    One that fails does not keep it from the others; all failures are raised together.
    """
    failures = []
    for tenant_id in tenant_ids():
        try:
            work(tenant_id)
        except Exception as error:  # noqa: BLE001 - one tenant's failure is raised after the others' work
            error.add_note(f"tenant {tenant_id}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("billing failed for some tenants", failures)
