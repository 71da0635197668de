"""The worker's and beat's progress: a task that beat sends and the worker runs has passed through both."""

from __future__ import annotations

import os

from celery import shared_task
from django.conf import settings
from django.db import connections

from config.celery_settings import PROGRESS_EVERY_S
from tenants.public import uuid7

_NOTE = """
INSERT INTO tenants_process AS known (id, name, node, pid, progress_at, detail)
VALUES (%(id)s, %(name)s, %(node)s, %(pid)s, clock_timestamp(), '{}')
ON CONFLICT (name, node) DO UPDATE SET pid = excluded.pid, progress_at = excluded.progress_at
"""


def note_progress(name: str) -> None:
    """Say that the process of that name on this node got something done just now (database clock)."""
    with connections["engine"].cursor() as cursor:
        cursor.execute(_NOTE, {"id": uuid7(), "name": name, "node": settings.HOTSEAT_NODE, "pid": os.getpid()})


@shared_task(name="config.note_progress", expires=3 * PROGRESS_EVERY_S)
def note_worker_and_beat() -> None:
    """Sent by beat, run by a worker; a message that waited too long is no news of beat and expires."""
    for name in ("beat", "worker"):
        note_progress(name)
