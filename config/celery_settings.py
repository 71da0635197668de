"""Celery's settings: tasks may be killed and repeated at any time; whatever must not be lost or late is a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Past the app's door, which needs models: settings are read before there are any.
from billing.schedule import SCHEDULE as BILLING_SCHEDULE

# A task runs at most this long, so that one that is still running is never handed out a second time by the broker.
TIME_LIMIT_S = 300
VISIBILITY_TIMEOUT_S = 2 * TIME_LIMIT_S
PROGRESS_EVERY_S = 3.0

# What beat sends, and how often (seconds, or a crontab in UTC). A firing may be late, lost or repeated.
BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "progress": {"task": "config.note_progress", "schedule": PROGRESS_EVERY_S},
    "forget-old-answers": {"task": "tenants.forget_old_answers", "schedule": 3600.0},
    "forget-old-commands": {"task": "routing.tasks.forget_old_commands", "schedule": 3600.0},
    **BILLING_SCHEDULE,
}


def celery_settings(redis_url: str, state: Path) -> dict[str, Any]:
    """Settings under Django's names (``CELERY_…``). ``state`` keeps beat's own file."""
    return {
        "CELERY_BROKER_URL": redis_url,
        "CELERY_RESULT_BACKEND": None,
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_TASK_SERIALIZER": "json",
        "CELERY_ACCEPT_CONTENT": ["json"],
        "CELERY_TIMEZONE": "UTC",
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
        "CELERY_TASK_TRACK_STARTED": True,
        "CELERY_TASK_TIME_LIMIT": TIME_LIMIT_S,
        "CELERY_TASK_SOFT_TIME_LIMIT": TIME_LIMIT_S - 30,
        "CELERY_TASK_DEFAULT_QUEUE": "hotseat",
        "CELERY_WORKER_PREFETCH_MULTIPLIER": 1,
        "CELERY_WORKER_HIJACK_ROOT_LOGGER": False,
        "CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS": True,
        "CELERY_WORKER_MAX_TASKS_PER_CHILD": 2000,
        "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP": True,
        "CELERY_BROKER_CONNECTION_MAX_RETRIES": None,
        # redis-py 8 gives up on a silent socket after 5 s by default; an idle worker's is silent for longer.
        "CELERY_BROKER_TRANSPORT_OPTIONS": {
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 20,
        },
        "CELERY_BEAT_SCHEDULE": BEAT_SCHEDULE,
        "CELERY_BEAT_SCHEDULE_FILENAME": str(state / "celerybeat"),
        "CELERY_BEAT_MAX_LOOP_INTERVAL": PROGRESS_EVERY_S,
    }
