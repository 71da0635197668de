"""The door of `tenants`: everything that other apps may use."""

from tenants.clock import db_now
from tenants.errors import (
    Conflict,
    Forbidden,
    HotseatError,
    Invalid,
    NotFound,
    ScopeMissing,
)
from tenants.ids import uuid7
from tenants.leases import Held, lease_is_ours, release_lease, take_lease
from tenants.log import record, record_once
from tenants.matching import hint, request_match
from tenants.models import (
    CSP_TENANT_ID,
    ApiKey,
    Customer,
    Entitlement,
    Event,
    Membership,
    Number,
    Outbox,
    PlatformModel,
    Process,
    Role,
    Tenant,
    TenantForeignKey,
    TenantManager,
    TenantModel,
    User,
)
from tenants.phones import calling_hash, normalise
from tenants.scope import Scope, current_scope, engine_scope, in_scope, tenant_scope
from tenants.states import Transitions
from tenants.timers import Due, claim_timer, drop_timer, set_timer, timer_handler

__all__ = [
    "CSP_TENANT_ID",
    "ApiKey",
    "Conflict",
    "Customer",
    "Due",
    "Entitlement",
    "Event",
    "Forbidden",
    "Held",
    "HotseatError",
    "Invalid",
    "Membership",
    "NotFound",
    "Number",
    "Outbox",
    "PlatformModel",
    "Process",
    "Role",
    "Scope",
    "ScopeMissing",
    "Tenant",
    "TenantForeignKey",
    "TenantManager",
    "TenantModel",
    "Transitions",
    "User",
    "calling_hash",
    "claim_timer",
    "current_scope",
    "db_now",
    "drop_timer",
    "engine_scope",
    "hint",
    "in_scope",
    "lease_is_ours",
    "normalise",
    "record",
    "record_once",
    "release_lease",
    "request_match",
    "set_timer",
    "take_lease",
    "tenant_scope",
    "timer_handler",
    "uuid7",
]
