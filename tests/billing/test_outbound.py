"""Calls that the platform makes to the outside: one line each, by the number dialled."""

import datetime as dt
from datetime import UTC
from decimal import Decimal

import pytest

from billing.errors import Unratable
from billing.explain import explain
from billing.services.rating import rate_contact, rate_ended, rate_outbound_call, rate_unrated
from tenants.public import NotFound, Tenant
from tests.api import program
from tests.billing.rows import lines_of, make_outbound_call, make_table
from tests.contact_rows import NOON, make_contact
from tests.factories import make_tenant
from tests.threads import at_once

PARTNER = "+447700900001"


def make_prices(tenant: Tenant) -> None:
    make_table(tenant, {"": "0.6"})
    make_table(tenant, {"+44": "1.2", "+4477": "2.4"}, direction="outbound", name="Out")


def test_it_is_priced_by_the_longest_prefix_of_the_number_dialled() -> None:
    tenant = make_tenant()
    make_prices(tenant)
    contact = make_contact(tenant, ani="+8675583660001", metered_ms=60_000)
    call = make_outbound_call(contact, number=PARTNER, metered_ms=30_001)

    line = rate_outbound_call(tenant_id=tenant.id, call_id=call.id)

    assert (line.key, line.outbound_call_id, line.contact_id) == (f"outbound:{call.id}", call.id, contact.id)
    assert (line.quantity, line.unit_price, line.amount) == (Decimal(31), Decimal("2.4"), Decimal("1.24"))
    assert line.explanation["direction"] == "outbound"
    assert "+4477 is the longest prefix of “Out” that fits the number called" in explain(line)


def test_the_end_of_the_contact_rates_both_and_again_changes_nothing() -> None:
    tenant = make_tenant()
    make_prices(tenant)
    contact = make_contact(tenant, metered_ms=60_000)
    first = make_outbound_call(contact, number=PARTNER, metered_ms=0)
    second = make_outbound_call(contact, number=PARTNER, metered_ms=60_000)

    for _ in range(2):
        rate_ended(tenant_id=tenant.id, contact_ids=[contact.id])
        rate_unrated(tenant_id=tenant.id, everything=True)

    assert [(line.key, line.amount) for line in lines_of(tenant)] == [
        (f"contact:{contact.id}", Decimal("0.6")),
        (f"outbound:{first.id}", Decimal(0)),
        (f"outbound:{second.id}", Decimal("2.4")),
    ]


def test_a_line_of_a_call_does_not_hide_its_contact() -> None:
    tenant = make_tenant()
    make_prices(tenant)
    contact = make_contact(tenant, metered_ms=60_000)
    rate_outbound_call(tenant_id=tenant.id, call_id=make_outbound_call(contact, number=PARTNER, metered_ms=1).id)

    rate_unrated(tenant_id=tenant.id, everything=True)

    assert len(lines_of(tenant)) == 2
    assert rate_contact(tenant_id=tenant.id, contact_id=contact.id).outbound_call_id is None


def test_the_day_on_which_it_was_dialled_decides() -> None:
    tenant = make_tenant(time_zone="Europe/Berlin")
    make_table(tenant, {"": "0.6"}, direction="outbound", last_day=dt.date(2026, 3, 28))
    make_table(tenant, {"": "6"}, direction="outbound", first_day=dt.date(2026, 3, 29))
    contact = make_contact(tenant, at=dt.datetime(2026, 3, 28, 22, 59, tzinfo=UTC), metered_ms=60_000)
    midnight = dt.datetime(2026, 3, 28, 23, tzinfo=UTC)
    before = make_outbound_call(contact, number=PARTNER, metered_ms=60_000, at=midnight - dt.timedelta(seconds=1))
    after = make_outbound_call(contact, number=PARTNER, metered_ms=60_000, at=midnight)

    amounts = [rate_outbound_call(tenant_id=tenant.id, call_id=call.id).amount for call in (before, after)]

    assert amounts == [Decimal("0.6"), Decimal(6)]


def test_without_a_table_it_is_listed_and_rated_when_there_is_one() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contact = make_contact(tenant, metered_ms=1000)
    call = make_outbound_call(contact, number=PARTNER, metered_ms=60_000)
    rate_ended(tenant_id=tenant.id, contact_ids=[contact.id])

    (entry,) = program(tenant).read("unrated-outbound-calls/").json()["results"]
    assert (entry["contact"], entry["outbound_call"], entry["reason"]) == (
        str(contact.id),
        str(call.id),
        "no-rate-table",
    )
    assert program(tenant).read("unrated-contacts/").json()["results"] == []

    make_table(tenant, {"": "1.2"}, direction="outbound")
    rate_unrated(tenant_id=tenant.id, everything=True)
    assert program(tenant).read("unrated-outbound-calls/").json()["results"] == []
    assert lines_of(tenant)[-1].amount == Decimal("1.2")


def test_eight_workers_at_once_write_one_line() -> None:
    tenant = make_tenant()
    make_prices(tenant)
    call = make_outbound_call(make_contact(tenant), number=PARTNER, metered_ms=60_000)

    lines = at_once([lambda: rate_outbound_call(tenant_id=tenant.id, call_id=call.id)] * 8)

    assert {line.id for line in lines_of(tenant)} == {line.id for line in lines}


def test_one_that_goes_on_is_not_rated() -> None:
    tenant = make_tenant()
    make_prices(tenant)
    call = make_outbound_call(make_contact(tenant), number=PARTNER, metered_ms=None, at=NOON)

    with pytest.raises(Unratable) as refused:
        rate_outbound_call(tenant_id=tenant.id, call_id=call.id)
    rate_unrated(tenant_id=tenant.id, everything=True)

    assert refused.value.code == "call-not-ended"
    assert [line.outbound_call_id for line in lines_of(tenant)] == [None]


def test_a_test_is_free_and_another_tenants_call_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    call = make_outbound_call(make_contact(tenant, is_test=True), number=PARTNER, metered_ms=60_000, is_test=True)

    line = rate_outbound_call(tenant_id=tenant.id, call_id=call.id)
    with pytest.raises(NotFound):
        rate_outbound_call(tenant_id=other.id, call_id=call.id)

    assert (line.amount, line.explanation["rule"]) == (Decimal(0), "test")
