"""A scope names one tenant; without one nothing is read, and none outlives its transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DataError, IntegrityError, ProgrammingError, connections, transaction

from agents.models import Agent, AgentSession, Site, Slot, Station
from config.postgresql.base import DatabaseWrapper
from routing.models import Contact, ContactParty, Queue
from tenants.models import Timer
from tenants.public import (
    CSP_TENANT_ID,
    Customer,
    Event,
    Membership,
    Number,
    ScopeMissing,
    Tenant,
    current_scope,
    db_now,
    engine_scope,
    in_scope,
    insert_row,
    tenant_scope,
    uuid7,
    write,
)
from tenants.statements import held_back
from tests import factories

MODELS = [Agent, AgentSession, Contact, ContactParty, Customer, Event, Membership, Queue, Site, Slot, Timer]


@contextmanager
def as_app() -> Iterator[Any]:
    """A cursor of the application's role on a pooled connection, with no scope."""
    try:
        with connections["default"].cursor() as cursor:
            yield cursor
    finally:
        connections["default"].close()


@contextmanager
def pool_of_one() -> Iterator[None]:
    """Let all threads share one connection of the application's role, so that what one leaves the next one finds."""
    wrapper = connections["default"]
    assert isinstance(wrapper, DatabaseWrapper)
    wrapper.close()
    wrapper.close_pool()
    options = wrapper.settings_dict["OPTIONS"]
    former = options["pool"]
    options["pool"] = {**former, "min_size": 1, "max_size": 1}
    try:
        yield
    finally:
        wrapper.close()
        wrapper.close_pool()
        options["pool"] = former


# --- no scope ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_manager_without_scope_raises(model: Any) -> None:
    assert not in_scope()
    by_id = partial(model.objects.filter, pk=uuid7())
    for read in (model.objects.all, model.objects.count, model._base_manager.all, by_id):
        with pytest.raises(ScopeMissing):
            read()


def test_writing_without_scope_raises() -> None:
    with pytest.raises(ScopeMissing):
        Customer.objects.create(name="Nobody's")
    with pytest.raises(ScopeMissing):
        current_scope()
    with pytest.raises(ScopeMissing):
        db_now()


def test_sql_without_scope_raises_instead_of_showing_nothing() -> None:
    factories.make_customer(factories.make_tenant())
    unknown = 'unrecognized configuration parameter "app.tenant"'
    with pool_of_one(), as_app() as cursor, pytest.raises(ProgrammingError, match=unknown):
        cursor.execute("SELECT count(*) FROM tenants_customer")


def test_sql_after_a_scope_on_the_same_connection_raises_too() -> None:
    with pool_of_one():
        tenant = factories.make_tenant()
        factories.make_customer(tenant)
        with tenant_scope(tenant.id) as scope, connections[scope.alias].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), (SELECT count(*) FROM tenants_customer)")
            pid, count = cursor.fetchone()
        assert count == 1
        with as_app() as cursor:
            cursor.execute("SELECT pg_backend_pid(), current_setting('app.tenant', true)")
            # PostgreSQL knows the parameter by now; its value went with the transaction.
            assert cursor.fetchone() == (pid, "")
            with pytest.raises(DataError, match="invalid input syntax for type uuid"):
                cursor.execute("SELECT count(*) FROM tenants_customer")


def test_scopes_do_not_nest() -> None:
    tenant = factories.make_tenant()
    with tenant_scope(tenant.id):
        for inner in (tenant_scope(tenant.id), engine_scope()):
            with pytest.raises(ScopeMissing, match="do not nest"), inner:
                pass


def test_a_scope_is_durable() -> None:
    tenant = factories.make_tenant()
    with (
        transaction.atomic(using="default"),
        pytest.raises(RuntimeError, match="durable"),
        tenant_scope(tenant.id),
    ):
        pass


def test_a_read_only_scope_cannot_write() -> None:
    tenant = factories.make_tenant()
    with pytest.raises(Exception, match="read-only transaction"), tenant_scope(tenant.id, read_only=True):
        Customer.objects.create(name="Nobody")


# --- another tenant ---------------------------------------------------------------------------------------------------


def test_another_tenants_rows_do_not_exist() -> None:
    ours, theirs = factories.make_tenant(), factories.make_tenant()
    customer = factories.make_customer(theirs)
    with tenant_scope(ours.id) as scope:
        assert Customer.objects.count() == 0
        assert Customer.objects.filter(id=customer.id).update(name="Stolen") == 0
        assert Customer.objects.filter(id=customer.id).delete()[0] == 0
        # The database says the same when the manager's own filter is gone.
        with connections[scope.alias].cursor() as cursor:
            for statement in (
                "SELECT 1 FROM tenants_customer WHERE id = %s",
                "UPDATE tenants_customer SET name = 'Stolen' WHERE id = %s",
                "DELETE FROM tenants_customer WHERE id = %s",
            ):
                cursor.execute(statement, [customer.id])
                assert cursor.rowcount == 0
    with tenant_scope(theirs.id, read_only=True):
        assert Customer.objects.get(id=customer.id).name == customer.name


def test_the_manager_itself_hides_them_even_where_the_policy_would_not() -> None:
    ours, theirs = factories.make_tenant(), factories.make_tenant()
    number = factories.make_number(theirs)
    with tenant_scope(ours.id, read_only=True):
        assert not Number.objects.filter(id=number.id).exists()
    # Tenant zero may see every number by policy; its manager still shows its own alone.
    with tenant_scope(CSP_TENANT_ID, read_only=True) as scope, connections[scope.alias].cursor() as cursor:
        assert not Number.objects.filter(id=number.id).exists()
        cursor.execute("SELECT count(*) FROM tenants_number WHERE id = %s", [number.id])
        assert cursor.fetchone() == (1,)


def test_a_row_cannot_be_written_for_another_tenant() -> None:
    ours, theirs = factories.make_tenant(), factories.make_tenant()
    with pytest.raises(ProgrammingError, match="row-level security policy"), tenant_scope(ours.id):
        Customer.objects.create(tenant_id=theirs.id, name="Planted")
    mine = factories.make_customer(ours)
    with pytest.raises(ProgrammingError, match="row-level security policy"), tenant_scope(ours.id):
        Customer.objects.filter(id=mine.id).update(tenant_id=theirs.id)


def test_a_tenant_cannot_see_or_rename_another_tenant() -> None:
    ours, theirs = factories.make_tenant(), factories.make_tenant()
    with tenant_scope(ours.id) as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT id FROM tenants_tenant")
        assert cursor.fetchall() == [(ours.id,)]
        assert Tenant.objects.filter(id=theirs.id).update(name="Renamed") == 0


@pytest.mark.parametrize("role", ["app", "engine", "superuser"])
def test_a_row_cannot_point_into_another_tenant(role: str, admin_database_url: str) -> None:
    ours, theirs = factories.make_tenant(), factories.make_tenant()
    site = factories.make_site(theirs)
    row = {"id": uuid7(), "tenant": ours.id, "site": site.id, "endpoint": f"x-{factories.unique()}"}
    insert = (
        "INSERT INTO agents_station (id, tenant_id, site_id, extension, endpoint, answer_mode, reachable) "
        "VALUES (%(id)s, %(tenant)s, %(site)s, '1', %(endpoint)s, 'phone', false)"
    )
    if role == "superuser":
        # Outside a transaction the deferred key is checked with the statement.
        with (
            psycopg.connect(admin_database_url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.ForeignKeyViolation),
        ):
            connection.execute(insert, row)
    elif role == "app":
        with pytest.raises(IntegrityError, match="agents_station_site_id_tenant_fk"), tenant_scope(ours.id):
            Station.objects.create(site_id=site.id, extension="1", endpoint=row["endpoint"])
    else:
        _engine_cannot_point_across(ours, theirs)


def _engine_cannot_point_across(ours: Tenant, theirs: Tenant) -> None:
    queue = factories.make_queue(theirs)
    with (
        pytest.raises(IntegrityError, match="routing_demand_queue_id_tenant_fk"),
        engine_scope() as scope,
        connections[scope.alias].cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO routing_demand (id, tenant_id, queue_id, channel, expression) "
            "VALUES (%s, %s, %s, 'voice', '')",
            [uuid7(), ours.id, queue.id],
        )


def test_every_reference_between_tenants_tables_is_a_composite_key(admin_database_url: str) -> None:
    """No single-column foreign key leads from one tenant's table to another tenant's table."""
    with psycopg.connect(admin_database_url) as connection:
        loose = connection.execute(
            """
            SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k
            WHERE k.contype = 'f' AND k.conparentid = 0 AND cardinality(k.conkey) = 1
              AND k.connamespace = 'public'::regnamespace
              AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attname = 'tenant_id')
              AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attname = 'tenant_id')
            """
        ).fetchall()
        unkeyed = connection.execute(
            """
            SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
              AND NOT c.relispartition
              AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
              AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id')
              AND NOT EXISTS (SELECT 1 FROM pg_constraint u WHERE u.conrelid = c.oid AND u.contype = 'u'
                              AND u.conname = c.relname || '_tenant_id_key')
            """
        ).fetchall()
    assert loose == []
    # The audit trail has a number for a key, and nothing ever points at it.
    assert unkeyed == [("tenants_auditentry",)]


def test_the_engine_sees_all_tenants() -> None:
    tenants = [factories.make_tenant(), factories.make_tenant()]
    for tenant in tenants:
        factories.make_queue(tenant, code="desk")
    with engine_scope(read_only=True):
        assert {row.tenant_id for row in Queue.objects.filter(code="desk")} == {tenant.id for tenant in tenants}


# --- one connection for many ------------------------------------------------------------------------------------------


def test_interleaved_tenants_on_one_pooled_connection_see_their_own_rows_only() -> None:
    """apartment#470, django-tenants#732: a pooled connection kept the last tenant."""
    tenants = [factories.make_tenant() for _ in range(4)]
    for tenant in tenants:
        factories.make_customer(tenant, name=tenant.slug)
    pids: set[int] = set()
    wrong: list[tuple[UUID, list[str]]] = []
    start = threading.Barrier(len(tenants))

    def read(tenant: Tenant) -> None:
        start.wait(timeout=5)
        for turn in range(15):
            failing = turn % 3 == 0
            with suppress(LookupError), tenant_scope(tenant.id) as scope, connections[scope.alias].cursor() as cursor:
                cursor.execute("SELECT name, pg_backend_pid() FROM tenants_customer")
                rows = cursor.fetchall()
                pids.update(pid for _, pid in rows)
                if [name for name, _ in rows] != [tenant.slug]:
                    wrong.append((tenant.id, [name for name, _ in rows]))
                if failing:
                    raise LookupError("a request fails")

    with pool_of_one(), ThreadPoolExecutor(len(tenants)) as pool:
        for run in [pool.submit(read, tenant) for tenant in tenants]:
            run.result(timeout=20)
    assert wrong == []
    assert len(pids) == 1


def test_a_scope_that_raises_keeps_nothing() -> None:
    tenant = factories.make_tenant()
    with suppress(LookupError), tenant_scope(tenant.id):
        Customer.objects.create(name="Half")
        raise LookupError
    assert not in_scope()
    with tenant_scope(tenant.id) as scope:
        Customer.objects.create(name="Given up")
        scope.roll_back()
    with tenant_scope(tenant.id, read_only=True):
        assert Customer.objects.count() == 0


def test_statements_of_one_round_trip_leave_together() -> None:
    with engine_scope() as scope:
        connection = scope.statements.connection.connection
        with connection.pipeline() as pipeline, held_back(pipeline):
            asked = [connection.cursor().execute("SELECT %s::int", [number]) for number in range(3)]
            held = len(pipeline.command_queue)
        assert held >= len(asked)
        assert [cursor.fetchall() for cursor in asked] == [[(0,)], [(1,)], [(2,)]]


def test_of_statements_that_leave_together_none_is_kept_when_one_fails() -> None:
    tenant = factories.make_tenant()

    def half() -> None:
        with tenant_scope(tenant.id):
            insert_row(Customer(tenant_id=tenant.id, name="Half"))
            write("SELECT 1 / %s", [0])
            write("SELECT %s", ["behind it"])

    with pytest.raises(DataError):
        half()
    with tenant_scope(tenant.id, read_only=True):
        assert Customer.objects.count() == 0
