"""A database of its own for each process that plays calls, on the throw-away cluster of the tests.

The process that was started makes the template and owns the services; each child copies the template, and gets its
settings from its own environment before Django reads them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from typing import Any

import django

from tests.harness import stage as staging
from tests.moved.clock import MovedClock, forget_connections, moved_clock


@contextmanager
def services() -> Iterator[None]:
    """Keep the test cluster and its template there until the end."""
    os.environ.setdefault("HOTSEAT_LOG_LEVEL", "WARNING")
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    stage = staging.enter()
    try:
        yield
    finally:
        stage.leave()


@contextmanager
def own_database(name: str, *, start: datetime) -> Iterator[MovedClock]:
    """In a child: a database of this process's own whose clock stands at `start`. Sets Django up."""
    os.environ["PYTEST_XDIST_WORKER"] = name
    stage = staging.enter()
    try:
        stage.create_database()
        django.setup()
        with moved_clock(stage.database_url, start=start) as clock:
            yield clock
    finally:
        forget_connections()
        stage.drop_database()
        stage.leave()


def in_children(work: Callable[..., Any], jobs: Iterable[tuple[Any, ...]], *, workers: int) -> Iterator[Any]:
    """Do `work` with the arguments of each job, each in a child of its own, `workers` at a time; as they are done."""
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(work, *job) for job in jobs]):
            yield done.result()
