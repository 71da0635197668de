"""Named queries: SQL that decides lives in files beside the code that runs it."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connections

from tenants.scope import current_scope


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
