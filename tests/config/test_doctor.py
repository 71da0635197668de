"""The doctor says what is wrong and what to do, and is content when nothing is."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.fixtures import Settings

from config import doctor
from config.doctor import Finding, Verdict
from tenants.public import db_now, fire_due_timers, report_progress, set_timer, tenant_scope, uuid7
from tests import factories


def wrong(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.subject: finding.sentence for finding in findings if finding.verdict is Verdict.WRONG}


def test_a_prepared_database_is_well() -> None:
    for check in (
        doctor.check_database,
        doctor.check_extensions,
        doctor.check_migrations,
        doctor.check_partitions,
        doctor.check_time_zones,
        doctor.check_sounds,
    ):
        (*findings,) = check()
        assert {finding.verdict for finding in findings} == {Verdict.WELL}, findings


def test_a_migration_that_is_not_applied_is_named(admin_database_url: str) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        where = "WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'billing')"
        row = connection.execute(f"DELETE FROM django_migrations {where} RETURNING app, name, applied").fetchone()
        assert row
        try:
            assert f"billing.{row[1]}" in wrong(doctor.check_migrations())["migrations"]
        finally:
            connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row)


def test_a_missing_partition_is_named_with_its_month(admin_database_url: str) -> None:
    with psycopg.connect(admin_database_url) as connection:
        month = connection.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')").fetchone()
        assert month
        name = f"tenants_event_{month[0]}"
        connection.execute(f"ALTER TABLE {name} RENAME TO astray")
        connection.commit()
        try:
            assert wrong(doctor.check_partitions())["event log"].startswith(
                f"no partition for {month[0]}. Is the engine running?"
            )
        finally:
            connection.execute(f"ALTER TABLE astray RENAME TO {name}")


def test_a_missing_partition_further_ahead_is_a_note(admin_database_url: str) -> None:
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        later = "to_char(now() AT TIME ZONE 'UTC' + interval '3 months', 'YYYYMM')"
        (month,) = connection.execute(f"SELECT {later}").fetchone() or ("",)
        connection.execute(f"ALTER TABLE tenants_event_{month} RENAME TO astray")
        try:
            (finding,) = doctor.check_partitions()
        finally:
            connection.execute(f"ALTER TABLE astray RENAME TO tenants_event_{month}")
    assert finding.verdict is Verdict.NOTE
    assert f"no partition yet for {month}" in finding.sentence


def test_an_event_outside_every_month_is_wrong(admin_database_url: str) -> None:
    tenant = factories.make_tenant()
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tenants_event (id, tenant_id, type, schema_version, aggregate_type, aggregate_id, seq, actor,"
            " node, occurred_at, recorded_at, is_test, data)"
            " VALUES (%s, %s, 'x', 1, 'x', %s, 1, '', '', now(), now(), false, '{}')",
            ("00000000-0000-7000-8000-000000000001", tenant.id, tenant.id),
        )
    assert wrong(doctor.check_partitions())["event log"].startswith("1 or more events lie in the default partition")


def test_a_time_zone_that_this_machine_does_not_know_is_named() -> None:
    factories.make_tenant(time_zone="Asia/Shanghai")
    assert wrong(doctor.check_time_zones()) == {}
    factories.make_tenant(time_zone="Mars/Olympus")
    assert "Mars/Olympus not known here" in wrong(doctor.check_time_zones())["time zones"]


def test_sounds_that_asterisk_cannot_reach_are_wrong(settings: Settings, tmp_path: Path) -> None:
    """Its process has a user of its own; the simulator reads nothing."""
    closed, settings.HOTSEAT_SOUNDS_DIR = tmp_path / "closed", tmp_path / "closed" / "sounds"
    settings.HOTSEAT_SOUNDS_DIR.mkdir(parents=True)
    closed.chmod(0o750)
    settings.HOTSEAT_SWITCH = "simulator"
    assert wrong(doctor.check_sounds()) == {}
    settings.HOTSEAT_SWITCH = "asterisk"
    assert "is closed to others" in wrong(doctor.check_sounds())["sounds"]


def test_an_installation_that_does_not_run_is_said_in_one_sentence() -> None:
    found = wrong(doctor.check_processes())
    assert "nothing runs here. Start all of it with `make run`" in found["processes"]
    assert "worker" not in found


def test_a_silent_process_is_wrong_and_one_that_works_is_not() -> None:
    report_progress("engine.sweep", node="node1")
    found = wrong(doctor.check_processes())
    assert "engine.sweep" not in found
    assert found["worker"] == "has never reported progress. Look at its log, and start it again."


def test_timers_that_fail_are_wrong() -> None:
    assert wrong(doctor.check_timers()) == {}
    tenant = factories.make_tenant()
    with tenant_scope(tenant.id):
        set_timer("nobody's", tenant_id=tenant.id, subject_id=uuid7(), due_at=db_now())
    fire_due_timers()
    assert wrong(doctor.check_timers())["timers"].startswith("failed, to be tried again: 1 × nobody's.")


def test_an_unreachable_role_is_said_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["owner"].settings_dict, "PASSWORD", "wrong")
    connections["owner"].close()
    sentence = wrong(doctor.check_database())["role hotseat_owner"]
    assert "password authentication failed" in sentence
    assert "make services-up" in sentence
    assert len(wrong(doctor.examine())) >= 3, "the rest is examined all the same"


def test_a_lab_that_does_not_run_is_wrong_only_when_it_is_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.lab.exchange.is_running", lambda lab: False)
    settings.HOTSEAT_SWITCH = "simulator"
    assert wrong(doctor.check_switch()) == {}


def test_speech_without_the_program_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    (finding,) = doctor.check_speech()
    assert finding.verdict is Verdict.NOTE
    assert "espeak-ng" in finding.sentence


def test_the_command_s_exit_status_says_whether_all_is_well() -> None:
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=output)
    assert ended.value.code == 1
    assert "WRONG  processes: none makes progress" in output.getvalue()
