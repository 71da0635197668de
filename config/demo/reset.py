"""Taking the demo's enterprises away, rows, events and audit included, as the tables' owner.

The roles of production may not: they own nothing, and the log is append-only for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from tenants.public import HotseatError

ALIAS = "owner"
RUNNING_WITHIN_S = 15
AUDIT = "tenants_auditentry"


class StillRunning(HotseatError):
    """The demo's tenants are at work."""

    code = "still-running"
    status = 409


def reset(slugs: Sequence[str]) -> int:
    """Remove the tenants with these codes and all that is theirs; returns how many there were.

    Raises StillRunning while a process of this installation is at work: it could write in between.
    """
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        _refuse_while_running(cursor)
        cursor.execute("SELECT id FROM tenants_tenant WHERE slug = ANY(%s)", [list(slugs)])
        tenants = _column(cursor)
        if tenants:
            _remove(cursor, tenants)
    return len(tenants)


def _refuse_while_running(cursor: CursorWrapper) -> None:
    cursor.execute(
        "SELECT DISTINCT split_part(name, '.', 1) AS name FROM tenants_process "
        "WHERE progress_at > clock_timestamp() - make_interval(secs => %s) ORDER BY name",
        [RUNNING_WITHIN_S],
    )
    running = _column(cursor)
    if running:
        raise StillRunning(
            f"Stop Hotseat first: {', '.join(running)} worked within the last {RUNNING_WITHIN_S} s.",
            processes=running,
        )


def _remove(cursor: CursorWrapper, tenants: list[UUID]) -> None:
    """Constraints between the tenants' rows are checked at the end of the transaction, so their order is free.

    Each deletion writes to the audit trail, which is therefore emptied last.
    """
    cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    cursor.execute("SELECT user_id FROM tenants_membership WHERE tenant_id = ANY(%s)", [tenants])
    people = _column(cursor)
    _remove_interactions(cursor, tenants)
    for table in _tables_with(cursor, "tenant_id"):
        if table != AUDIT:
            _delete(cursor, table, "tenant_id", tenants)
    _delete(cursor, "tenants_tenant", "id", tenants)
    cursor.execute("SELECT user_id FROM tenants_membership WHERE user_id = ANY(%s)", [people])
    _delete(cursor, "tenants_user", "id", sorted(set(people) - set(_column(cursor))))
    _delete(cursor, AUDIT, "tenant_id", tenants)


def _remove_interactions(cursor: CursorWrapper, tenants: list[UUID]) -> None:
    """A caller who was handed over belongs to the provider's contacts too: the whole interaction goes."""
    cursor.execute("SELECT DISTINCT interaction_id FROM routing_contact WHERE tenant_id = ANY(%s)", [tenants])
    interactions = _column(cursor)
    cursor.execute("SELECT id FROM routing_contact WHERE interaction_id = ANY(%s)", [interactions])
    contacts = _column(cursor)
    for column, ids in (("contact_id", contacts), ("interaction_id", interactions)):
        for table in _tables_with(cursor, column):
            _delete(cursor, table, column, ids)
    _delete(cursor, "routing_interaction", "id", interactions)


def _delete(cursor: CursorWrapper, table: str, column: str, values: Sequence[Any]) -> None:
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)")
    cursor.execute(statement.format(sql.Identifier(table), sql.Identifier(column)), [list(values)])


def _tables_with(cursor: CursorWrapper, column: str) -> list[str]:
    """The tables that have the column, the partitions of others left out."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND a.attname = %s AND NOT a.attisdropped ORDER BY c.relname",
        [column],
    )
    return _column(cursor)


def _column(cursor: CursorWrapper) -> list[Any]:
    return [row[0] for row in cursor.fetchall()]
