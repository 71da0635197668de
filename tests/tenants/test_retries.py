"""Work that met a deadlock, or a database that went away, is done again; what is wrong is not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connections

from tenants.public import Customer, Entitlement, Tenant, db_now, tenant_scope, with_retries
from tests import factories


def _names(tenant: Tenant) -> dict[str, str]:
    with tenant_scope(tenant.id, read_only=True):
        return dict(Customer.objects.values_list("phone", "name"))


def test_of_two_that_lock_each_other_out_both_get_done() -> None:
    tenant = factories.make_tenant()
    one, other = factories.make_customer(tenant, name=""), factories.make_customer(tenant, name="")
    met = threading.Barrier(2)
    tries: list[str] = []

    def cross(name: str, ids: tuple[object, object]) -> Callable[[], None]:
        def work() -> None:
            tries.append(name)
            first_time = tries.count(name) == 1
            with tenant_scope(tenant.id):
                for number, identity in enumerate(ids):
                    row = Customer.objects.select_for_update().get(id=identity)
                    row.name += name
                    row.save(update_fields=["name"])
                    if number == 0 and first_time:
                        met.wait(timeout=5)

        return work

    def run(work: Callable[[], None]) -> None:
        try:
            with_retries(work, patience_s=20)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        works = [cross("a", (one.id, other.id)), cross("b", (other.id, one.id))]
        for started in [pool.submit(run, work) for work in works]:
            started.result(timeout=30)
    # One of them was the deadlock's victim and came again; each row has each change once.
    assert sorted(tries) in (["a", "a", "b"], ["a", "b", "b"])
    assert {"".join(sorted(name)) for name in _names(tenant).values()} == {"ab"}


def test_a_connection_that_was_cut_is_replaced(admin_database_url: str) -> None:
    tenant = factories.make_tenant()
    tries = []

    def work() -> str:
        with tenant_scope(tenant.id) as scope:
            tries.append(scope)
            with connections[scope.alias].cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            if len(tries) == 1:
                with psycopg.connect(admin_database_url, autocommit=True) as admin:
                    admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            Customer.objects.create(name="once")
            return "done"

    assert with_retries(work) == "done"
    assert len(tries) == 2
    assert list(_names(tenant).values()) == ["once"]


def test_it_gives_up_after_its_patience_and_raises_what_happened() -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise OperationalError("the database is away")

    with pytest.raises(OperationalError, match="away"):
        with_retries(work, patience_s=0.2)
    assert len(tries) >= 2


def test_what_is_wrong_is_not_tried_again() -> None:
    tenant = factories.make_tenant()
    tries = []

    def work() -> None:
        tries.append(1)
        with tenant_scope(tenant.id):
            Entitlement.objects.create(kind="seats", limit=1)
            db_now()

    with pytest.raises(IntegrityError):
        with_retries(work)
    assert len(tries) == 1
