"""Named queries: SQL that decides lives in files beside the code that runs it."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet

from tenants.scope import current_scope

Row = TypeVar("Row", bound=Model)


@cache
def load_query(path: Path) -> str:
    """Return the text of a named query, without its leading comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def run_query(path: Path, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a named query in the open scope and return its rows."""
    with connections[current_scope().alias].cursor() as cursor:
        cursor.execute(load_query(path), parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def only(rows: QuerySet[Row]) -> Row | None:
    """Return the one row that `rows` can have, which a unique index sees to; None when there is none.

    Unlike `first` it neither sorts nor limits, which costs as much as the look-up itself.
    """
    return next(iter(rows), None)
