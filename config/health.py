"""Is it alive, is it ready, what are its figures: ``/healthz``, ``/readyz``, ``/metrics``.

Ready means progress: each process writes when it last got something done, and one that has not for ten seconds is not
ready, however alive it looks.
"""

from __future__ import annotations

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

PROGRESS_S = 10.0
EXPECTED = ("switch", "engine", "worker", "beat")

_PROCESSES = """
SELECT name, node, pid, progress_at, detail, extract(epoch FROM clock_timestamp() - progress_at)::float8
FROM tenants_process ORDER BY name, node
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
    def ready(self) -> bool:
        return self.age_s < PROGRESS_S


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
        return [ProcessRow(*row) for row in cursor.fetchall()]


def valkey_part() -> Part:
    """Whether Valkey answers."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        return Part("valkey", False, f"does not answer: {error}")
    return Part("valkey", True, "answers")


def process_parts(rows: list[ProcessRow]) -> list[Part]:
    """One part for each process that is expected or has reported. A part of several processes needs one that works."""
    parts = []
    for name in (*EXPECTED, *sorted({row.name for row in rows} - set(EXPECTED))):
        ages = sorted(row.age_s for row in rows if row.name == name)
        if not ages:
            parts.append(Part(name, False, "has never reported progress"))
        else:
            parts.append(Part(name, ages[0] < PROGRESS_S, f"last progress {ages[0]:.1f} s ago"))
    return parts


def check_parts() -> list[Part]:
    """All parts: the database, Valkey, and each process by its progress."""
    try:
        rows = process_rows()
    except DatabaseError as error:
        return [Part("database", False, f"does not answer: {error}".strip()), valkey_part()]
    return [Part("database", True, "answers"), valkey_part(), *process_parts(rows)]


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
    """Seconds since each process's last progress, read when the figures are asked for."""

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauge; without samples when the database does not answer, which ``hotseat_database_up`` says."""
        up = GaugeMetricFamily("hotseat_database_up", "Whether the database answers")
        age = GaugeMetricFamily(
            "hotseat_process_progress_age_seconds",
            "Seconds since a process last got something done",
            labels=["name", "node"],
        )
        try:
            for row in process_rows():
                age.add_metric([row.name, row.node], row.age_s)
            up.add_metric([], 1)
        except DatabaseError:
            up.add_metric([], 0)
        return [up, age]

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering does not ask the database."""
        return []


REGISTRY.register(ProcessCollector())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text format."""
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
