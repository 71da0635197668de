"""Rows that are read and written for every call: what Django's query sets do, their SQL made once and kept.

Django compiles each statement anew, which takes longer than PostgreSQL needs to carry it out; on a call's way, where
the same few statements come again and again, that is most of the time spent. These functions work in the open scope,
under the same row-level security as everything else, and run no signals, of which there are none.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from string import ascii_lowercase
from typing import Any, Generic, TypeVar, cast

from django.db.models import Field, Model
from django.db.models.base import ModelState
from psycopg.sql import SQL, Composable, Identifier, Placeholder

from tenants.ids import follow_clock
from tenants.models.base import TenantModel
from tenants.scope import current_scope
from tenants.statements import Values

Found = TypeVar("Found")
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Wanted(Generic[Found]):
    """What `fetch` is to read: made by `wanted`, or the database's clock."""

    sql: str
    values: Values
    build: Callable[[Sequence[Any], Any], Found]


CLOCK: Wanted[datetime] = Wanted("SELECT clock_timestamp()", (), lambda row, _: cast(datetime, row[0]))
"""The database's clock. Read behind a lock, in the same round trip, it says when the lock was given."""


def wanted(
    model: type[Row], where: str, values: Sequence[Any], *, lock: bool = False, joined: tuple[str, ...] = ()
) -> Wanted[Row]:
    """Say which rows of `model` to fetch: those that meet `where`.

    `where` is SQL about the row's own columns, named `t`, with a %s for each of `values`; in a tenant's scope only that
    tenant's rows are looked at. `lock` locks the rows, in the order of their keys, and none that is `joined`: those are
    foreign keys of them.
    """
    scope = current_scope()
    given = list(values)
    if scope.tenant_id is not None and issubclass(model, TenantModel):
        where, given = f"t.tenant_id = %s AND ({where})", [scope.tenant_id, *given]
    plan = _plan(model, joined)
    end = f' ORDER BY t."{model._meta.pk.column}" FOR UPDATE OF t' if lock else ""
    return Wanted(f"{plan.sql} WHERE {where}{end}", given, cast("Callable[[Sequence[Any], Any], Row]", plan.build))


def wanted_beside(
    model: type[Row], beside: tuple[tuple[type[Model], str], ...], where: str, values: Sequence[Any], *, joined: str
) -> Wanted[tuple[Row, list[Any], datetime]]:
    """Say which rows of `model` to fetch, each with one row of other models beside it and the database's clock.

    `beside` names those models, and the condition by which a row of the first is found for `t`: as `a`, of the second
    as `b`, and so on; None where there is none. The rest is as for `wanted`. For the engine's scope.
    """
    plan = _plan(model, (joined,), beside)

    def build(row: Sequence[Any], connection: Any) -> tuple[Row, list[Any], datetime]:
        first, *others = plan.build_all(row, connection)
        return cast("Row", first), others, row[-1]

    return Wanted(f"{plan.sql} WHERE {where}", values, build)


def fetch(*things: Wanted[Any]) -> list[list[Any]]:
    """Read several things in one round trip, each seeing what came before it; return what was found of each."""
    scope = current_scope()
    connection = scope.statements.connection
    asked_ns = time.time_ns()
    found = scope.statements.read(*((thing.sql, thing.values) for thing in things))
    for thing, rows in zip(things, found, strict=True):
        if thing is CLOCK:
            follow_clock(rows[0][0], asked_ns=asked_ns, heard_ns=time.time_ns())
    return [[thing.build(row, connection) for row in rows] for thing, rows in zip(things, found, strict=True)]


def find_row(
    model: type[Row], where: str, values: Sequence[Any], *, lock: bool = False, joined: tuple[str, ...] = ()
) -> Row | None:
    """Return the row of `model` that meets `where`, which a unique index must make the only one; None without one.

    See `wanted`.
    """
    (found,) = fetch(wanted(model, where, values, lock=lock, joined=joined))
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class _Part:
    """The columns of one table in a row that was read: its model, where they begin, and how Django converts them."""

    name: str
    model: type[Model]
    begin: int
    names: tuple[str, ...]
    converted: tuple[tuple[int, Any, Any], ...]

    def build(self, values: Sequence[Any], connection: Any) -> Model | None:
        own = list(values[self.begin : self.begin + len(self.names)])
        if all(value is None for value in own):
            return None  # a foreign key that is null
        for index, convert, column in self.converted:
            own[index] = convert(own[index], column, connection)
        return self.model.from_db(connection.alias, self.names, own)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a model is read, with what is joined to it."""

    sql: str
    parts: tuple[_Part, ...]

    def build(self, values: Sequence[Any], connection: Any) -> Model:
        return cast(Model, self.build_all(values, connection)[0])

    def build_all(self, values: Sequence[Any], connection: Any) -> list[Model | None]:
        """Return the row, with its foreign keys that were joined, and those beside it."""
        first, *others = [part.build(values, connection) for part in self.parts]
        if first is None:
            raise AssertionError("a row without its key")
        beside = []
        for part, other in zip(self.parts[1:], others, strict=True):
            if part.name:
                _field(type(first), part.name).set_cached_value(first, other)
            else:
                beside.append(other)
        return [first, *beside]


@cache
def _plan(model: type[Model], joined: tuple[str, ...], beside: tuple[tuple[type[Model], str], ...] = ()) -> _Plan:
    wanted_of: list[tuple[str, type[Model], str]] = [("t", model, "")]
    wanted_of += [(f"j{number}", _field(model, name).related_model, name) for number, name in enumerate(joined)]
    wanted_of += [(alias, other, "") for alias, (other, _) in zip(ascii_lowercase, beside, strict=False)]
    parts, columns = [], list[Composable]()
    for alias, one, name in wanted_of:
        fields = _fields(one)
        converted = tuple(
            (index, field.from_db_value, field.cached_col)
            for index, field in enumerate(fields)
            if hasattr(field, "from_db_value")
        )
        parts.append(_Part(name, one, len(columns), tuple(field.attname for field in fields), converted))
        columns += [_column(field, of=alias) for field in fields]
    tables: list[Composable] = [_as(model, "t")]
    for alias, one, name in wanted_of:
        if name:
            equal = SQL("{} = {}").format(_column(_key(one), of=alias), _column(_field(model, name), of="t"))
            tables.append(SQL("LEFT JOIN {} ON {}").format(_as(one, alias), equal))
    for alias, (one, condition) in zip(ascii_lowercase, beside, strict=False):
        tables.append(SQL("LEFT JOIN {} ON {}").format(_as(one, alias), SQL(condition)))
    clock: list[Composable] = [SQL("clock_timestamp()")] if beside else []
    sql = SQL("SELECT {} FROM {}").format(SQL(", ").join([*columns, *clock]), SQL(" ").join(tables))
    return _Plan(sql.as_string(), tuple(parts))


def _as(model: type[Model], alias: str) -> Composable:
    return SQL("{} AS {}").format(Identifier(model._meta.db_table), Identifier(alias))


def insert_rows(rows: Sequence[Model], *, unless_there: bool = False) -> None:
    """Insert new rows of one model, in one statement, with the scope's other writes. Nothing for no rows.

    `unless_there` leaves out those of which a unique index has the like already.
    """
    if not rows:
        return
    scope = current_scope()
    connection = scope.statements.connection
    fields = _fields(type(rows[0]))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    sql = _insert_sql(type(rows[0]), len(rows))
    scope.statements.write(f"{sql} ON CONFLICT DO NOTHING" if unless_there else sql, values)
    for row in rows:
        state_of(row).adding, state_of(row).db = False, scope.alias


def insert_row(row: Model, *, unless_there: bool = False) -> None:
    """Insert one new row; `unless_there`: nothing when a unique index has its like already."""
    insert_rows([row], unless_there=unless_there)


def update_row(row: Model, *names: str) -> None:
    """Write the named fields of a row that is locked, or that nobody else writes or takes away."""
    scope = current_scope()
    connection = scope.statements.connection
    fields = [_field(type(row), name) for name in names]
    values = [field.get_db_prep_save(field.pre_save(row, add=False), connection) for field in fields]
    scope.statements.write(_update_sql(type(row), names), [*values, row.pk])


def state_of(row: Model) -> ModelState:
    """Return what Django keeps of a row besides its columns; `adding` while it is in no table yet."""
    return row._state  # noqa: SLF001 - documented ("_state" in Django's "Model instance reference")


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _fields(model: type[Model]) -> tuple["Field[Any, Any]", ...]:
    return tuple(model._meta.concrete_fields)


def _key(model: type[Model]) -> Any:
    return model._meta.pk


def _column(field: "Field[Any, Any]", *, of: str = "") -> Identifier:
    name = cast(str, field.column)
    return Identifier(of, name) if of else Identifier(name)


@cache
def _insert_sql(model: type[Model], count: int) -> str:
    table, comma = Identifier(model._meta.db_table), SQL(", ")
    columns = comma.join(_column(field) for field in _fields(model))
    row = SQL("({})").format(comma.join([Placeholder()] * len(_fields(model))))
    return SQL("INSERT INTO {} ({}) VALUES {}").format(table, columns, comma.join([row] * count)).as_string()


@cache
def _update_sql(model: type[Model], names: tuple[str, ...]) -> str:
    meta = model._meta
    equal = SQL("{} = {}")
    changes = SQL(", ").join(equal.format(_column(_field(model, name)), Placeholder()) for name in names)
    key = equal.format(_column(meta.pk), Placeholder())
    return SQL("UPDATE {} SET {} WHERE {}").format(Identifier(meta.db_table), changes, key).as_string()
