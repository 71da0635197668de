"""Prices from day to day: which counts when, what overlaps, and that nothing is half written."""

import datetime as dt
import threading
from datetime import UTC
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connections

from billing.models import Rate, RateTable
from billing.services import tariffs
from billing.services.rating import rate_contact
from billing.services.tariffs import add_rate, add_table, change_rate, change_table, end_rate, replace_rate
from tenants.public import Conflict, Invalid, NotFound, Tenant, tenant_scope, uuid7
from tests.billing.rows import add_price, lines_of, make_table
from tests.contact_rows import make_contact
from tests.factories import ACTOR, make_tenant
from tests.threads import at_once

MARCH, APRIL = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
CALLER = "+447700900001"
ONE_DAY = dt.timedelta(days=1)


def rates_of(tenant: Tenant) -> list[tuple[str, Decimal, dt.date | None, dt.date | None]]:
    with tenant_scope(tenant.id, read_only=True):
        return list(Rate.objects.values_list("prefix", "price_per_minute", "first_day", "last_day"))


def add(table: RateTable, prefix: str = "+44", price: str = "0.6", **terms: Any) -> Rate:
    return add_rate(
        tenant_id=table.tenant_id,
        table_id=table.id,
        prefix=prefix,
        price_per_minute=Decimal(price),
        actor=ACTOR,
        **terms,
    )


def charge(tenant: Tenant, at: dt.datetime, seconds: int = 60, ani: str = CALLER) -> tuple[dt.date, Decimal, Decimal]:
    contact = make_contact(tenant, at=at, ani=ani, metered_ms=seconds * 1000, ended=seconds)
    line = rate_contact(tenant_id=tenant.id, contact_id=contact.id)
    return line.occurred_on, line.quantity, line.amount


# A new price counts from local midnight. In Berlin summer time begins on 29 March 2026, 02:00 → 03:00 (UTC+1 → +2), and
# ends on 25 October, 03:00 → 02:00: the days of the new prices are 23 and 25 hours long.
@pytest.mark.parametrize(
    ("day", "midnight"),
    [
        (dt.date(2026, 3, 29), dt.datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (dt.date(2026, 3, 30), dt.datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (dt.date(2026, 10, 25), dt.datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (dt.date(2026, 10, 26), dt.datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_a_call_over_a_change_of_price_costs_what_it_cost_when_it_began(day: dt.date, midnight: dt.datetime) -> None:
    tenant = make_tenant(time_zone="Europe/Berlin")
    table = make_table(tenant)
    old = add(table, price="0.6")
    replace_rate(tenant_id=tenant.id, rate_id=old.id, first_day=day, price_per_minute=Decimal(6), actor=ACTOR)

    last = charge(tenant, midnight - dt.timedelta(milliseconds=1), seconds=7200)
    first = charge(tenant, midnight)

    assert last == (day - ONE_DAY, Decimal(7200), Decimal(72))
    assert first == (day, Decimal(60), Decimal(6))


def test_seconds_are_counted_and_not_read_from_the_clock_on_the_wall() -> None:
    tenant = make_tenant(time_zone="Europe/Berlin")
    make_table(tenant, {"": "0.6"})

    # 01:59:30 to 03:00:30 by the clock on the wall in March, 02:59:30 to 02:00:30 in October.
    for began in (dt.datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC), dt.datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC)):
        assert charge(tenant, began)[1:] == (Decimal(60), Decimal("0.6"))


def test_the_longest_prefix_in_force_decides_and_nesting_is_no_overlap() -> None:
    tenant = make_tenant()
    table = make_table(tenant, {"": "9", "+4": "4"})
    add_price(table, "+4477", "0.6", first_day=APRIL, last_day=dt.date(2026, 4, 30))
    add_price(table, "+447", "0.7")

    amounts = [charge(tenant, dt.datetime(2026, month, 15, tzinfo=UTC))[2] for month in (3, 4, 5)]

    assert amounts == [Decimal("0.7"), Decimal("0.6"), Decimal("0.7")]


def test_a_line_says_from_when_its_price_counts() -> None:
    tenant = make_tenant()
    table = make_table(tenant)
    old = add(table)
    new = replace_rate(tenant_id=tenant.id, rate_id=old.id, first_day=MARCH, price_per_minute=Decimal(1), actor=ACTOR)
    charge(tenant, dt.datetime(2026, 2, 1, tzinfo=UTC))
    charge(tenant, dt.datetime(2026, 3, 1, tzinfo=UTC))

    facts = [(line.explanation["from"], line.explanation["rate_id"]) for line in lines_of(tenant)]

    assert facts == [("2026-01-01", str(old.id)), ("2026-03-01", str(new.id))]


def test_replacing_ends_the_old_price_the_day_before_and_keeps_what_is_not_said() -> None:
    tenant = make_tenant()
    old = add(make_table(tenant), connection_fee=Decimal("0.05"), initial_seconds=60, last_day=dt.date(2026, 12, 31))

    new = replace_rate(tenant_id=tenant.id, rate_id=old.id, first_day=MARCH, price_per_minute=Decimal(1), actor=ACTOR)

    assert sorted(rates_of(tenant), key=lambda rate: rate[1]) == [
        ("+44", Decimal("0.6"), None, dt.date(2026, 2, 28)),
        ("+44", Decimal(1), MARCH, dt.date(2026, 12, 31)),
    ]
    assert (new.connection_fee, new.initial_seconds, new.increment_seconds) == (Decimal("0.05"), 60, 1)


@pytest.mark.parametrize("day", [dt.date(2025, 12, 31), dt.date(2026, 1, 1), dt.date(2026, 7, 1)])
def test_a_price_is_not_replaced_on_a_day_that_is_not_its_own_and_nothing_changes(day: dt.date) -> None:
    tenant = make_tenant()
    old = add(make_table(tenant), last_day=dt.date(2026, 6, 30))
    before = rates_of(tenant)

    with pytest.raises(Invalid) as refused:
        replace_rate(tenant_id=tenant.id, rate_id=old.id, first_day=day, price_per_minute=Decimal(1), actor=ACTOR)

    assert list(refused.value.data["errors"]) == ["first_day"]
    assert rates_of(tenant) == before


def test_a_replacement_that_is_not_valid_leaves_the_old_price_alone() -> None:
    tenant = make_tenant()
    old = add(make_table(tenant))

    with pytest.raises(Invalid):
        replace_rate(tenant_id=tenant.id, rate_id=old.id, first_day=MARCH, price_per_minute=Decimal(-1), actor=ACTOR)

    assert rates_of(tenant) == [("+44", Decimal("0.6"), None, None)]


OVERLAPS = [
    ((None, None), (None, None), True),
    ((None, None), (MARCH, APRIL), True),
    ((MARCH, APRIL), (None, None), True),
    ((MARCH, APRIL), (APRIL, None), True),
    ((MARCH, APRIL), (None, MARCH), True),
    ((MARCH, None), (APRIL, APRIL), True),
    ((MARCH, APRIL), (APRIL + ONE_DAY, None), False),
    ((MARCH, APRIL), (None, MARCH - ONE_DAY), False),
]


@pytest.mark.parametrize(("first", "second", "clash"), OVERLAPS)
def test_a_prefix_has_one_price_a_day_by_the_service(first: Any, second: Any, clash: bool) -> None:
    tenant = make_tenant()
    table = make_table(tenant)
    there = add(table, first_day=first[0], last_day=first[1])

    if not clash:
        add(table, first_day=second[0], last_day=second[1])
        return
    with pytest.raises(Conflict) as refused:
        add(table, first_day=second[0], last_day=second[1])
    add(table, prefix="+441", first_day=second[0], last_day=second[1])
    assert (refused.value.code, refused.value.data["other"]) == ("overlaps", str(there.id))
    assert list(refused.value.data["errors"]) == ["first_day"]


@pytest.mark.parametrize(("first", "second", "clash"), OVERLAPS)
def test_a_prefix_has_one_price_a_day_by_the_database(first: Any, second: Any, clash: bool) -> None:
    tenant = make_tenant()
    table = make_table(tenant)
    add_price(table, "+44", "1", first_day=first[0], last_day=first[1])

    if not clash:
        add_price(table, "+44", "2", first_day=second[0], last_day=second[1])
        return
    with pytest.raises(IntegrityError, match="one_rate_of_a_prefix_a_day"):
        add_price(table, "+44", "2", first_day=second[0], last_day=second[1])


def test_who_comes_second_is_told_by_name_whoever_wrote_first(admin_database_url: str) -> None:
    tenant = make_tenant()
    table = make_table(tenant)

    def work() -> str:
        try:
            return add(table).prefix
        except Conflict as refused:
            return refused.code

    outcomes = at_once([work] * 4)

    assert sorted(outcomes) == ["+44", "overlaps", "overlaps", "overlaps"]


def test_without_the_lock_the_constraint_refuses_the_second(
    monkeypatch: pytest.MonkeyPatch, admin_database_url: str
) -> None:
    monkeypatch.setattr(tariffs, "lock_tariffs", lambda: None)
    tenant = make_tenant()
    table = make_table(tenant)
    outcomes: list[str] = []

    def work() -> None:
        try:
            add(table)
        except Invalid as refused:
            outcomes.append(refused.data["rule"])
        finally:
            connections.close_all()

    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with psycopg.connect(admin_database_url) as rival, psycopg.connect(admin_database_url, autocommit=True) as watch:
        rival.execute(
            "INSERT INTO billing_rate (id, tenant_id, table_id, prefix, price_per_minute, connection_fee,"
            " initial_seconds, increment_seconds) VALUES (%s, %s, %s, '+44', 1, 0, 1, 1)",
            [uuid7(), tenant.id, table.id],
        )
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive() and watch.execute(blocked).fetchone() == (0,):
            thread.join(0.01)
        rival.commit()
        thread.join()

    assert outcomes == ["one_rate_of_a_prefix_a_day"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"price_per_minute": Decimal("0.0000001")}, "price_per_minute"),
        ({"price_per_minute": Decimal(-1)}, "price_per_minute"),
        ({"price_per_minute": Decimal(10) ** 12}, "price_per_minute"),
        ({"connection_fee": Decimal("-0.000001")}, "connection_fee"),
        ({"minimum_charge": Decimal("0.1234567")}, "minimum_charge"),
        ({"minimum_charge": Decimal(-1)}, "minimum_charge"),
        ({"initial_seconds": 0}, "initial_seconds"),
        ({"increment_seconds": 0}, "increment_seconds"),
        ({"prefix": "44"}, "prefix"),
        ({"first_day": APRIL, "last_day": MARCH}, "last_day"),
        ({"first_day": dt.date(2025, 1, 1), "last_day": dt.date(2025, 1, 2)}, "first_day"),
    ],
)
def test_a_rate_that_is_not_valid_is_refused_at_its_field(terms: dict[str, Any], field: str) -> None:
    tenant = make_tenant()
    good = add(make_table(tenant))
    before = rates_of(tenant)

    with pytest.raises(Invalid) as refused:
        change_rate(tenant_id=tenant.id, rate_id=good.id, actor=ACTOR, **terms)

    assert list(refused.value.data["errors"]) == [field]
    assert rates_of(tenant) == before


def test_a_table_in_another_currency_is_refused() -> None:
    tenant = make_tenant(currency="CNY")
    terms: Any = {"tenant_id": tenant.id, "name": "Standard", "first_day": MARCH, "actor": ACTOR}

    with pytest.raises(Invalid) as refused:
        add_table(**terms, currency="EUR")

    assert list(refused.value.data["errors"]) == ["currency"]
    assert add_table(**terms).currency == "CNY"


def test_a_table_overlaps_only_with_its_own_direction() -> None:
    tenant = make_tenant()
    terms: Any = {"tenant_id": tenant.id, "name": "Standard", "actor": ACTOR}
    first = add_table(**terms, first_day=MARCH)
    add_table(**terms, first_day=MARCH, direction="outbound")

    with pytest.raises(Conflict) as refused:
        add_table(**terms, first_day=APRIL)
    change_table(tenant_id=tenant.id, table_id=first.id, last_day=APRIL - ONE_DAY, actor=ACTOR)
    add_table(**terms, first_day=APRIL)

    assert (refused.value.code, refused.value.data["other"]) == ("overlaps", str(first.id))


def test_what_is_another_tenants_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    table = make_table(other)
    rate = add(table)
    whose: Any = {"tenant_id": tenant.id, "actor": ACTOR}

    for attempt in (
        lambda: change_table(**whose, table_id=table.id, name="Mine"),
        lambda: add_rate(**whose, table_id=table.id, prefix="+1", price_per_minute=Decimal(1)),
        lambda: end_rate(**whose, rate_id=rate.id, last_day=MARCH),
        lambda: replace_rate(**whose, rate_id=rate.id, first_day=MARCH),
        lambda: tariffs.remove_table(**whose, table_id=table.id),
        lambda: tariffs.remove_rate(**whose, rate_id=rate.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert rates_of(other) == [("+44", Decimal("0.6"), None, None)]


def test_every_change_of_a_price_is_in_the_audit_trail() -> None:
    tenant = make_tenant()
    rate = add(make_table(tenant))
    end_rate(tenant_id=tenant.id, rate_id=rate.id, last_day=APRIL, actor=ACTOR)

    with tenant_scope(tenant.id, read_only=True), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT action, actor, after->>'last_day' FROM tenants_auditentry WHERE row_id = %s ORDER BY id",
            [str(rate.id)],
        )
        assert cursor.fetchall() == [("INSERT", ACTOR, None), ("UPDATE", ACTOR, "2026-04-01")]
