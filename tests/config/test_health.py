"""Ready means progress, part by part."""

from __future__ import annotations

import psycopg
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from config import health
from tenants.public import report_progress

EVERY = ("switch", "engine", "worker", "beat")


def ready(client: Client) -> tuple[int, dict[str, bool]]:
    answer = client.get("/readyz")
    return answer.status_code, {part["name"]: part["ready"] for part in answer.json()["parts"]}


def test_alive_asks_nobody(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_processes_that_never_reported_are_not_ready(client: Client) -> None:
    assert ready(client) == (503, {"database": True, "valkey": True} | dict.fromkeys(EVERY, False))


def test_it_is_ready_when_every_process_makes_progress(client: Client) -> None:
    for name in EVERY:
        report_progress(name, node="node1")
    assert ready(client) == (200, {"database": True, "valkey": True} | dict.fromkeys(EVERY, True))
    assert client.get("/readyz").json()["ready"] is True


def test_a_process_that_is_up_but_stands_still_is_not_ready(client: Client, admin_database_url: str) -> None:
    for name in EVERY:
        report_progress(name, node="node1")
    with psycopg.connect(admin_database_url) as connection:
        connection.execute("UPDATE tenants_process SET progress_at = now() - interval '11 s' WHERE name = 'engine'")
    status, parts = ready(client)
    assert (status, [name for name, well in parts.items() if not well]) == (503, ["engine"])


def test_reporting_again_moves_the_same_row() -> None:
    report_progress("worker", node="node1")
    (before,) = health.process_rows()
    report_progress("worker", node="node1")
    (after,) = health.process_rows()
    assert after.progress_at > before.progress_at


def test_without_valkey_it_is_not_ready_and_says_why(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    (part,) = [part for part in answer.json()["parts"] if part["name"] == "valkey"]
    assert answer.status_code == 503
    assert "does not answer" in part["detail"]


def test_figures_count_requests_by_view_and_show_progress(client: Client) -> None:
    report_progress("engine", node="node1")
    client.get("/healthz")
    text = client.get("/metrics").content.decode()
    assert 'hotseat_http_requests_total{method="GET",status="200",view="healthz"}' in text
    assert 'hotseat_process_progress_age_seconds{name="engine",node="node1"} 0.' in text
    assert "hotseat_database_up 1.0" in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_allowed(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
