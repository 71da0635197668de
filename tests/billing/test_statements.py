"""Statements: whose lines, of which month, adding up to what, explained."""

import datetime as dt
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from django.utils import translation

from billing.explain import explain
from billing.facts import contacts_without_line, facts_of_contacts
from billing.models import Rate, RateTable, UsageLine
from billing.months import Month
from billing.selectors import explain_unrated, rent_rows, statement, statements, usage_lines
from billing.services.accrual import accrue_leases
from billing.services.leasing import lease_number, lease_seats
from billing.services.rating import rate_contact
from tenants.public import NotFound, Tenant, tenant_scope
from tests.contact_rows import make_contact
from tests.factories import ACTOR, make_number, make_tenant
from tests.statements import statements_sent

MARCH = Month(2026, 3)


def make_prices(tenant: Tenant, price: str = "0.05", prefix: str = "", **fields: object) -> None:
    with tenant_scope(tenant.id):
        table = RateTable.objects.create(
            name="Standard", currency=fields.get("currency", "EUR"), first_day=dt.date(2026, 1, 1)
        )
        Rate.objects.create(table=table, prefix=prefix, price_per_minute=Decimal(price))


def call(tenant: Tenant, seconds: int, at: dt.datetime, **fields: Any) -> UsageLine:
    contact = make_contact(tenant, at=at, metered_ms=seconds * 1000, ended=seconds, **fields)
    return rate_contact(tenant_id=tenant.id, contact_id=contact.id)


def test_a_statement_has_the_local_month_and_is_the_exact_sum_of_its_lines_rounded_once() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai", seats=None)
    make_prices(tenant)
    call(tenant, 7, dt.datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC))  # still February in Shanghai
    for second in range(7):
        call(tenant, 7, dt.datetime(2026, 2, 28, 16, 0, second, tzinfo=UTC))
    lease_seats(
        tenant_id=tenant.id,
        seats=2,
        price_per_month=Decimal("49.9"),
        first_day=dt.date(2026, 2, 15),
        last_day=dt.date(2026, 3, 31),
        actor=ACTOR,
    )
    accrue_leases(tenant_id=tenant.id)

    with tenant_scope(tenant.id, read_only=True):
        march = statement(tenant.id, MARCH)
        lines = list(march.lines())
        rents = rent_rows(MARCH)
        months = [str(each.month) for each in statements(tenant.id)]

    assert march.id == f"{tenant.id}.2026-03"
    (euros,) = march.totals
    assert [(kind.kind, kind.lines, kind.amount) for kind in euros.kinds] == [
        ("seat", 31, Decimal("99.8")),
        ("minutes", 7, 7 * Decimal("0.005833")),
    ]
    assert euros.exact == sum(line.amount for line in lines) == Decimal("99.840831")
    assert euros.total == Decimal("99.84")
    assert [(row.seats, row.days, row.amount) for row in rents] == [(2, 31, Decimal("99.8"))]
    assert months == ["2026-03", "2026-02"]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        # Clocks in Berlin: 02:00 → 03:00 on 29 March 2026 (UTC+1 → +2), 03:00 → 02:00 on 25 October.
        (dt.datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), dt.date(2026, 3, 28)),
        (dt.datetime(2026, 3, 28, 23, 0, 0, tzinfo=UTC), dt.date(2026, 3, 29)),
        (dt.datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), dt.date(2026, 3, 29)),
        (dt.datetime(2026, 3, 29, 22, 0, 0, tzinfo=UTC), dt.date(2026, 3, 30)),
        (dt.datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), dt.date(2026, 10, 25)),
        (dt.datetime(2026, 10, 25, 23, 0, 0, tzinfo=UTC), dt.date(2026, 10, 26)),
    ],
)
def test_days_end_at_local_midnight_when_clocks_change(moment: dt.datetime, day: dt.date) -> None:
    tenant = make_tenant(time_zone="Europe/Berlin")
    make_prices(tenant)

    assert call(tenant, 60, moment).occurred_on == day


def test_two_currencies_are_never_added_up() -> None:
    tenant = make_tenant(currency="CNY", seats=None)
    make_prices(tenant, currency="EUR")
    call(tenant, 60, dt.datetime(2026, 3, 10, tzinfo=UTC))
    call(tenant, 60, dt.datetime(2026, 3, 10, tzinfo=UTC), is_test=True)

    with tenant_scope(tenant.id, read_only=True):
        totals = statement(tenant.id, MARCH).totals

    assert [(each.currency, each.total) for each in totals] == [("CNY", Decimal("0.00")), ("EUR", Decimal("0.05"))]


def test_another_tenant_sees_nothing_of_it() -> None:
    tenant, other = make_tenant(), make_tenant()
    make_prices(tenant)
    call(tenant, 60, dt.datetime(2026, 3, 10, tzinfo=UTC))

    with tenant_scope(other.id, read_only=True):
        assert statement(tenant.id, MARCH).totals == ()
        assert statements(other.id) == []
        assert list(usage_lines()) == []
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM billing_usageline")
            assert cursor.fetchone() == (0,)


def test_unrated_contacts_are_listed_with_their_reasons_in_a_fixed_number_of_queries() -> None:
    tenant = make_tenant()
    make_prices(tenant, prefix="+86")
    at = dt.datetime(2026, 3, 10, tzinfo=UTC)
    waiting = make_contact(tenant, at=at, ani="+8610", metered_ms=1)
    foreign = make_contact(tenant, at=at, ani="+4930", metered_ms=1)
    early = make_contact(tenant, at=dt.datetime(2025, 3, 10, tzinfo=UTC), metered_ms=1)
    silent = make_contact(tenant, at=at, metered_ms=None)
    make_contact(tenant, at=at, state="in_flow")

    with tenant_scope(tenant.id, read_only=True):
        contacts = list(contacts_without_line())
        with statements_sent() as queries:
            entries = explain_unrated(tenant.id, facts_of_contacts(contacts))

    assert [(entry.contact_id, str(entry.reason)) for entry in entries] == [
        (waiting.id, "waiting"),
        (foreign.id, "no-rate"),
        (early.id, "no-rate-table"),
        (silent.id, "not-metered"),
    ]
    assert len(queries) == 4


def test_each_line_explains_itself() -> None:
    tenant = make_tenant(seats=None)
    make_prices(tenant, "0.0123", prefix="+86")
    make_number_line = lease_number(
        tenant_id=tenant.id,
        number_id=make_number(tenant, e164="+442079460123").id,
        price_per_month=Decimal(31),
        first_day=dt.date(2026, 3, 31),
        last_day=dt.date(2026, 3, 31),
        actor=ACTOR,
    )
    accrue_leases(tenant_id=tenant.id)
    minutes = call(tenant, 7, dt.datetime(2026, 3, 10, tzinfo=UTC), ani="+861012345678")
    with tenant_scope(tenant.id, read_only=True):
        number = UsageLine.objects.get(number_lease=make_number_line)

    with translation.override("en"):
        assert explain(minutes) == (
            "0.012300 per minute × 7 s ÷ 60 = 0.001435 EUR; +86 is the longest prefix of “Standard” that fits the "
            "number, its price from Jan. 1, 2026 on; 7 s on the line, begun seconds count whole"
        )
        assert explain(number) == (
            "+442079460123 at 31.000000 a month: day 1 of this lease in a month of 31 days, 1.000000 EUR"
        )


@pytest.mark.nodb
@pytest.mark.parametrize("text", ["2026-13", "2026-3", "26-03", "2026-03-01", "", "1999-01"])
def test_what_is_no_month_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        Month.parse(text)
