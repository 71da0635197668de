"""A database's clock that is moved by hand, without a line of the product or of its schema changed.

Everything that orders or is due asks the database for `clock_timestamp()`. In a database made for it, a schema that is
searched before PostgreSQL's own has a function of that name, which tells the moment kept in a table of one row. Every
new session of every role finds that one first. PostgreSQL's own duties, statement timeouts among them, and triggers
that pin their search path (the audit's) keep the wall's time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from django.db import connections
from psycopg import sql

from config.postgresql.base import DatabaseWrapper
from config.services.database import APP, ENGINE, OWNER
from tenants.ids import follow_clock

MAKE = """
CREATE SCHEMA moved;
CREATE TABLE moved.moment (at timestamptz NOT NULL);
CREATE UNIQUE INDEX one_moment ON moved.moment ((true));
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT at FROM moved.moment);
END $$;
CREATE FUNCTION moved.move(wanted timestamptz, OUT at timestamptz, OUT due boolean) LANGUAGE plpgsql AS $$
DECLARE
    next timestamptz := (SELECT min(due_at) FROM public.tenants_timer);
BEGIN
    UPDATE moved.moment AS m SET at = greatest(m.at, least(wanted, next)) RETURNING m.at INTO move.at;
    due := coalesce(next <= move.at, false);
END $$;
"""
HOT = ("agents_slot", "agents_agentsession", "tenants_timer", "routing_slothold", "routing_switchcommand")
"""Tables in which each contact leaves dead rows behind: what autovacuum would look after, where it is on."""


class MovedClock:
    """The moved clock of one database; `moment` is where it stands, aware, UTC."""

    def __init__(self, connection: psycopg.Connection, moment: datetime) -> None:
        self._connection = connection
        self.moment = moment

    def move(self, to: datetime) -> bool:
        """Move it on to `to`, or only to the next timer if that is due before; say whether a timer is due then.

        It never goes back. Identifiers follow at once, as they follow a database whose clock differs.
        """
        row = self._connection.execute("SELECT at, due FROM moved.move(%s)", [to], prepare=True).fetchone()
        if row is None:
            raise AssertionError("a function that returned nothing")
        self.moment = row[0]
        # The clock stands still: it can be told without being asked again.
        now_ns = time.time_ns()
        follow_clock(self.moment, asked_ns=now_ns, heard_ns=now_ns)
        return bool(row[1])

    def tidy(self) -> None:
        """Do what autovacuum does on a cluster that has it on."""
        for table in HOT:
            self._connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))


@contextmanager
def moved_clock(admin_url: str, *, start: datetime) -> Iterator[MovedClock]:
    """Let the clock of the database at `admin_url` stand at `start`, and give it back its own at the end.

    The URL is a superuser's, of the database that Django's settings name. Django's connections are closed at both
    ends, since a session that is open keeps the clock that it began with.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        name = sql.Identifier(connection.info.dbname)
        roles = sql.SQL(", ").join(map(sql.Identifier, (OWNER, APP, ENGINE)))
        connection.execute(MAKE)
        connection.execute("INSERT INTO moved.moment VALUES (%s)", [start])
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA moved TO {}").format(roles))
        connection.execute(sql.SQL("GRANT SELECT ON moved.moment TO {}").format(roles))
        # PostgreSQL's own schema has to be named to be searched second: else it comes first.
        connection.execute(sql.SQL("ALTER DATABASE {} SET search_path = moved, pg_catalog, public").format(name))
        forget_connections()
        try:
            clock = MovedClock(connection, start)
            clock.move(start)
            yield clock
        finally:
            forget_connections()
            connection.execute(sql.SQL("ALTER DATABASE {} RESET search_path").format(name))
            connection.execute("DROP SCHEMA moved CASCADE")
            _follow_the_wall()


def forget_connections() -> None:
    """Close Django's connections, those that rest in a pool too."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        if isinstance(connection, DatabaseWrapper) and "pool" in connection.settings_dict["OPTIONS"]:
            connection.close_pool()


def _follow_the_wall() -> None:
    now_ns = time.time_ns()
    follow_clock(datetime.fromtimestamp(now_ns / 1e9).astimezone(), asked_ns=now_ns, heard_ns=now_ns)
