"""What every table has (a UUIDv7 key), and every tenant's table besides: its tenant, a scope, keys that stay inside."""

from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import models

from tenants.ids import uuid7
from tenants.scope import current_scope, in_scope

CSP_TENANT_ID = UUID("00000000-0000-7000-8000-000000000000")
"""Tenant zero: the provider itself. A scope of it is the platform's scope."""

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class TenantManager(models.Manager[M_co]):
    """Rows of the open scope's tenant only; raises `ScopeMissing` where no scope is open."""

    def get_queryset(self) -> models.QuerySet[M_co]:
        scope = current_scope()
        rows = super().get_queryset().using(scope.alias)
        return rows if scope.tenant_id is None else rows.filter(tenant_id=scope.tenant_id)

    def none(self) -> models.QuerySet[M_co]:
        """No rows; needs no scope, so that what only describes a model (forms, the OpenAPI document) can be made."""
        return super().get_queryset().none()


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A reference to a row of the same tenant.

    The database holds it as `FOREIGN KEY (tenant_id, <column>)`, so that no write can point into another tenant;
    `tenants.migration_support.SecureTable` adds that constraint, hence none of Django's own.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **options: Any) -> None:
        options["db_constraint"] = False
        super().__init__(to, on_delete, **options)


class PlatformModel(models.Model):
    """A row that belongs to the platform, not to a tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True


class TenantModel(models.Model):
    """A row that belongs to one tenant for ever."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, db_index=False, editable=False)

    objects: TenantManager[Any] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whatever the column forbids: a new row has none yet, and the engine's scope has none to give.
        if cast("UUID | None", self.tenant_id) is None and in_scope():
            owner = current_scope().tenant_id
            if owner is not None:
                self.tenant_id = owner
