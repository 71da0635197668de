"""The database backend: when a transaction begins, and what of Django's it leaves as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connections, transaction
from django.db.models import Count
from django.db.models.functions import TruncMonth
from psycopg.pq import TransactionStatus

from tenants.models import Timer
from tenants.public import CSP_TENANT_ID, Tenant, current_scope, db_now, engine_scope, tenant_scope, uuid7
from tests.statements import statements_sent


def _status(alias: str) -> TransactionStatus:
    return TransactionStatus(connections[alias].connection.info.transaction_status)


@pytest.mark.parametrize("alias", ["default", "engine"])
def test_a_scope_begins_with_its_first_statement_and_ends(alias: str) -> None:
    opened = engine_scope() if alias == "engine" else tenant_scope(CSP_TENANT_ID)
    with opened, statements_sent() as sent:
        assert _status(alias) is TransactionStatus.IDLE
        db_now()
        assert sent[0] == "BEGIN"
        assert _status(alias) is TransactionStatus.INTRANS
        db_now()
    assert sent.count("BEGIN") == 1
    with engine_scope(read_only=True):
        pass  # nothing was asked, so nothing is left open
    with engine_scope():
        assert _status("engine") is TransactionStatus.IDLE


def test_what_is_written_last_takes_the_commit_along() -> None:
    with engine_scope():
        db_now()  # a thread's first connection asks what types there are
    with statements_sent() as sent, engine_scope() as scope:
        scope.statements.write("SELECT 1", ())
    assert sent == ["BEGIN", "SELECT 1", "COMMIT"]


def test_a_write_that_fails_takes_the_commit_with_it() -> None:
    timer = uuid7()
    insert = (
        "INSERT INTO tenants_timer (id, tenant_id, kind, subject_id, due_at, data) VALUES (%s, %s, %s, %s, now(), %s)"
    )

    def work() -> None:
        with engine_scope() as scope:
            scope.statements.write(insert, [timer, CSP_TENANT_ID, "x", timer, "{}"])
            scope.statements.write("SELECT 1 / 0", ())

    with pytest.raises(DatabaseError, match="division by zero"):
        work()
    with engine_scope():
        assert not Timer.objects.filter(id=timer).exists()


def test_a_transaction_without_a_scope_is_one_and_a_savepoint_is_within_it() -> None:
    connection = connections["engine"]
    try:
        with statements_sent() as sent, transaction.atomic(using="engine"):
            with transaction.atomic(using="engine"), connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            assert _status("engine") is TransactionStatus.INTRANS
        assert [sql.split()[0] for sql in sent] == ["BEGIN", "SAVEPOINT", "SELECT", "RELEASE"]
        assert _status("engine") is TransactionStatus.IDLE
    finally:
        connection.close()


def test_each_transaction_of_a_connection_without_autocommit_begins() -> None:
    connection = connections["engine"]
    try:
        connection.set_autocommit(False)
        for end in (connection.commit, connection.rollback, connection.commit):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            assert _status("engine") is TransactionStatus.INTRANS
            end()
            assert _status("engine") is TransactionStatus.IDLE
        connection.set_autocommit(True)
    finally:
        connection.close()


@pytest.mark.parametrize("opens", [lambda: tenant_scope(CSP_TENANT_ID), engine_scope], ids=["default", "engine"])
def test_many_rows_can_be_read_a_few_at_a_time(opens: object) -> None:
    with opens():  # type: ignore[operator]
        names = list(Tenant.objects.order_by("slug").values_list("slug", flat=True).iterator(chunk_size=1))
        assert names == list(Tenant.objects.order_by("slug").values_list("slug", flat=True))


def test_a_grouped_query_can_be_read_a_few_at_a_time() -> None:
    """Its parameter stands twice: bound on the server, PostgreSQL would not see that both are one."""
    with tenant_scope(CSP_TENANT_ID):
        months = Tenant.objects.annotate(month=TruncMonth("created_at", tzinfo=ZoneInfo("Asia/Shanghai")))
        grouped = months.values("month").annotate(count=Count("id")).order_by("month")
        assert sum(row["count"] for row in grouped.iterator()) == Tenant.objects.count()


def test_times_are_read_in_utc() -> None:
    with engine_scope():
        ((moment,),) = current_scope().statements.read(("SELECT '2026-03-29T03:30:00+02'::timestamptz", ()))[0]
    assert (moment, moment.tzinfo) == (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), UTC)
