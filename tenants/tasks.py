"""Background work of `tenants`. Every task may be killed at any point and repeated."""

from celery import shared_task

from tenants.api.idempotency import forget_old_answers
from tenants.directory import tenant_ids


@shared_task(name="tenants.forget_old_answers", acks_late=True)
def forget_all_old_answers() -> int:
    """Delete what was kept under idempotency keys and is not given again; return how many answers went."""
    return sum(forget_old_answers(tenant_id) for tenant_id in tenant_ids())
