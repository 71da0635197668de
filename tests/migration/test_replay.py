"""The migrations run from nothing as the owner, back to nothing, and forth again to the same schema."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from psycopg import sql

from config.checkout import ROOT
from config.services import database
from tests.conftest import STAGE

APPS = ("tenants", "agents", "routing", "reporting", "billing")

_SCHEMA = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 ORDER BY 1, 2
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    "policies": """
        SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies
        WHERE schemaname = 'public' ORDER BY 1, 2
    """,
    "security": """
        SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1
    """,
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
        WHERE NOT tgisinternal ORDER BY 1, 2
    """,
    "functions": """
        SELECT proname, prosrc, prosecdef, proacl::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1
    """,
}


@pytest.fixture
def empty_database() -> Iterator[str]:
    """URL of a database of its own, with the roles and nothing else in it."""
    name = f"{STAGE.database}_replay"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(STAGE.admin_url, autocommit=True) as admin:
        admin.execute(drop)
        database.prepare(database.Target(STAGE.admin_url, name), STAGE.services.passwords())
        yield database.with_database(STAGE.admin_url, name)
        admin.execute(drop)


def _migrate(url: str, *target: str) -> None:
    bare = STAGE.services.environment()
    environment = os.environ | bare | {"DATABASE_URL": url}
    command = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "1", *target]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def _schema(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return {part: connection.execute(query).fetchall() for part, query in _SCHEMA.items()}


@pytest.mark.slow
def test_migrations_go_to_the_end_back_to_nothing_and_to_the_same_end_again(empty_database: str) -> None:
    _migrate(empty_database)
    there = _schema(empty_database)
    assert {row[0] for row in there["security"]} >= {
        "tenants_tenant",
        "agents_agent",
        "routing_contact",
        "billing_rate",
    }

    for app in reversed(APPS):
        if any((ROOT / app / "migrations").glob("0*.py")):
            _migrate(empty_database, app, "zero")
    gone = _schema(empty_database)
    ours = [row[0] for row in gone["security"] if str(row[0]).startswith(tuple(f"{app}_" for app in APPS))]
    assert (ours, gone["functions"], gone["triggers"]) == ([], [], [])

    _migrate(empty_database)
    again = _schema(empty_database)
    for part, rows in there.items():
        assert again[part] == rows, part


_RATE = (
    "INSERT INTO billing_rate (id, tenant_id, table_id, prefix, price_per_minute, connection_fee, initial_seconds,"
    " increment_seconds) VALUES (gen_random_uuid(), %(tenant)s, %(table)s, %(name)s, 0.5, 0, 6, 6)"
)
_LINE = (
    "INSERT INTO billing_usageline (id, tenant_id, key, kind, contact_id, occurred_on, quantity, unit, unit_price,"
    " amount, currency, explanation, created_at) VALUES (gen_random_uuid(), %(tenant)s, %(name)s, 'minutes',"
    " gen_random_uuid(), '2026-03-10', 6, 'second', 0.5, 0.05, 'EUR', '{}', now())"
)
_KEPT = "SELECT key, amount, explanation::text FROM billing_usageline ORDER BY key"


@pytest.mark.slow
def test_lines_and_rates_stay_and_code_that_does_not_know_corrections_goes_on(empty_database: str) -> None:
    _migrate(empty_database)
    _migrate(empty_database, "billing", "0002")
    values = {"tenant": uuid.uuid4(), "table": uuid.uuid4()}
    with psycopg.connect(empty_database) as connection:
        # Rows that refer to nothing: what is looked at here is their own.
        connection.execute("SET session_replication_role = replica")
        for name in ("", "+44"):
            connection.execute(_RATE, {**values, "name": name})
            connection.execute(_LINE, {**values, "name": f"contact:{name}"})
        before = connection.execute(_KEPT).fetchall()

    _migrate(empty_database, "billing")

    with psycopg.connect(empty_database) as connection:
        assert connection.execute(_KEPT).fetchall() == before
        connection.execute("SET session_replication_role = replica")
        connection.execute(_RATE, {**values, "name": "+1"})
        connection.execute(_LINE, {**values, "name": "contact:+1"})
        lines = "SELECT DISTINCT corrects_id, outbound_call_id, reason, made_by FROM billing_usageline"
        assert connection.execute(lines).fetchall() == [(None, None, "", "")]
        rates = "SELECT DISTINCT first_day, last_day, minimum_charge FROM billing_rate"
        assert connection.execute(rates).fetchall() == [(None, None, 0)]
        unchecked = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
        assert connection.execute(unchecked).fetchall() == []


def test_models_and_migrations_agree() -> None:
    output = io.StringIO()
    call_command("makemigrations", *APPS, check=True, dry_run=True, verbosity=1, stdout=output)
    assert "No changes detected" in output.getvalue()


def test_no_data_migration_needs_more_than_the_owners_rights() -> None:
    """Migrations run as `hotseat_owner`, who is no superuser; row security is forced on the owner too."""
    with psycopg.connect(STAGE.database_url) as connection:
        rows = connection.execute(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'hotseat_owner'"
        ).fetchall()
        owners = connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')"
        ).fetchall()
    assert rows == [(False, False)]
    assert owners == [("hotseat_owner",)]
