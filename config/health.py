"""Is it alive, is it ready, what are its figures: ``/healthz``, ``/readyz``, ``/metrics``.

Ready means progress: each process, and each duty of the engine, writes when it last got something done, and one that
has not for as long as it may (`ALLOWED_S`) is not ready, however alive it looks. Every node counts that has reported
within a day; one that was silent for longer is taken to be retired. A switch worker without a connection to its
exchange is not ready; nor is the whole while events wait to be passed on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily

from tenants.public import failing_timers

ALLOWED_S = {
    "switch": 10.0,
    "engine.timers": 10.0,
    "engine.sweep": 10.0,
    "engine.mend": 20.0,
    "engine.relay": 10.0,
    "engine.records": 10.0,
    "engine.ratings": 10.0,
    "engine.presence": 20.0,
    "engine.partitions": 2 * 3600.0,
    "worker": 10.0,
    "beat": 10.0,
}
"""The processes and duties that must run, and how many seconds each may go without progress."""

RETIRED_S = 86_400.0
RELAYED_S = 10.0

_PROCESSES = """
SELECT name, node, pid, progress_at, detail, extract(epoch FROM clock_timestamp() - progress_at)::float8
FROM tenants_process ORDER BY name, node
"""

# An event's id holds its time; the primary key is walked.
_WAITS = """
SELECT EXISTS (SELECT FROM tenants_outbox
               WHERE event_id < tenants_uuid7_floor(clock_timestamp() - %s * interval '1 second'))
"""


@dataclass(frozen=True)
class ProcessRow:
    """One process as it last reported; ``age_s`` is the seconds since its last progress by the database's clock."""

    name: str
    node: str
    pid: int
    progress_at: datetime
    detail: dict[str, Any]
    age_s: float

    @property
    def complaint(self) -> str:
        """Why it is not ready; empty when it is."""
        if self.age_s >= ALLOWED_S[self.name]:
            return f"{self.node}: last progress {self.age_s:.1f} s ago"
        if self.detail.get("connected") is False:
            return f"{self.node}: not connected to its exchange"
        return ""


@dataclass(frozen=True)
class Part:
    """One part of the installation and whether it does its work; ``detail`` says in words why not."""

    name: str
    ready: bool
    detail: str


def process_rows() -> list[ProcessRow]:
    """Every process that has ever reported. Raises DatabaseError."""
    with connections["engine"].cursor() as cursor:
        cursor.execute(_PROCESSES)
        # Django leaves the decoding of jsonb to its own fields.
        return [
            ProcessRow(name, node, pid, at, json.loads(detail), age)
            for name, node, pid, at, detail, age in cursor.fetchall()
        ]


def valkey_part() -> Part:
    """Whether Valkey answers."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        return Part("valkey", False, f"does not answer: {error}")
    return Part("valkey", True, "answers")


def process_parts(rows: list[ProcessRow]) -> list[Part]:
    """One part for each process or duty that must run; it is ready when all of its nodes are."""
    parts = []
    for name in ALLOWED_S:
        known = [row for row in rows if row.name == name]
        nodes = [row for row in known if row.age_s < RETIRED_S] or known
        complaints = [row.complaint for row in nodes if row.complaint]
        if not nodes:
            parts.append(Part(name, False, "has never reported progress"))
        elif complaints:
            parts.append(Part(name, False, "; ".join(complaints)))
        else:
            parts.append(Part(name, True, f"last progress {max(row.age_s for row in nodes):.1f} s ago"))
    return parts


def outbox_part() -> Part:
    """Whether events are passed on, whoever does it. Raises DatabaseError."""
    with connections["engine"].cursor() as cursor:
        cursor.execute(_WAITS, [RELAYED_S])
        waits = cursor.fetchone()[0]
    return Part("events", not waits, f"some wait for longer than {RELAYED_S:.0f} s" if waits else "are passed on")


def check_parts() -> list[Part]:
    """All parts: the database, Valkey, each process and duty by its progress, and the events' way out."""
    try:
        found = [*process_parts(process_rows()), outbox_part()]
    except DatabaseError as error:
        return [Part("database", False, f"does not answer: {error}".strip()), valkey_part()]
    return [Part("database", True, "answers"), valkey_part(), *found]


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """JSON for each part; 503 when any of them is not ready."""
    parts = check_parts()
    every = all(part.ready for part in parts)
    body = {"ready": every, "parts": [asdict(part) for part in parts]}
    return JsonResponse(body, status=200 if every else 503)


class ProcessCollector:
    """Seconds since each process's last progress, and timers that fail, read when the figures are asked for."""

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauges; without samples when the database does not answer, which ``hotseat_database_up`` says."""
        up = GaugeMetricFamily("hotseat_database_up", "Whether the database answers")
        age = GaugeMetricFamily(
            "hotseat_process_progress_age_seconds",
            "Seconds since a process last got something done",
            labels=["name", "node"],
        )
        failing = GaugeMetricFamily(
            "hotseat_failing_timers", "Timers that failed and wait for another attempt", labels=["kind"]
        )
        try:
            for row in process_rows():
                age.add_metric([row.name, row.node], row.age_s)
            for kind, count in failing_timers().items():
                failing.add_metric([kind], count)
            up.add_metric([], 1)
        except DatabaseError:
            up.add_metric([], 0)
        return [up, age, failing]

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering does not ask the database."""
        return []


REGISTRY.register(ProcessCollector())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text format."""
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
