"""Rating: once, exactly, by the longest prefix."""

import datetime as dt
import signal
import subprocess
import sys
import threading
from datetime import UTC
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connections

from billing.errors import Unratable
from billing.models import Rate, RateTable, UsageLine
from billing.services import rating
from billing.services.rating import rate_contact, rate_unrated
from billing.tasks import rate_ended_task
from tenants.public import CSP_TENANT_ID, NotFound, Tenant, tenant_ids, tenant_scope, uuid7
from tests.contact_rows import make_contact
from tests.factories import make_tenant
from tests.threads import at_once

CALLER = "+8675583660001"
FIRST_DAY = dt.date(2026, 1, 1)
INSERT = (
    "INSERT INTO billing_usageline (id, tenant_id, key, kind, contact_id, occurred_on, quantity, unit, unit_price,"
    " amount, currency, explanation, created_at)"
    " VALUES (%s, %s, %s, 'minutes', %s, '2026-03-10', 1, 'second', 1, 1, 'EUR', '{}', now())"
)
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
WORKER = """
import os, sys, uuid
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from billing.tasks import rate_ended_task
rate_ended_task(sys.argv[1], sys.argv[2:])
"""


def make_table(tenant: Tenant, prices: dict[str, str], **fields: Any) -> RateTable:
    with tenant_scope(tenant.id):
        table: RateTable = RateTable.objects.create(
            **{"name": "Standard", "currency": "EUR", "first_day": FIRST_DAY, **fields}
        )
        for prefix, price in prices.items():
            Rate.objects.create(table=table, prefix=prefix, price_per_minute=Decimal(price))
    return table


def lines_of(tenant: Tenant) -> list[UsageLine]:
    with tenant_scope(tenant.id, read_only=True):
        return list(UsageLine.objects.all())


def test_it_prices_by_the_longest_prefix_of_the_calling_number() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "9", "+8": "8", "+86755": "0.6", "+86756": "7"})
    contact = make_contact(tenant, ani=CALLER, metered_ms=6_001, ended=10)

    line = rate_contact(tenant_id=tenant.id, contact_id=contact.id)

    assert (line.quantity, line.unit) == (Decimal(7), "second")
    assert (line.unit_price, line.amount) == (Decimal("0.6"), Decimal("0.07"))
    assert line.currency == "EUR"
    assert line.explanation["prefix"] == "+86755"
    assert line.explanation["metered_ms"] == 6_001


@pytest.mark.parametrize(("ani", "restricted"), [("", False), (CALLER, True)])
def test_a_hidden_caller_costs_the_default_rate(ani: str, restricted: bool) -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "6", "+86": "0.6"})
    contact = make_contact(tenant, ani=ani, restricted=restricted, metered_ms=1000)

    line = rate_contact(tenant_id=tenant.id, contact_id=contact.id)

    assert line.amount == Decimal("0.1")
    assert line.explanation["hidden"] is True


def test_connection_fee_and_steps_are_charged() -> None:
    tenant = make_tenant()
    table = make_table(tenant, {})
    with tenant_scope(tenant.id):
        Rate.objects.create(
            table=table,
            prefix="",
            price_per_minute=Decimal("0.06"),
            connection_fee=Decimal("0.5"),
            initial_seconds=60,
            increment_seconds=6,
        )
    contact = make_contact(tenant, ani=CALLER, metered_ms=60_001)

    line = rate_contact(tenant_id=tenant.id, contact_id=contact.id)

    assert (line.quantity, line.amount) == (Decimal(66), Decimal("0.566"))


def test_rating_again_changes_nothing_even_after_a_new_price() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, ani=CALLER, metered_ms=1000)
    first = rate_contact(tenant_id=tenant.id, contact_id=contact.id)
    with tenant_scope(tenant.id):
        Rate.objects.update(price_per_minute=Decimal(60))

    again = rate_contact(tenant_id=tenant.id, contact_id=contact.id)
    rate_unrated(tenant_id=tenant.id)

    assert again.id == first.id
    assert [line.amount for line in lines_of(tenant)] == [Decimal("0.01")]


def test_eight_workers_at_once_write_one_line_and_one_event() -> None:
    """Twilio, July 2013: customers charged again and again."""
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, ani=CALLER, metered_ms=1000)

    lines = at_once([lambda: rate_contact(tenant_id=tenant.id, contact_id=contact.id)] * 8)

    assert len({line.id for line in lines}) == 1
    assert len(lines_of(tenant)) == 1
    with tenant_scope(tenant.id, read_only=True), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tenants_event WHERE type = 'usage.rated'")
        assert cursor.fetchone() == (1,)


def test_a_worker_that_waits_for_anothers_uncommitted_line_takes_that_line(admin_database_url: str) -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, ani=CALLER, metered_ms=1000)
    other = UsageLine(tenant=tenant, key=f"contact:{contact.id}")
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(rate_contact(tenant_id=tenant.id, contact_id=contact.id).id)
        finally:
            connections.close_all()

    with psycopg.connect(admin_database_url) as rival, psycopg.connect(admin_database_url, autocommit=True) as watch:
        rival.execute(INSERT, [other.id, tenant.id, other.key, contact.id])
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive() and watch.execute(BLOCKED).fetchone() == (0,):
            thread.join(0.01)
        assert thread.is_alive()
        rival.commit()
        thread.join()

    assert found == [other.id]
    assert len(lines_of(tenant)) == 1


def test_a_worker_killed_in_mid_insert_leaves_nothing_and_the_sweep_rates_once(admin_database_url: str) -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, ani=CALLER, metered_ms=1000, at=dt.datetime.now(tz=UTC))

    with psycopg.connect(admin_database_url) as rival, psycopg.connect(admin_database_url, autocommit=True) as watch:
        # The same key, uncommitted: the worker stands still inside its transaction until it is killed.
        rival.execute(INSERT, [uuid7(), tenant.id, f"contact:{contact.id}", contact.id])
        worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tenant.id), str(contact.id)])
        while worker.poll() is None and watch.execute(BLOCKED).fetchone() == (0,):
            watch.execute("SELECT pg_sleep(0.01)")
        assert worker.poll() is None
        worker.send_signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
        rival.rollback()
    assert lines_of(tenant) == []

    assert len(rate_unrated(tenant_id=tenant.id).written) == 1
    assert len(rate_unrated(tenant_id=tenant.id).written) == 0
    assert len(lines_of(tenant)) == 1


def test_without_a_rate_table_the_contact_stays_unrated_until_there_is_one() -> None:
    tenant = make_tenant()
    contact = make_contact(tenant, ani=CALLER, metered_ms=1000)

    with pytest.raises(Unratable) as refused:
        rate_contact(tenant_id=tenant.id, contact_id=contact.id)
    assert refused.value.code == "no-rate-table"
    rate_ended_task(str(tenant.id), [str(contact.id)])
    assert lines_of(tenant) == []

    make_table(tenant, {"+1": "1"})
    with pytest.raises(Unratable) as refused:
        rate_contact(tenant_id=tenant.id, contact_id=contact.id)
    assert refused.value.code == "no-rate"

    with tenant_scope(tenant.id):
        Rate.objects.create(table=RateTable.objects.get(), prefix="+86", price_per_minute=Decimal("0.6"))
    rate_ended_task(str(tenant.id), [str(contact.id)])
    assert len(lines_of(tenant)) == 1


@pytest.mark.parametrize(("metered_ms", "reason"), [(None, "not-metered")])
def test_a_contact_without_metered_time_is_not_guessed(metered_ms: int | None, reason: str) -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, metered_ms=metered_ms)

    with pytest.raises(Unratable) as refused:
        rate_contact(tenant_id=tenant.id, contact_id=contact.id)

    assert refused.value.code == reason


def test_an_open_contact_is_refused() -> None:
    tenant = make_tenant()
    contact = make_contact(tenant, state="in_flow")

    with pytest.raises(Unratable) as refused:
        rate_contact(tenant_id=tenant.id, contact_id=contact.id)

    assert refused.value.code == "contact-not-ended"


@pytest.mark.parametrize(
    ("fields", "rule"), [({"is_test": True, "metered_ms": 5000}, "test"), ({"metered_ms": 0}, "unanswered")]
)
def test_tests_and_unanswered_contacts_are_rated_nought_without_any_table(fields: dict[str, Any], rule: str) -> None:
    tenant = make_tenant(currency="CNY")
    contact = make_contact(tenant, **fields)

    line = rate_contact(tenant_id=tenant.id, contact_id=contact.id)

    assert (line.amount, line.currency, line.explanation["rule"]) == (Decimal(0), "CNY", rule)


def test_the_provider_does_not_charge_itself() -> None:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    contact = make_contact(provider, metered_ms=9000)

    line = rate_contact(tenant_id=provider.id, contact_id=contact.id)

    assert (line.amount, line.quantity, line.explanation["rule"]) == (Decimal(0), Decimal(9), "own")


def test_a_suspended_tenant_is_rated_too() -> None:
    tenant = make_tenant(status=Tenant.Status.SUSPENDED)
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, metered_ms=1000)

    assert rate_contact(tenant_id=tenant.id, contact_id=contact.id).amount == Decimal("0.01")
    assert tenant.id in tenant_ids()


def test_another_tenants_contact_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    contact = make_contact(other, metered_ms=1000)

    with pytest.raises(NotFound):
        rate_contact(tenant_id=tenant.id, contact_id=contact.id)


def test_the_day_and_the_table_are_those_of_the_local_day_of_arrival() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    make_table(tenant, {"": "0.6"}, last_day=dt.date(2026, 3, 10))
    make_table(tenant, {"": "6"}, first_day=dt.date(2026, 3, 11))
    # 15:59:59 UTC is 23:59:59 in Shanghai: the call runs past midnight.
    late = make_contact(tenant, at=dt.datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC), metered_ms=60_000, ended=60)
    early = make_contact(tenant, at=dt.datetime(2026, 3, 10, 16, 0, 0, tzinfo=UTC), metered_ms=60_000, ended=60)

    first = rate_contact(tenant_id=tenant.id, contact_id=late.id)
    second = rate_contact(tenant_id=tenant.id, contact_id=early.id)

    assert (first.occurred_on, first.amount) == (dt.date(2026, 3, 10), Decimal("0.6"))
    assert (second.occurred_on, second.amount) == (dt.date(2026, 3, 11), Decimal(6))


def test_the_sweep_pages_through_everything_past_contacts_that_cannot_be_rated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rating, "PAGE", 3)
    tenant = make_tenant()
    make_table(tenant, {"+86": "0.6"})
    for _ in range(4):
        make_contact(tenant, ani="+4915112345678", metered_ms=1000)
    for _ in range(4):
        make_contact(tenant, ani=CALLER, metered_ms=1000)

    assert rate_unrated(tenant_id=tenant.id).written == []  # they are older than the frequent sweep looks
    outcome = rate_unrated(tenant_id=tenant.id, everything=True)

    assert len(outcome.written) == 4
    assert [entry.reason for entry in outcome.unrated] == ["no-rate"] * 4
    assert len(lines_of(tenant)) == 4


def test_lines_can_be_neither_changed_nor_removed_by_the_application() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    rate_contact(tenant_id=tenant.id, contact_id=make_contact(tenant, metered_ms=1000).id)

    for change in ("UPDATE billing_usageline SET amount = 0", "DELETE FROM billing_usageline"):
        with pytest.raises(Exception, match="permission denied"), tenant_scope(tenant.id):
            connections["default"].cursor().execute(change)
