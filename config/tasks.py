"""Celery tasks of the platform itself."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from config.celery_settings import PROGRESS_EVERY_S
from tenants.public import report_progress


@shared_task(name="config.note_progress", expires=3 * PROGRESS_EVERY_S)
def note_worker_and_beat() -> None:
    """Say that beat and the worker got something done: the message came from one and was run by the other.

    One that waited too long is no news of beat, and expires.
    """
    for name in ("beat", "worker"):
        report_progress(name, node=settings.HOTSEAT_NODE)
