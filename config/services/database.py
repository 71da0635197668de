"""The three roles and the database, made by an administrator's connection; repeating it changes nothing.

``hotseat_owner`` owns the database and runs migrations. ``hotseat_app`` and ``hotseat_engine`` own nothing and bypass
nothing; migrations grant them what they need on each table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from config.services.errors import ServiceError

OWNER, APP, ENGINE = "hotseat_owner", "hotseat_app", "hotseat_engine"
PASSWORD_VARIABLES = {OWNER: "HOTSEAT_OWNER_PASSWORD", APP: "HOTSEAT_APP_PASSWORD", ENGINE: "HOTSEAT_ENGINE_PASSWORD"}
EXTENSIONS = ("btree_gist", "pg_trgm")
DEFAULT_NAME = "hotseat"
# A request or a pass that takes longer is stuck; migrations (the owner) may take their time.
LIMITS = {"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}


@dataclass(frozen=True)
class Target:
    """A database as an administrator sees it: the URL of the maintenance database, and the name of ours."""

    admin_url: str
    name: str

    @classmethod
    def of_url(cls, url: str) -> Target:
        """From DATABASE_URL: its path names the database; none, or ``postgres``, means ``hotseat``."""
        parts = urlsplit(url)
        name = unquote(parts.path.strip("/"))
        return cls(with_database(url, "postgres"), DEFAULT_NAME if name in {"", "postgres"} else name)

    @property
    def url(self) -> str:
        """The administrator's URL of our database."""
        return with_database(self.admin_url, self.name)


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def prepare(target: Target, passwords: Mapping[str, str]) -> None:
    """Make the roles, the database and its extensions, and close it to everybody else.

    Raises ServiceError when the server cannot be reached or the user of the URL is no administrator.
    """
    try:
        with psycopg.connect(target.admin_url, autocommit=True, connect_timeout=10) as connection:
            _make_roles(connection, passwords)
            create_database(connection, target.name)
        with psycopg.connect(target.url, autocommit=True, connect_timeout=10) as connection:
            _furnish(connection, target.name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ServiceError(f"DATABASE_URL must name an administrator of the server to set it up: {error}") from error
    except psycopg.OperationalError as error:
        raise ServiceError(f"cannot set up the database {target.name}: {error}") from error


def _make_roles(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    for role in (OWNER, APP, ENGINE):
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = sql.SQL("ALTER" if exists else "CREATE")
        connection.execute(
            sql.SQL(
                "{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION NOINHERIT PASSWORD {}"
            ).format(verb, sql.Identifier(role), sql.Literal(passwords[role]))
        )
    for role in (APP, ENGINE):
        for name, value in LIMITS.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
                )
            )


def create_database(connection: psycopg.Connection, name: str, *, template: str = "template0") -> None:
    """Make the database, owned by the owner role, unless it exists; ``template`` is copied."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ENCODING 'UTF8'")
    connection.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)))


def _furnish(connection: psycopg.Connection, name: str) -> None:
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
    for statement in access_statements(name):
        connection.execute(statement)
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(OWNER)))
    roles = sql.SQL(", ").join([sql.Identifier(APP), sql.Identifier(ENGINE)])
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(roles))


def access_statements(name: str) -> tuple[sql.Composed, ...]:
    """Statements that let our roles, and nobody else, connect to the database of that name."""
    database = sql.Identifier(name)
    return (
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}, {}").format(database, sql.Identifier(APP), sql.Identifier(ENGINE)),
    )
