"""What each role may do: a closed list of rights, and the only place that says who has them."""

from enum import StrEnum
from uuid import UUID

from tenants.models import CSP_TENANT_ID, Role


class Right(StrEnum):
    """One thing that a caller may do within their tenant. Views name the right that each action needs."""

    READ_TENANTS = "tenants.read"
    WRITE_TENANTS = "tenants.write"
    LEASE_NUMBERS = "numbers.lease"
    READ_NUMBERS = "numbers.read"
    READ_MEMBERS = "members.read"
    WRITE_MEMBERS = "members.write"
    READ_KEYS = "api_keys.read"
    WRITE_KEYS = "api_keys.write"
    READ_CUSTOMERS = "customers.read"
    WRITE_CUSTOMERS = "customers.write"
    READ_STAFF = "staff.read"
    WRITE_STAFF = "staff.write"
    OPEN_RESERVE = "reserve.open"
    READ_ROUTING = "routing.read"
    WRITE_ROUTING = "routing.write"
    READ_CONTACTS = "contacts.read"
    END_CONTACTS = "contacts.end"
    READ_CALL_BACKS = "call_backs.read"
    WRITE_CALL_BACKS = "call_backs.write"
    READ_WORK = "work.read"
    WRITE_WORK = "work.write"
    ACTIVATE_BACKUP = "backup.activate"
    WRITE_TRUNKS = "trunks.write"
    USE_DESK = "desk.use"
    READ_BOARD = "board.read"
    READ_REPORTS = "reports.read"
    READ_SYSTEM = "system.read"
    READ_STATEMENTS = "statements.read"
    READ_RATES = "rates.read"
    WRITE_RATES = "rates.write"
    READ_AUDIT = "audit.read"
    ADMINISTER = "administration.open"


AGENT = frozenset({Right.USE_DESK, Right.READ_CUSTOMERS, Right.READ_CALL_BACKS, Right.WRITE_CALL_BACKS})

SUPERVISOR = frozenset(
    {
        Right.READ_NUMBERS,
        Right.READ_CUSTOMERS,
        Right.WRITE_CUSTOMERS,
        Right.READ_STAFF,
        Right.OPEN_RESERVE,
        Right.READ_ROUTING,
        Right.READ_CONTACTS,
        Right.END_CONTACTS,
        Right.READ_CALL_BACKS,
        Right.WRITE_CALL_BACKS,
        Right.READ_WORK,
        Right.WRITE_WORK,
        Right.READ_BOARD,
        Right.READ_REPORTS,
    }
)

ADMINISTRATOR = SUPERVISOR | {
    Right.READ_MEMBERS,
    Right.WRITE_MEMBERS,
    Right.READ_KEYS,
    Right.WRITE_KEYS,
    Right.WRITE_STAFF,
    Right.WRITE_ROUTING,
    Right.ACTIVATE_BACKUP,
    Right.READ_STATEMENTS,
    Right.READ_RATES,
    Right.READ_AUDIT,
    Right.ADMINISTER,
}

OPERATOR = ADMINISTRATOR | {
    Right.READ_SYSTEM,
    Right.READ_TENANTS,
    Right.WRITE_TENANTS,
    Right.LEASE_NUMBERS,
    Right.WRITE_RATES,
    Right.WRITE_TRUNKS,
}

RIGHTS: dict[str, frozenset[Right]] = {
    Role.AGENT: AGENT,
    Role.SUPERVISOR: SUPERVISOR,
    Role.ADMINISTRATOR: ADMINISTRATOR,
    Role.OPERATOR: OPERATOR,
}


def rights_of(role: str, *, tenant_id: UUID) -> frozenset[Right]:
    """Return the rights of `role` within a tenant. An operator is one only in tenant zero, and nobody elsewhere."""
    if role == Role.OPERATOR and tenant_id != CSP_TENANT_ID:
        return frozenset()
    return RIGHTS.get(role, frozenset())
