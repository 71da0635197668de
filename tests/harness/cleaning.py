"""Putting the database back between tests: rows go, what migrations inserted comes back.

Tests commit, so there is nothing to roll back. A superuser's connection deletes from every table with triggers and
foreign keys off; tables that migrations fill are restored from a copy taken before the first test.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

# Filled by Django itself; a test that changes them is wrong in other ways.
UNTOUCHED = ("django_migrations", "django_content_type", "auth_permission")
LOCK_TIMEOUT_MS = 5000

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
_HOLDERS = """
SELECT usename, state, left(query, 200) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
"""


class NotCleanable(Exception):
    """A test left a transaction open that holds its rows."""


@dataclass
class Cleaner:
    """Cleans one database. ``connection`` is a superuser's, in autocommit mode, and stays open between tests."""

    connection: psycopg.Connection
    seeds: dict[str, bytes] = field(default_factory=dict)
    statement: sql.Composed = field(init=False)

    def __post_init__(self) -> None:
        self.connection.execute("SET session_replication_role = replica")
        self.connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        tables = [row[0] for row in self.connection.execute(_TABLES) if row[0] not in UNTOUCHED]
        for table in tables:
            content = self._content(table)
            if content:
                self.seeds[table] = content
        emptied = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in tables if name not in self.seeds]
        self.statement = sql.SQL("; ").join(emptied)

    def _content(self, table: str) -> bytes:
        with self.connection.cursor() as cursor, cursor.copy(self._copy(table, "TO STDOUT")) as copy:
            return b"".join(bytes(block) for block in copy)

    def _copy(self, table: str, direction: str) -> sql.Composed:
        columns = self.connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = '' ORDER BY attnum",
            [table],
        ).fetchall()
        names = sql.SQL(", ").join(sql.Identifier(row[0]) for row in columns)
        chosen = sql.SQL("(SELECT {} FROM {} ORDER BY 1)") if direction.startswith("TO") else sql.SQL("{1} ({0})")
        return sql.SQL("COPY {} {}").format(chosen.format(names, sql.Identifier(table)), sql.SQL(direction))

    def clean(self) -> None:
        """Raises NotCleanable, naming the holders, when rows stay locked."""
        try:
            self.connection.execute(self.statement)
            for table, content in self.seeds.items():
                if self._content(table) != content:
                    self._restore(table, content)
        except psycopg.errors.LockNotAvailable as error:
            holders = self.connection.execute(_HOLDERS).fetchall()
            raise NotCleanable(f"rows stay locked after the test, by {holders}") from error

    def _restore(self, table: str, content: bytes) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            with cursor.copy(self._copy(table, "FROM STDIN")) as copy:
                copy.write(content)
