"""Migration operations that make a table safe to share: rights, row-level security, keys that stay in their tenant.

Rights are given here and nowhere else. A table that no `SecureTable` names is out of reach of both roles, and
`tests/tenants/test_row_security.py` fails on it.
"""

from collections.abc import Sequence
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.models.base import TenantForeignKey

OWNER, APP, ENGINE = "hotseat_owner", "hotseat_app", "hotseat_engine"

TENANT = "tenant_id = (SELECT current_setting('app.tenant')::uuid)"
"""The scalar sub-select is evaluated once a statement; without a scope `current_setting` raises."""

ANY = "true"

READ = ("SELECT",)
WRITE = ("SELECT", "INSERT", "UPDATE")
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
ADD = ("INSERT",)
TAKE = ("SELECT", "DELETE")
NONE: tuple[str, ...] = ()


def policy_sql(
    table: str,
    *,
    app: Sequence[str],
    engine: Sequence[str],
    app_policy: str,
    engine_policy: str = ANY,
) -> list[str]:
    """Return the statements that give the two roles their rights on `table` and force row-level security on it."""
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY owner_all ON {table} TO {OWNER} USING (true) WITH CHECK (true)",
    ]
    for role, rights, policy in (
        (APP, app, app_policy),
        (ENGINE, engine, engine_policy),
    ):
        if rights:
            statements += [
                f"GRANT {', '.join(rights)} ON {table} TO {role}",
                f"CREATE POLICY {role}_rows ON {table} TO {role} USING ({policy}) WITH CHECK ({policy})",
            ]
    return statements


def insecure_sql(table: str) -> list[str]:
    """Return the statements that undo `policy_sql`."""
    return [
        f"REVOKE ALL ON {table} FROM {APP}, {ENGINE}",
        f"DROP POLICY IF EXISTS {APP}_rows ON {table}",
        f"DROP POLICY IF EXISTS {ENGINE}_rows ON {table}",
        f"DROP POLICY IF EXISTS owner_all ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]


class SecureTable(Operation):
    """Give a model's table its rights, its policies and, for a tenant's table, its composite keys.

    `app` and `engine` list the SQL rights of the two roles; `app_policy` is the condition on rows for `hotseat_app`
    (by default: of the tenant in scope). `audited` adds the trigger that keeps before and after of each change.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(
        self,
        model: str,
        *,
        app: Sequence[str] = ALL,
        engine: Sequence[str] = NONE,
        app_policy: str = TENANT,
        audited: bool = False,
    ) -> None:
        self.model = model
        self.app, self.engine, self.app_policy, self.audited = (
            tuple(app),
            tuple(engine),
            app_policy,
            audited,
        )

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Rights are not part of Django's state."""

    def database_forwards(
        self,
        app_label: str,
        editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        for statement in policy_sql(
            model._meta.db_table,
            app=self.app,
            engine=self.engine,
            app_policy=self.app_policy,
        ):
            editor.execute(statement)
        for statement in _key_sql(model):
            editor.execute(statement)
        if self.audited:
            table = model._meta.db_table
            editor.execute(
                f"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION tenants_audit_row()"
            )

    def database_backwards(
        self,
        app_label: str,
        editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = from_state.apps.get_model(app_label, self.model)
        table = model._meta.db_table
        if self.audited:
            editor.execute(f"DROP TRIGGER audit ON {table}")
        for name in _key_names(model):
            editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for statement in insecure_sql(table):
            editor.execute(statement)

    def describe(self) -> str:
        return f"Rights, row-level security and composite keys of {self.model}"


class AppPolicy(Operation):
    """Change which rows of a secured model's table `hotseat_app` may touch; `before` is the condition until now."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, model: str, policy: str, *, before: str) -> None:
        self.model, self.policy, self.before = model, policy, before

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Policies are not part of Django's state."""

    def database_forwards(
        self,
        app_label: str,
        editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._alter(to_state.apps.get_model(app_label, self.model), editor, self.policy)

    def database_backwards(
        self,
        app_label: str,
        editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._alter(from_state.apps.get_model(app_label, self.model), editor, self.before)

    def _alter(self, model: Any, editor: BaseDatabaseSchemaEditor, policy: str) -> None:
        editor.execute(f"ALTER POLICY {APP}_rows ON {model._meta.db_table} USING ({policy}) WITH CHECK ({policy})")

    def describe(self) -> str:
        return f"Rows of {self.model} that the application may touch"


def _inner_references(model: Any) -> list[Any]:
    return [field for field in model._meta.local_fields if isinstance(field, TenantForeignKey)]


def _key_names(model: Any) -> list[str]:
    table = model._meta.db_table
    return [f"{table}_{field.column}_tenant_fk" for field in _inner_references(model)]


def _key_sql(model: Any) -> list[str]:
    """Return a composite foreign key for each reference to a row of the same tenant.

    They are checked at the end of the transaction: rows that point at each other can be written together.
    """
    table = model._meta.db_table
    return [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY (tenant_id, {field.column}) REFERENCES {field.remote_field.model._meta.db_table} (tenant_id, id) "
        "DEFERRABLE INITIALLY DEFERRED"
        for name, field in zip(_key_names(model), _inner_references(model), strict=True)
    ]


class TenantKeys(Operation):
    """Add UNIQUE (tenant_id, id) to each model's table: what composite keys of other tables point at."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, *models: str) -> None:
        self.models = models

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Keys that only the database needs are not part of Django's state."""

    def database_forwards(
        self,
        app_label: str,
        editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for name in self.models:
            table = to_state.apps.get_model(app_label, name)._meta.db_table
            editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant_id_key UNIQUE (tenant_id, id)")

    def database_backwards(
        self,
        app_label: str,
        editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for name in self.models:
            table = from_state.apps.get_model(app_label, name)._meta.db_table
            editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_tenant_id_key")

    def describe(self) -> str:
        return f"Keys within the tenant of {', '.join(self.models)}"


class SecureLibraryTables(migrations.RunSQL):
    """Rights for tables that a library owns and that hold no tenant's rows: named one by one, each with its policy."""

    def __init__(self, tables: dict[str, Sequence[str]]) -> None:
        forward: list[Any] = []
        backward: list[Any] = []
        for table, rights in tables.items():
            forward += policy_sql(table, app=rights, engine=NONE, app_policy=ANY)
            backward += insecure_sql(table)
        super().__init__(forward, backward)
        self.tables = tables

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__qualname__, [self.tables], {}
