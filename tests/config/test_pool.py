"""The pool of database connections, after the server has ended those that rest in it."""

from __future__ import annotations

import threading
import time

import psycopg
from django.conf import settings
from django.db import connections

from tenants.public import engine_scope
from tests.threads import at_once

MANY = 8


def _server_process() -> int:
    with engine_scope(read_only=True) as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    return pid


def _rest_in_the_pool(count: int) -> list[int]:
    """Have so many connections at once, and give them back. Returns the server's processes behind them."""
    together = threading.Barrier(count)
    found: list[int] = []

    def use() -> None:
        with engine_scope(read_only=True) as scope, connections[scope.alias].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            found.append(cursor.fetchone()[0])
            together.wait(10)

    at_once([use] * count)
    return found


def test_many_connections_that_the_server_ended_hold_nobody_up(admin_database_url: str) -> None:
    """psycopg's own check waits 1, 2, 4, 8 s after each of them, and gives up after ten."""
    ended = _rest_in_the_pool(MANY)
    assert len(set(ended)) == MANY
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::int[]) AS pid", [ended])
    began = time.monotonic()
    assert _server_process() not in ended
    assert time.monotonic() - began < 1


def test_connections_that_rested_are_used_again() -> None:
    most = settings.DATABASES["engine"]["OPTIONS"]["pool"]["max_size"]
    assert len({_server_process() for _ in range(3 * most)}) <= most
