"""Races with real connections, decided by a lock that the test holds and lets go when all runners wait for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections

from tests.waiting import until

DEADLINE_S = 10.0
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def holding(url: str, statement: str, *values: object) -> Iterator[psycopg.Connection]:
    """Keep the locks that `statement` takes until the block ends."""
    with psycopg.connect(url) as connection:
        connection.execute(statement, values)
        yield connection


def run_together(
    url: str, calls: Sequence[Callable[[], Any]], *, locked_by: str, values: tuple[object, ...]
) -> list[Any]:
    """Start the calls, each on a connection of its own; let them go on when all of them wait for a lock.

    Returns what each returned or raised, in the order of `calls`.
    """
    with ThreadPoolExecutor(len(calls)) as pool, psycopg.connect(url, autocommit=True) as watcher:
        with holding(url, locked_by, *values):
            runs = [pool.submit(outcome, call) for call in calls]
            until(
                "the runners meet at the lock",
                lambda: (watcher.execute(_WAITING).fetchone() or (0,))[0] == len(calls),
                within_s=DEADLINE_S,
                every_s=0.01,
            )
        return [run.result(timeout=DEADLINE_S) for run in runs]


def outcome(call: Callable[[], Any]) -> Any:
    """Run the call in this thread, on connections that are closed afterwards; return what it returned or raised."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the test looks at what it is
        return error
    finally:
        connections.close_all()
