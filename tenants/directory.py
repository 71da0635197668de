"""The cross-tenant look-ups, all of them. Each opens the platform's scope, reads one thing and closes it.

Row-level security lets the platform's scope read every row of the tables of tenants, memberships, numbers and API keys,
and of no others. The managers still filter by the scope's tenant, so these functions go past them on purpose.
"""

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from tenants.models import CSP_TENANT_ID, ApiKey, Membership, Number, Tenant
from tenants.scope import current_scope, tenant_scope

M = TypeVar("M", bound=Model)


def rows_of_all_tenants(model: type[M]) -> QuerySet[M]:
    """Return the rows that the open scope's policy allows, without the manager's filter by tenant."""
    return QuerySet(model, using=current_scope().alias)


def find_tenant(slug: str) -> Tenant | None:
    """Return the tenant with that code, compared without regard to case."""
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return Tenant.objects.filter(slug=slug.strip().lower()).first()


def find_key(prefix: str) -> ApiKey | None:
    """Return the API key with that prefix and its tenant."""
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return rows_of_all_tenants(ApiKey).select_related("tenant").filter(prefix=prefix).first()


def memberships_of(user_id: UUID) -> list[Membership]:
    """Return a person's memberships in tenants that are not suspended, with tenant and person, by tenant's name."""
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return list(
            rows_of_all_tenants(Membership)
            .select_related("tenant", "user")
            .filter(user_id=user_id, tenant__status=Tenant.Status.ACTIVE)
            .order_by("tenant__name", "id")
        )


def number_is_taken(e164: str) -> bool:
    """Say whether any tenant holds the number, without saying who."""
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return rows_of_all_tenants(Number).filter(e164=e164).exists()


def tenant_ids() -> list[UUID]:
    """Return every tenant's id, the provider's and the suspended ones' too, for work that goes through all of them."""
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return list(Tenant.objects.order_by("id").values_list("id", flat=True))
