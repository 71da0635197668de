"""Statements of one transaction that travel together.

What a service writes is rarely asked for again before its end, so a write waits: for the next statement that returns
something, or for the end of the scope, and all that wait go to PostgreSQL in one round trip, in the order in which they
were given; BEGIN goes with the first of them and COMMIT with the last. Under load the round trips are what a call
costs: each gives up the interpreter and the processor twice.

Nothing else changes. Django's own queries in the scope are preceded by the writes that wait; a write that fails raises
where it is sent, inside the scope, which is then rolled back; a scope that is left by an exception sends nothing.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections

Values = Sequence[Any] | Mapping[str, Any]
Statement = tuple[str, Values]
Rows = list[tuple[Any, ...]]
Answer = Callable[[Rows], object]

BEGIN: Statement = ("BEGIN", ())
COMMIT: Statement = ("COMMIT", ())


@contextmanager
def held_back(pipeline: Any) -> Generator[None]:
    """Have the statements of a psycopg pipeline leave together, when the block ends.

    psycopg sends each as it is given and looks for answers, which for each of them gives up the interpreter, and wakes
    the server. It does so in `_communicate_gen`, a name of its own (3.3): without it they would leave one by one again.
    """
    pipeline._communicate_gen = tuple  # noqa: SLF001 - "yield from" it does nothing
    try:
        yield
    finally:
        del pipeline._communicate_gen  # noqa: SLF001
    while pipeline.command_queue:
        pipeline.command_queue.popleft()()


class Statements:
    """The statements of one transaction on the connection `alias`, in the thread that made this."""

    def __init__(self, alias: str) -> None:
        self.connection: Any = connections[alias]  # ours, which says when a transaction begins
        self._waiting: list[tuple[Statement, Answer | None]] = []

    def write(self, sql: str, values: Values, *, answer: Answer | None = None) -> None:
        """Have a statement carried out after those that were written before it.

        Whoever needs what it returns, but not before the scope's end, is given that as `answer`.
        """
        self._waiting.append(((sql, values), answer))

    def read(self, *statements: Statement) -> list[Rows]:
        """Carry out what waits, then these, each seeing what those before it did; return the rows of each of these."""
        django = self.connection
        before = [(BEGIN, None), *self._waiting] if django.begins else self._waiting
        self._waiting, django.begins = [], False
        all_of_them = [*(statement for statement, _ in before), *statements]
        # psycopg's own cursors: Django's would cost as much again as the statement.
        with django.wrap_database_errors, django.connection.pipeline() as pipeline, held_back(pipeline):
            cursors = [django.connection.cursor().execute(*statement) for statement in all_of_them]
        for (_, answer), cursor in zip(before, cursors, strict=False):
            if answer is not None:
                answer(cursor.fetchall())
        return [cursor.fetchall() for cursor in cursors[len(before) :]]

    def send(self) -> None:
        """Carry out what waits."""
        if self._waiting:
            self.read()

    def commit(self) -> None:
        """Carry out what waits, and commit it in the same round trip; the scope is at its end."""
        if self._waiting:
            self.write(*COMMIT)
            self.read()

    @contextmanager
    def before_queries(self) -> Generator[None]:
        """Within it, every query of Django's on the connection is preceded by what waits."""

        def execute(run: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
            self.send()
            return run(sql, values, many, context)

        with self.connection.execute_wrapper(execute):
            yield
