"""The door of `tenants`: everything that other apps may use."""

from tenants.callers import (
    LOGIN_BACKEND,
    TENANT_KEY,
    Caller,
    caller_finder,
    refuse_suspended,
    session_caller,
    session_id,
    sign_in_member,
    sign_out,
)
from tenants.clock import db_now
from tenants.directory import find_tenant, memberships_of, tenant_ids
from tenants.errors import (
    Conflict,
    Forbidden,
    HotseatError,
    Invalid,
    NotFound,
    ScopeMissing,
)
from tenants.ids import uuid7, uuid7_floor
from tenants.leases import Held, lease_is_ours, release_lease, take_lease
from tenants.live.telling import Teller
from tenants.live.topics import Change, Reading, Row, Topic, Viewer
from tenants.log import record, record_once
from tenants.matching import hint, request_match
from tenants.matching import wire as wire_matching
from tenants.middleware import own_scope
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
from tenants.partitions import ensure_partitions
from tenants.phones import calling_hash, is_premium, normalise, region_of
from tenants.progress import process_name, report_progress
from tenants.queries import load_query, run_query, write, write_query
from tenants.relay import Happened, Relay, on_leaving, subscribe
from tenants.retries import trying_again, with_retries
from tenants.rights import Right, rights_of
from tenants.rows import (
    CLOCK,
    Wanted,
    fetch,
    find_row,
    insert_row,
    insert_rows,
    state_of,
    update_row,
    wanted,
    wanted_beside,
)
from tenants.scope import Scope, at_flush, current_scope, engine_scope, in_scope, tenant_scope
from tenants.services.writing import writing
from tenants.sheets import Cell, sheet, sheet_file
from tenants.states import Transitions
from tenants.system import note_system, tell_system
from tenants.timers import (
    Due,
    claim_timer,
    drop_timer,
    failing_timers,
    fire_due_timers,
    has_timer,
    seconds_to_next_timer,
    set_timer,
    timer_handler,
)
from tenants.web.access import caller_of, page_for

__all__ = [
    "CLOCK",
    "CSP_TENANT_ID",
    "LOGIN_BACKEND",
    "TENANT_KEY",
    "ApiKey",
    "Caller",
    "Cell",
    "Change",
    "Conflict",
    "Customer",
    "Due",
    "Entitlement",
    "Event",
    "Forbidden",
    "Happened",
    "Held",
    "HotseatError",
    "Invalid",
    "Membership",
    "NotFound",
    "Number",
    "Outbox",
    "PlatformModel",
    "Process",
    "Reading",
    "Relay",
    "Right",
    "Role",
    "Row",
    "Scope",
    "ScopeMissing",
    "Teller",
    "Tenant",
    "TenantForeignKey",
    "TenantManager",
    "TenantModel",
    "Topic",
    "Transitions",
    "User",
    "Viewer",
    "Wanted",
    "at_flush",
    "caller_finder",
    "caller_of",
    "calling_hash",
    "claim_timer",
    "current_scope",
    "db_now",
    "drop_timer",
    "engine_scope",
    "ensure_partitions",
    "failing_timers",
    "fetch",
    "find_row",
    "find_tenant",
    "fire_due_timers",
    "has_timer",
    "hint",
    "in_scope",
    "insert_row",
    "insert_rows",
    "is_premium",
    "lease_is_ours",
    "load_query",
    "memberships_of",
    "normalise",
    "note_system",
    "on_leaving",
    "own_scope",
    "page_for",
    "process_name",
    "record",
    "record_once",
    "refuse_suspended",
    "region_of",
    "release_lease",
    "report_progress",
    "request_match",
    "rights_of",
    "run_query",
    "seconds_to_next_timer",
    "session_caller",
    "session_id",
    "set_timer",
    "sheet",
    "sheet_file",
    "sign_in_member",
    "sign_out",
    "state_of",
    "subscribe",
    "take_lease",
    "tell_system",
    "tenant_ids",
    "tenant_scope",
    "timer_handler",
    "trying_again",
    "update_row",
    "uuid7",
    "uuid7_floor",
    "wanted",
    "wanted_beside",
    "wire_matching",
    "with_retries",
    "write",
    "write_query",
    "writing",
]
