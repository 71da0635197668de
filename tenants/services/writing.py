"""Scopes for writing settings: what the database's constraints refuse becomes an error that a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
from django.apps import apps
from django.db import IntegrityError
from django.db.models import Model, ProtectedError, UniqueConstraint
from django.utils.translation import gettext as _

from tenants.errors import Conflict, HotseatError, Invalid
from tenants.scope import Scope, tenant_scope


@contextmanager
def writing(tenant_id: UUID, *, actor: str) -> Iterator[Scope]:
    """Open a tenant's scope for writing.

    Raises Conflict: code "taken" (errors name the field) for a value that must be unique, "in-use" for a row that
    others need. Raises Invalid for what another constraint forbids. Nothing is kept then.
    """
    try:
        with tenant_scope(tenant_id, actor=actor) as scope:
            yield scope
    except ProtectedError as error:
        raise _in_use(error.protected_objects) from error
    except IntegrityError as error:
        raise told(error) from error


def told(error: IntegrityError) -> HotseatError:
    """Return the error that a violated constraint stands for."""
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return _taken(cause.diag.table_name or "", cause.diag.constraint_name or "")
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return Conflict(_("Other things still refer to this, or it refers to something that is gone."), code="in-use")
    name = getattr(getattr(cause, "diag", None), "constraint_name", "") or ""
    return Invalid(_("The values do not go together (rule “%(rule)s”).") % {"rule": name}, rule=name)


def _in_use(protected: set[Model]) -> Conflict:
    kinds = sorted({str(row._meta.verbose_name_plural) for row in protected})
    return Conflict(_("It cannot be removed: %(kinds)s still need it.") % {"kinds": ", ".join(kinds)}, code="in-use")


def _taken(table: str, constraint: str) -> Conflict:
    model = next((model for model in apps.get_models() if model._meta.db_table == table), None)
    fields = _fields_of(model, constraint) if model else []
    errors = [{"pointer": f"/{name}", "message": _("is already taken")} for name in fields]
    names = ", ".join(fields) or constraint
    return Conflict(
        _("Another one has the same %(names)s already. Choose a different value.") % {"names": names},
        code="taken",
        errors=errors,
    )


def _fields_of(model: type[Model], constraint: str) -> list[str]:
    """Return the fields that a unique constraint joins, the tenant left out."""
    for rule in model._meta.constraints:
        if isinstance(rule, UniqueConstraint) and rule.name == constraint:
            return [name for name in rule.fields if name != "tenant"]
    return [
        field.name
        for field in model._meta.local_fields
        if field.unique and constraint.startswith(f"{model._meta.db_table}_{field.column}_")
    ]
