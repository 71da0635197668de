"""Which statements a piece of work sends, whether by Django's queries or by a scope's own."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg


@contextmanager
def statements_sent() -> Generator[list[str]]:
    """Within it, the SQL of each statement is noted as it is sent, by whichever thread."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *arguments, **options)

    with mock.patch.object(psycopg.Cursor, "execute", noted):
        yield sent
