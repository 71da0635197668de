"""Statements of one transaction that travel together.

What a service writes is rarely asked for again before its end, so a write waits: for the next statement that returns
something, or for the end of the scope, and all that wait go to PostgreSQL in one round trip, in the order in which they
were given. Under load the round trips are what a call costs: each gives up the interpreter and the processor twice.

Nothing else changes. Django's own queries in the scope are preceded by the writes that wait; a write that fails raises
where it is sent, inside the scope, which is then rolled back; a scope that is left by an exception sends nothing.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections

from tenants.errors import Conflict

Values = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]


class Statements:
    """The statements of one transaction on the connection `alias`."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._waiting: list[tuple[str, Values, str]] = []

    def write(self, sql: str, values: Values, *, gone: str = "") -> None:
        """Have a statement carried out whose result nobody needs, after those that were written before it.

        `gone`: the words of the Conflict "gone" that is raised when it changes no row; without them that is no error.
        """
        self._waiting.append((sql, values, gone))

    def read(self, *statements: tuple[str, Values]) -> list[Rows]:
        """Carry out what waits, then these, each seeing what those before it did; return the rows of each of these."""
        connection = connections[self._alias]
        waiting, self._waiting = self._waiting, []
        with connection.wrap_database_errors, connection.connection.pipeline():
            cursors = []
            for sql, values in (*((sql, values) for sql, values, _ in waiting), *statements):
                cursor = connection.cursor()
                cursor.execute(sql, values)
                cursors.append(cursor)
        for (_, _, gone), cursor in zip(waiting, cursors, strict=False):
            if gone and cursor.rowcount != 1:
                raise Conflict(gone, code="gone")
        return [cursor.fetchall() for cursor in cursors[len(waiting) :]]

    def send(self) -> None:
        """Carry out what waits."""
        if self._waiting:
            self.read()

    @contextmanager
    def before_queries(self) -> Generator[None]:
        """Within it, every query of Django's on the connection is preceded by what waits."""

        def execute(run: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
            self.send()
            return run(sql, values, many, context)

        with connections[self._alias].execute_wrapper(execute):
            yield
