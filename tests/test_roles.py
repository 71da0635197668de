"""The first test: the product's database roles own nothing and bypass nothing."""

import pytest
from django.db import connections


@pytest.mark.parametrize(("alias", "role"), [("default", "hotseat_app"), ("engine", "hotseat_engine")])
def test_the_role_is_neither_owner_nor_superuser_nor_bypasses_row_security(alias: str, role: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """
            SELECT current_user, session_user, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
                   (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid),
                   (SELECT count(*) FROM pg_database WHERE datdba = pg_roles.oid),
                   (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid)
            FROM pg_roles WHERE rolname = current_user
            """
        )
        assert cursor.fetchone() == (role, role, False, False, False, False, 0, 0, 0)


def test_the_owner_is_no_superuser_and_does_not_bypass_row_security() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("hotseat_owner", False, False)


@pytest.mark.parametrize("alias", ["default", "engine"])
def test_the_role_cannot_make_tables(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT has_schema_privilege('public', 'CREATE'), has_database_privilege(current_database(), 'TEMP')"
        )
        assert cursor.fetchone() == (False, False)
