"""Every table is enumerated: it has a tenant, a policy on the scope and force, or it stands on the list below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from django.db import ProgrammingError, connections

from tenants.models.base import CSP_TENANT_ID
from tenants.public import Tenant, engine_scope, ensure_partitions, tenant_scope
from tests import factories

OWNER, APP, ENGINE = "hotseat_owner", "hotseat_app", "hotseat_engine"

SCOPE = "( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)"
OF_TENANT = f"(tenant_id = {SCOPE})"
PLATFORM = f"({SCOPE} = '{CSP_TENANT_ID}'::uuid)"
TENANT_OR_PLATFORM = f"({OF_TENANT} OR {PLATFORM})"
ALL_ROWS = "true"

# Tables of tenants whose rows tenant zero, the platform, may see too: who signs in is not yet in a tenant's scope.
SEEN_BY_PLATFORM = {"tenants_apikey", "tenants_membership", "tenants_number"}

# Tables without a tenant, each with why, and with what the application's role may see of it (None: nothing at all).
WITHOUT_TENANT: dict[str, tuple[str, str | None]] = {
    "tenants_tenant": ("the tenants themselves: one sees its own row", f"((id = {SCOPE}) OR {PLATFORM})"),
    "tenants_user": ("a person has memberships in several tenants", ALL_ROWS),
    "tenants_user_groups": ("Django's; unused, follows the person", ALL_ROWS),
    "tenants_user_user_permissions": ("Django's; unused, follows the person", ALL_ROWS),
    "tenants_process": ("the platform's processes and their progress", ALL_ROWS),
    "tenants_lease": ("duties of the platform's processes", None),
    "routing_interaction": ("belongs to the platform; its contacts belong to tenants", None),
    "routing_leg": ("channels of the exchange", None),
    "routing_switchnode": ("exchanges", None),
    "routing_switchcommand": (
        "asked of an exchange; a tenant may add, never read, and for its own contacts only while they last",
        (
            "(EXISTS ( SELECT 1\n   FROM routing_contact c\n"
            "  WHERE ((c.id = routing_switchcommand.contact_id) AND"
            " (c.interaction_id = routing_switchcommand.interaction_id) AND ((c.state)::text <> 'ended'::text))))"
        ),
    ),
    "django_migrations": ("Django's", ALL_ROWS),
    "django_content_type": ("Django's", ALL_ROWS),
    "django_session": ("found by a secret key, before the tenant is known", ALL_ROWS),
    "django_admin_log": ("the administration's own log; the audit trail is tenants_auditentry", ALL_ROWS),
    "auth_permission": ("Django's list of rights", ALL_ROWS),
    "auth_group": ("Django's; read only", ALL_ROWS),
    "auth_group_permissions": ("Django's; read only", ALL_ROWS),
    "axes_accessattempt": ("failed sign-ins, before the tenant is known", ALL_ROWS),
    "axes_accessattemptexpiration": ("failed sign-ins, before the tenant is known", ALL_ROWS),
    "axes_accessfailurelog": ("failed sign-ins, before the tenant is known", ALL_ROWS),
    "axes_accesslog": ("sign-ins, before the tenant is known", ALL_ROWS),
    "guardian_userobjectpermission": ("object rights by id; the objects have the tenant", ALL_ROWS),
    "guardian_groupobjectpermission": ("object rights by id; the objects have the tenant", ALL_ROWS),
}

# All that the engine, which works for every tenant at once, may read. Reviewed: nothing here is personal.
ENGINE_READS = {
    "agents_agentsession", "agents_notreadyreason", "agents_reserve", "agents_skillprofile", "agents_slot",
    "agents_station",
    "reporting_callrecord", "reporting_legrecord", "reporting_offerrecord", "reporting_projection",
    "reporting_sessionrecord", "reporting_stretch",
    "routing_backupactivation", "routing_backupplan", "routing_callback", "routing_callbackattempt",
    "routing_callbackrule", "routing_contact", "routing_demand", "routing_diversion",
    "routing_eligibility", "routing_entrypoint", "routing_exclusion", "routing_flow", "routing_flowversion",
    "routing_interaction", "routing_leg", "routing_offer", "routing_outboundcall", "routing_participation",
    "routing_queue", "routing_routingpolicy", "routing_segment", "routing_slothold", "routing_switchcommand",
    "routing_switchnode", "tenants_event", "tenants_lease", "tenants_number", "tenants_outbox", "tenants_process",
    "tenants_tenant", "tenants_timer",
}  # fmt: skip

# Tables that hold personal data: named here as well, so that widening the set above cannot take one in by accident.
PERSONAL = {
    "agents_agent", "billing_usageline", "routing_backuproute", "routing_callbackparty", "routing_contactparty",
    "routing_flowrun", "routing_outboundparty", "routing_transfer", "tenants_apikey",
    "tenants_auditentry", "tenants_customer", "tenants_idempotencyrecord", "tenants_membership", "tenants_user",
}  # fmt: skip

_TABLES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, pg_get_userbyid(c.relowner),
       EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
_POLICIES = """
SELECT tablename, policyname, permissive, roles::text[], cmd, qual, with_check
FROM pg_policies WHERE schemaname = 'public'
"""
_READABLE = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND has_any_column_privilege(%s, c.oid, 'SELECT')
"""


@dataclass(frozen=True)
class Table:
    name: str
    enabled: bool
    forced: bool
    is_partition: bool
    owner: str
    has_tenant: bool


@dataclass(frozen=True)
class Policy:
    name: str
    permissive: str
    role: str
    command: str
    using: str | None
    check: str | None


@pytest.fixture
def admin(admin_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        yield connection


def tables(admin: psycopg.Connection) -> list[Table]:
    return [Table(*row) for row in admin.execute(_TABLES)]


def policies(admin: psycopg.Connection, table: str) -> dict[str, Policy]:
    """The table's policies by the one role that each is for."""
    found = {}
    for name, policy, permissive, roles, command, using, check in admin.execute(_POLICIES):
        if name == table:
            (role,) = roles
            assert role not in found, f"{table} has two policies for {role}: they would add up"
            found[role] = Policy(policy, permissive, role, command, using, check)
    return found


def readable(admin: psycopg.Connection, role: str) -> set[str]:
    return {row[0] for row in admin.execute(_READABLE, [role])}


def test_row_security_is_forced_on_every_table_and_the_owner_owns_them_all(admin: psycopg.Connection) -> None:
    found = tables(admin)
    assert len(found) > 60
    assert [table.name for table in found if not (table.enabled and table.forced and table.owner == OWNER)] == []


def test_every_table_has_a_tenant_or_stands_on_the_reviewed_list(admin: psycopg.Connection) -> None:
    without = {table.name for table in tables(admin) if not table.has_tenant}
    assert without == set(WITHOUT_TENANT)


def test_the_applications_policy_is_the_scope_and_nothing_wider(admin: psycopg.Connection) -> None:
    wrong = {}
    for table in tables(admin):
        wanted: str | None = OF_TENANT
        if table.is_partition:
            wanted = None
        elif table.name in SEEN_BY_PLATFORM:
            wanted = TENANT_OR_PLATFORM
        elif not table.has_tenant:
            wanted = WITHOUT_TENANT[table.name][1]
        policy = policies(admin, table.name).get(APP)
        seen = policy and (policy.permissive, policy.command, policy.using, policy.check)
        if seen != (wanted and ("PERMISSIVE", "ALL", wanted, wanted)):
            wrong[table.name] = seen
    assert wrong == {}


def test_each_table_has_a_policy_for_the_owner_and_none_for_strangers(admin: psycopg.Connection) -> None:
    for table in tables(admin):
        found = policies(admin, table.name)
        assert found.keys() <= {OWNER, APP, ENGINE}, table.name
        # Without it data migrations, foreign-key validation and pg_dump would silently see nothing.
        assert (found[OWNER].using, found[OWNER].check) == (ALL_ROWS, ALL_ROWS), table.name


def test_the_engine_reads_the_reviewed_tables_only(admin: psycopg.Connection) -> None:
    assert readable(admin, ENGINE) == ENGINE_READS
    assert readable(admin, ENGINE) & PERSONAL == set()
    assert {table.name for table in tables(admin)} >= PERSONAL


@pytest.mark.parametrize("table", sorted(PERSONAL))
def test_a_personal_table_cannot_be_read_by_the_engine(table: str) -> None:
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(f"SELECT 1 FROM {table}")
        scope.roll_back()


def test_nobody_else_has_any_right(admin: psycopg.Connection) -> None:
    granted = admin.execute(
        """
        SELECT c.relname, a.privilege_type FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL aclexplode(c.relacl) a
        WHERE n.nspname = 'public'
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
          AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) NOT IN (%s, %s, %s))
        """,
        [OWNER, APP, ENGINE],
    ).fetchall()
    assert granted == []
    columns = admin.execute(
        """
        SELECT c.relname, t.attname, pg_get_userbyid(a.grantee), a.privilege_type FROM pg_attribute t
        JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL aclexplode(t.attacl) a WHERE n.nspname = 'public' ORDER BY 1, 2
        """
    ).fetchall()
    assert columns == [
        ("agents_station", "reachable", ENGINE, "UPDATE"), ("agents_station", "reachable_at", ENGINE, "UPDATE"),
    ]  # fmt: skip


def test_no_role_but_the_owner_may_truncate_or_add_triggers(admin: psycopg.Connection) -> None:
    for role in (APP, ENGINE):
        held = admin.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' "
            "AND c.relkind IN ('r', 'p') AND has_table_privilege(%s, c.oid, 'TRUNCATE, TRIGGER, REFERENCES')",
            [role],
        ).fetchall()
        assert held == []


def test_the_log_and_the_bill_are_only_added_to(admin: psycopg.Connection) -> None:
    for table in ("tenants_event", "billing_usageline", "tenants_auditentry"):
        for role in (APP, ENGINE):
            held = admin.execute("SELECT has_table_privilege(%s, %s, 'UPDATE, DELETE')", [role, table]).fetchone()
            assert held == (False,), (table, role)


def test_functions_with_the_owners_rights_are_known_and_closed(admin: psycopg.Connection) -> None:
    found = admin.execute(
        """
        SELECT p.proname, p.proconfig, has_function_privilege(%s, p.oid, 'EXECUTE'),
               has_function_privilege(%s, p.oid, 'EXECUTE')
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public' AND p.prosecdef ORDER BY 1
        """,
        [APP, ENGINE],
    ).fetchall()
    path = ["search_path=public, pg_temp"]
    # A trigger's function cannot be called, whoever has the right to.
    assert found == [("tenants_audit_row", path, True, True), ("tenants_create_event_partition", path, False, True)]


@pytest.mark.parametrize("status", [Tenant.Status.SUSPENDED, Tenant.Status.ACTIVE])
def test_a_tenant_cannot_change_its_own_status(status: str) -> None:
    before = {Tenant.Status.SUSPENDED, Tenant.Status.ACTIVE} - {status}
    tenant = factories.make_tenant(status=before.pop())
    with tenant_scope(tenant.id) as scope:
        with pytest.raises(ProgrammingError, match="in the platform's scope only"):
            Tenant.objects.filter(id=tenant.id).update(status=status)
        scope.roll_back()
    with tenant_scope(tenant.id):
        assert Tenant.objects.filter(id=tenant.id).update(name="Renamed") == 1
    with tenant_scope(CSP_TENANT_ID):
        assert Tenant.objects.filter(id=tenant.id).update(status=status) == 1


# --- partitions -------------------------------------------------------------------------------------------------------


def test_a_new_partition_is_forced_and_out_of_reach(admin: psycopg.Connection) -> None:
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT tenants_create_event_partition('2061-05-17')")
        assert cursor.fetchone() == ("tenants_event_206105",)
        cursor.execute("SELECT tenants_create_event_partition('2061-05-01')")
        assert cursor.fetchone() == (None,)
    try:
        (made,) = [table for table in tables(admin) if table.name == "tenants_event_206105"]
        assert made == Table("tenants_event_206105", True, True, True, OWNER, True)
        assert set(policies(admin, made.name)) == {OWNER}
        tenant = factories.make_tenant()
        with tenant_scope(tenant.id) as scope, connections[scope.alias].cursor() as cursor:
            with pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute("SELECT 1 FROM tenants_event_206105")
            scope.roll_back()
        with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
            with pytest.raises(ProgrammingError, match="permission denied"):
                cursor.execute("SELECT 1 FROM tenants_event_206105")
            scope.roll_back()
    finally:
        admin.execute("DROP TABLE tenants_event_206105")


def test_partitions_are_there_ahead_of_time(admin: psycopg.Connection) -> None:
    assert ensure_partitions() == []
    months = admin.execute(
        "SELECT 'tenants_event_' || to_char((now() AT TIME ZONE 'UTC') + make_interval(months => n), 'YYYYMM') "
        "FROM generate_series(0, 3) AS n"
    ).fetchall()
    assert {name for (name,) in months} <= {table.name for table in tables(admin)}


def test_the_application_cannot_make_partitions() -> None:
    tenant = factories.make_tenant()
    with tenant_scope(tenant.id) as scope, connections[scope.alias].cursor() as cursor:
        with pytest.raises(ProgrammingError, match="permission denied for function"):
            cursor.execute("SELECT tenants_create_event_partition('2061-06-01')")
        scope.roll_back()
