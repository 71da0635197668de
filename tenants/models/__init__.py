from tenants.models.base import (
    CSP_TENANT_ID,
    PlatformModel,
    TenantForeignKey,
    TenantManager,
    TenantModel,
)
from tenants.models.business import (
    ApiKey,
    AuditEntry,
    Customer,
    Entitlement,
    IdempotencyRecord,
    Lease,
    Number,
    Process,
)
from tenants.models.log import Event, Outbox, Timer
from tenants.models.people import Membership, Role, Tenant, User

__all__ = [
    "CSP_TENANT_ID",
    "ApiKey",
    "AuditEntry",
    "Customer",
    "Entitlement",
    "Event",
    "IdempotencyRecord",
    "Lease",
    "Membership",
    "Number",
    "Outbox",
    "PlatformModel",
    "Process",
    "Role",
    "Tenant",
    "TenantForeignKey",
    "TenantManager",
    "TenantModel",
    "Timer",
    "User",
]
