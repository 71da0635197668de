"""Processes say when they got something done. Liveness is progress, not being up."""

import os
import socket
import uuid
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections

from tenants.ids import uuid7
from tenants.scope import ENGINE_ALIAS

_REPORT = """
INSERT INTO tenants_process (id, name, node, pid, progress_at, detail)
VALUES (%s, %s, %s, %s, clock_timestamp(), %s::jsonb)
ON CONFLICT (name, node) DO UPDATE
SET pid = excluded.pid, progress_at = excluded.progress_at, detail = excluded.detail
"""


def report_progress(
    name: str, *, node: str, detail: Mapping[str, Any] | None = None, using: str = ENGINE_ALIAS
) -> None:
    """Note that process `name` on `node` has just got through a round of its work. Opens no scope."""
    body = DjangoJSONEncoder().encode(dict(detail or {}))
    try:
        with connections[using].cursor() as cursor:
            cursor.execute(_REPORT, [uuid7(), name, node, os.getpid(), body])
    finally:
        connections[using].close()


def process_name() -> str:
    """Return a name to hold leases by, that no process had before: a container restarts with its old process id."""
    return f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
