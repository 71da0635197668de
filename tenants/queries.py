"""Named queries: SQL that decides lives in files beside the code that runs it."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tenants.scope import current_scope
from tenants.statements import Answer, Rows


@cache
def load_query(path: Path) -> str:
    """Return the text of a named query, without its leading comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def run_query(path: Path, parameters: Mapping[str, Any]) -> Rows:
    """Run a named query in the open scope and return its rows."""
    return current_scope().statements.read((load_query(path), parameters))[0]


def write_query(path: Path, parameters: Mapping[str, Any], *, answer: Answer | None = None) -> None:
    """Have a named query carried out with the scope's other writes; `answer` is given what it returned, if wanted."""
    current_scope().statements.write(load_query(path), parameters, answer=answer)


def write(sql: str, values: Sequence[Any]) -> None:
    """Have a short statement carried out whose result nobody needs, with the scope's other writes."""
    current_scope().statements.write(sql, values)
