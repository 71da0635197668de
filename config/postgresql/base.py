"""The backend that `DATABASES` names; Django wants it in a module of this name."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.pq import Format

TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
IN_UTC: Any = psycopg.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)


Django: Any = base  # its stubs leave out what a backend is made of


class DatabaseWrapper(Django.DatabaseWrapper):  # type: ignore[misc]
    """Three things other than Django's: whom it takes from the pool, when it says BEGIN, and how it reads times.

    It takes no connection that the server has ended meanwhile. psycopg's own check asks the server, one round trip for
    each use, and after each connection that is gone it waits, twice as long each time: with a few of them in the pool
    nobody gets one for ten seconds after a restart. A server that ends a connection says so on its socket, where
    nothing else comes while a connection rests: to look is enough. What dies without a word fails at its first
    statement, as it would right behind any check.

    It says BEGIN with a transaction's first statement, where psycopg would say it before and wait for the answer.
    Whoever sends statements together, as a scope does, sends it along and clears `begins`.

    Times are read by psycopg in C, in the session's zone, which is UTC; Django's reader, for any zone, is in Python.
    """

    begins = False
    """Whether a transaction is to begin with the next statement."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """Return a connection of the pool, or a new one where there is none."""
        connection: Connection[Any] = super().get_new_connection(conn_params)
        while self.pool and _has_something_to_say(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        # psycopg begins no transactions: `begins` says when.
        if not connection.autocommit:
            connection.autocommit = True
        return connection

    def _configure_connection(self, connection: Connection[Any]) -> bool:
        connection.adapters.register_loader(TIMESTAMPTZ, IN_UTC)
        return bool(super()._configure_connection(connection))

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor, in a transaction that has begun if there is to be one."""
        if self.begins:
            self.connection.execute("BEGIN")
            self.begins = False
        if not name:
            return self.connection.cursor()
        kept = not self.in_atomic_block
        if self.settings_dict["OPTIONS"].get("server_side_binding"):
            return self.connection.cursor(name, scrollable=False, withhold=kept)
        return Django.ServerSideCursor(self.connection, name=name, scrollable=False, withhold=kept)

    def _set_autocommit(self, autocommit: bool) -> None:
        self.begins = not autocommit

    def _commit(self) -> None:
        super()._commit()
        self.begins = not self.autocommit

    def _rollback(self) -> None:
        super()._rollback()
        self.begins = not self.autocommit


def _has_something_to_say(resting: "Connection[Any]") -> bool:
    poll = select.poll()
    poll.register(resting.fileno(), select.POLLIN)
    return bool(poll.poll(0))
