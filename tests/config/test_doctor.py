"""The doctor says what is wrong and what to do, and is content when nothing is."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

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
    for check in (doctor.check_database, doctor.check_extensions, doctor.check_migrations, doctor.check_partitions):
        assert wrong(check()) == {}


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


def test_a_silent_process_is_wrong_and_one_that_works_is_not() -> None:
    report_progress("engine.sweep", node="node1")
    found = wrong(doctor.check_processes())
    assert "engine.sweep" not in found
    assert found["worker"] == "has never reported progress"


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
    assert "WRONG  engine.sweep: has never reported progress" in output.getvalue()
