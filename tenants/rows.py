"""Writing rows whose shape never varies: what `Model.save` does, its SQL made once and kept.

Django compiles each statement anew, which takes longer than PostgreSQL needs to carry it out. On a call's way, where
the same few rows are written for every contact, that is most of the time spent. Both functions work in the open scope,
under the same row-level security as everything else; neither runs signals, of which there are none.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import Field, Model

from tenants.errors import Conflict
from tenants.scope import current_scope


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert new rows of one model, in one statement. Nothing for no rows."""
    if not rows:
        return
    scope = current_scope()
    connection = connections[scope.alias]
    fields = _fields(type(rows[0]))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_insert_sql(type(rows[0]), len(rows)), values)
    for row in rows:
        # As Django's own save does, whose documentation names both.
        row._state.adding, row._state.db = False, scope.alias  # noqa: SLF001


def insert_row(row: Model) -> None:
    """Insert one new row."""
    insert_rows([row])


def update_row(row: Model, *names: str) -> None:
    """Write the named fields of a row that is locked, or that nobody else writes. Raises Conflict when it is gone."""
    connection = connections[current_scope().alias]
    meta = type(row)._meta
    fields = [meta.get_field(name) for name in names]
    values = [field.get_db_prep_save(field.pre_save(row, add=False), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_update_sql(type(row), names), [*values, row.pk])
        if cursor.rowcount != 1:
            raise Conflict(f"The {meta.verbose_name} {row.pk} is gone.", code="gone")


def _fields(model: type[Model]) -> tuple["Field[Any, Any]", ...]:
    return tuple(model._meta.concrete_fields)


@cache
def _insert_sql(model: type[Model], count: int) -> str:
    fields = _fields(model)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = "(" + ", ".join(["%s"] * len(fields)) + ")"
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {", ".join([places] * count)}'  # noqa: S608 - names


@cache
def _update_sql(model: type[Model], names: tuple[str, ...]) -> str:
    meta = model._meta
    changes = ", ".join(f'"{meta.get_field(name).column}" = %s' for name in names)
    return f'UPDATE "{meta.db_table}" SET {changes} WHERE "{meta.pk.column}" = %s'  # noqa: S608 - names
