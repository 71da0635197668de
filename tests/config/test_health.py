"""Ready means progress, part by part."""

from __future__ import annotations

import re
import threading

import psycopg
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from config import health
from config.management.commands import engine
from tenants.public import Relay, Teller, db_now, fire_due_timers, report_progress, set_timer, tenant_scope, uuid7
from tests import factories

EVERY = tuple(health.ALLOWED_S)
WITHOUT_PROCESS = {"database": True, "valkey": True, "events": True}


def let_age(admin_url: str, name: str, seconds: float, *, node: str = "node1") -> None:
    with psycopg.connect(admin_url) as connection:
        connection.execute(
            "UPDATE tenants_process SET progress_at = now() - %s * interval '1 s' WHERE name = %s AND node = %s",
            [seconds, name, node],
        )


def not_ready(client: Client) -> dict[str, str]:
    answer = client.get("/readyz").json()
    return {part["name"]: part["detail"] for part in answer["parts"] if not part["ready"]}


def ready(client: Client) -> tuple[int, dict[str, bool]]:
    answer = client.get("/readyz")
    return answer.status_code, {part["name"]: part["ready"] for part in answer.json()["parts"]}


def test_alive_asks_nobody(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_processes_that_never_reported_are_not_ready(client: Client) -> None:
    assert ready(client) == (503, WITHOUT_PROCESS | dict.fromkeys(EVERY, False))


def test_it_is_ready_when_every_process_makes_progress(client: Client) -> None:
    for name in EVERY:
        report_progress(name, node="node1")
    assert ready(client) == (200, WITHOUT_PROCESS | dict.fromkeys(EVERY, True))
    assert client.get("/readyz").json()["ready"] is True


@pytest.mark.parametrize("name", EVERY)
def test_a_process_or_duty_that_is_up_but_stands_still_is_not_ready(
    client: Client, admin_database_url: str, name: str
) -> None:
    for each in EVERY:
        report_progress(each, node="node1")
    let_age(admin_database_url, name, health.ALLOWED_S[name] - 5)
    assert not_ready(client) == {}
    let_age(admin_database_url, name, health.ALLOWED_S[name] + 1)
    assert client.get("/readyz").status_code == 503
    assert list(not_ready(client)) == [name]


def test_every_duty_of_the_engine_must_make_progress() -> None:
    relay, teller = Relay(holder="test"), Teller()
    try:
        known = {name for name in EVERY if "engine" in name}
        assert {f"engine.{duty}" for duty in engine.duties(relay, teller)} == known
    finally:
        relay.release()
        teller.close()


def test_a_duty_that_fails_reports_nothing_and_the_others_do() -> None:
    stop = threading.Event()

    def well() -> float:
        stop.set()
        return 0.0

    def ill() -> float:
        stop.set()
        raise LookupError("it always fails")

    engine._repeat("sweep", ill, stop)
    stop.clear()
    engine._repeat("timers", well, stop)
    assert [row.name for row in health.process_rows()] == ["engine.timers"]


def test_a_switch_that_lost_its_exchange_is_not_ready(client: Client) -> None:
    for name in EVERY:
        report_progress(name, node="node1", detail={"connected": name != "switch"})
    assert not_ready(client) == {"switch": "node1: not connected to its exchange"}


def test_a_second_node_that_died_shows_until_it_is_retired(client: Client, admin_database_url: str) -> None:
    for name in EVERY:
        report_progress(name, node="node1")
    report_progress("switch", node="node2")
    let_age(admin_database_url, "switch", 3600, node="node2")
    (said,) = not_ready(client).items()
    assert re.fullmatch(r"switch node2: last progress 360\d\.\d s ago", " ".join(said))
    let_age(admin_database_url, "switch", 86_401, node="node2")
    assert not_ready(client) == {}
    let_age(admin_database_url, "switch", 90_000)
    assert list(not_ready(client)) == ["switch"], "with no node left it is not retired, it is dead"


def test_events_that_nobody_passes_on_are_not_ready(client: Client, admin_database_url: str) -> None:
    for name in EVERY:
        report_progress(name, node="node1")
    tenant = factories.make_tenant()
    with psycopg.connect(admin_database_url) as connection:
        for seconds, waiting in ((5, []), (11, ["events"])):
            connection.execute(
                "INSERT INTO tenants_outbox (event_id, tenant_id) "
                "VALUES (tenants_uuid7_floor(clock_timestamp() - %s * interval '1 s'), %s)",
                [seconds, tenant.id],
            )
            connection.commit()
            assert list(not_ready(client)) == waiting


def test_timers_that_fail_are_counted_by_kind(client: Client) -> None:
    tenant = factories.make_tenant()
    with tenant_scope(tenant.id):
        set_timer("nobody's", tenant_id=tenant.id, subject_id=uuid7(), due_at=db_now())
    assert "hotseat_failing_timers{" not in client.get("/metrics").content.decode()
    fire_due_timers()
    assert 'hotseat_failing_timers{kind="nobody\'s"} 1.0' in client.get("/metrics").content.decode()


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
    report_progress("engine.sweep", node="node1")
    client.get("/healthz")
    text = client.get("/metrics").content.decode()
    assert 'hotseat_http_requests_total{method="GET",status="200",view="healthz"}' in text
    assert 'hotseat_process_progress_age_seconds{name="engine.sweep",node="node1"} 0.' in text
    assert "hotseat_database_up 1.0" in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_allowed(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
