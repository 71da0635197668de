"""Whose data the running code may touch.

There are two kinds of scope and no third. `tenant_scope` opens a durable transaction as the role `hotseat_app` and
names one tenant to PostgreSQL, whose row-level security then hides all others. `engine_scope` opens one as
`hotseat_engine`, which sees every tenant's routing rows and no personal data. Without a scope the managers of tenant
models raise, so forgetting it can never show all rows.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from tenants.errors import ScopeMissing
from tenants.statements import Statements

APP_ALIAS = "default"
ENGINE_ALIAS = "engine"
SYSTEM_ACTOR = "system"


@dataclass(slots=True)
class Scope:
    """The open unit of work: its database alias, its tenant (None in the engine), and what is to follow the commit.

    `endings` are called once when it is over, with whether it was committed, as far as this process has heard.
    """

    alias: str
    tenant_id: UUID | None
    actor: str
    node: str
    statements: Statements
    pools: set[UUID] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)
    events: list[Any] = field(default_factory=list)
    commands: list[Any] = field(default_factory=list)
    endings: list[Callable[[bool], None]] = field(default_factory=list)

    def flush(self) -> None:
        """Write what was gathered for the end of the scope."""
        for hook in _at_flush:
            hook(self)

    def roll_back(self) -> None:
        """Let the scope end without keeping anything it wrote, and without raising."""
        transaction.set_rollback(True, using=self.alias)


_current: ContextVar[Scope | None] = ContextVar("hotseat_scope", default=None)
_after_commit: list[Callable[[Scope], None]] = []
_at_flush: list[Callable[[Scope], None]] = []
_before_commit: list[Callable[[Scope], None]] = []


def current_scope() -> Scope:
    """Return the open scope; raise `ScopeMissing` when there is none."""
    scope = _current.get()
    if scope is None:
        raise ScopeMissing("Tenant data needs a scope: open tenant_scope(...) or engine_scope() around this code.")
    return scope


def in_scope() -> bool:
    """Say whether a scope is open."""
    return _current.get() is not None


def at_flush(hook: Callable[[Scope], None]) -> None:
    """Have `hook` write what a scope has gathered, at its end, inside its transaction (the event log writes there)."""
    _at_flush.append(hook)


def before_commit(hook: Callable[[Scope], None]) -> None:
    """Have `hook` called when a scope has written all of its own; what the hook adds is written after it."""
    _before_commit.append(hook)


def after_commit(hook: Callable[[Scope], None]) -> None:
    """Have `hook` called after every committed scope, outside it (matching and hints follow there)."""
    _after_commit.append(hook)


@contextmanager
def _open(scope: Scope, *, settings: dict[str, str], read_only: bool) -> Iterator[Scope]:
    if _current.get() is not None:
        raise ScopeMissing("A scope is already open; scopes do not nest. Commit the first, then open the next.")
    kept = False
    try:
        kept = yield from _transaction(scope, settings=settings, read_only=read_only)
    finally:
        # Back to the pool at once: threads come and go, and none may keep a connection that it does not use.
        scope.statements.connection.close()
        for ending in scope.endings:
            ending(kept)
    if kept:
        for hook in _after_commit:
            hook(scope)


def _transaction(scope: Scope, *, settings: dict[str, str], read_only: bool) -> Generator[Scope, None, bool]:
    kept = True
    with transaction.atomic(using=scope.alias, durable=True), scope.statements.before_queries():
        if read_only:
            settings = {**settings, "transaction_read_only": "on"}
        if settings:
            calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
            scope.statements.write(f"SELECT {calls}", [part for pair in settings.items() for part in pair])
        token = _current.set(scope)
        try:
            yield scope
            kept = not transaction.get_rollback(using=scope.alias)
            if kept:
                scope.flush()
                for hook in _before_commit:
                    hook(scope)
                scope.flush()
                scope.statements.commit()
        finally:
            _current.reset(token)
    return kept


@contextmanager
def tenant_scope(
    tenant_id: UUID,
    *,
    actor: str = SYSTEM_ACTOR,
    node: str = "",
    read_only: bool = False,
) -> Iterator[Scope]:
    """Open a durable transaction in which exactly one tenant's rows exist.

    `actor` is recorded in events and in the audit trail ("user:<id>", "agent:<id>", "key:<id>" or "system").
    The setting is local to the transaction, so a pooled connection never keeps the last tenant.
    """
    scope = Scope(APP_ALIAS, tenant_id, actor, node, Statements(APP_ALIAS))
    with _open(
        scope,
        settings={"app.tenant": str(tenant_id), "app.actor": actor},
        read_only=read_only,
    ):
        yield scope


@contextmanager
def engine_scope(*, actor: str = SYSTEM_ACTOR, node: str = "", read_only: bool = False) -> Iterator[Scope]:
    """Open a durable transaction over all tenants' routing rows, as the role that can read nothing personal."""
    scope = Scope(ENGINE_ALIAS, None, actor, node, Statements(ENGINE_ALIAS))
    with _open(scope, settings={}, read_only=read_only):
        yield scope


class ScopeRouter:
    """Send every query to the open scope's connection, and migrations to the owner's."""

    def db_for_read(self, model: type, **hints: Any) -> str | None:
        return scope.alias if (scope := _current.get()) else None

    def db_for_write(self, model: type, **hints: Any) -> str | None:
        return scope.alias if (scope := _current.get()) else None

    def allow_relation(self, first: object, second: object, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
