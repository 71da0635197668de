"""The operator's pages over enterprises' money: prices, corrections, re-ratings; and who may see them."""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Rate, RateTable, Rerating, UsageLine
from billing.services.rating import rate_contact
from tenants.public import CSP_TENANT_ID, Role, Tenant, tenant_scope
from tests.api import Api, signed_in
from tests.billing.rows import lines_of, make_table
from tests.contact_rows import make_contact
from tests.factories import make_tenant


@pytest.fixture
def operator() -> Api:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    return signed_in(provider, role=Role.OPERATOR)


def address(name: str, tenant: Tenant, *row: Any) -> str:
    return reverse(f"tenant-{name}", args=[tenant.id, *row])


def rates_of(tenant: Tenant) -> list[Rate]:
    with tenant_scope(tenant.id, read_only=True):
        return list(Rate.objects.order_by("id"))


def rated(tenant: Tenant) -> UsageLine:
    return rate_contact(tenant_id=tenant.id, contact_id=make_contact(tenant, metered_ms=60_000).id)


NEW_RATE = {
    "prefix": "+44",
    "price_per_minute": "0.0123",
    "connection_fee": "0.05",
    "minimum_charge": "0",
    "initial_seconds": "6",
    "increment_seconds": "6",
    "first_day": "",
    "last_day": "",
}


def test_from_no_table_to_a_price_that_changes_and_ends(operator: Api) -> None:
    acme = make_tenant(name="Acme", currency="CNY")
    assert "There is no rate table" in operator.get(address("rates", acme)).content.decode()
    table_form = {"name": "Standard", "direction": "inbound", "first_day": "2026-01-01", "last_day": ""}

    page = operator.post(address("add-table", acme), table_form, follow=True).content.decode()
    assert "Standard" in page
    with tenant_scope(acme.id, read_only=True):
        table = RateTable.objects.get()
    assert table.currency == "CNY"
    operator.post(address("add-rate", acme, table.id), NEW_RATE)
    (rate,) = rates_of(acme)
    prices = {name: value for name, value in NEW_RATE.items() if "day" not in name and name != "prefix"}
    operator.post(
        address("replace-rate", acme, rate.id), {**prices, "price_per_minute": "0.02", "first_day": "2026-03-01"}
    )
    old, new = rates_of(acme)
    operator.post(address("end-rate", acme, new.id), {"last_day": "2026-05-31"})
    operator.post(address("change-rate", acme, old.id), {**NEW_RATE, "connection_fee": "0", "last_day": "2026-02-28"})

    old, new = rates_of(acme)
    assert (old.price_per_minute, old.connection_fee, old.last_day) == (
        Decimal("0.0123"),
        Decimal(0),
        dt.date(2026, 2, 28),
    )
    assert (new.price_per_minute, new.connection_fee) == (Decimal("0.02"), Decimal("0.05"))
    assert (new.first_day, new.last_day) == (dt.date(2026, 3, 1), dt.date(2026, 5, 31))
    own = signed_in(acme).get("/rates/").content.decode()
    assert "0.020000" in own
    assert "6/6" in own
    assert "Put right" not in own


@pytest.mark.parametrize(
    ("wrong", "said", "status"),
    [
        ({"price_per_minute": "0.01234567"}, "no more than 6 decimal places", 422),
        ({"price_per_minute": "-1"}, "greater than or equal to 0", 422),
        ({"price_per_minute": "0,05 EUR"}, "Enter a number", 422),
        ({"prefix": "0044"}, "A prefix is + and digits", 422),
        ({"increment_seconds": "0"}, "greater than or equal to", 422),
        ({"first_day": "2026-03-02", "last_day": "2026-03-01"}, "The last day is before the first.", 422),
        ({"prefix": "+4", "first_day": "2026-02-01"}, "already: end that first, or begin later.", 409),
    ],
)
def test_a_price_that_is_refused_is_shown_again_with_all_that_was_put_in(
    operator: Api, wrong: dict[str, str], said: str, status: int
) -> None:
    acme = make_tenant()
    table = make_table(acme, {"+4": "1"})
    sent = {**NEW_RATE, **wrong}

    answer = operator.post(address("add-rate", acme, table.id), sent)

    page = answer.content.decode()
    assert answer.status_code == status
    assert said in page
    for value in sent.values():
        assert not value or f'value="{value}"' in page
    assert [rate.prefix for rate in rates_of(acme)] == ["+4"]


def test_a_line_is_corrected_and_both_sides_see_why_and_by_whom(operator: Api) -> None:
    acme = make_tenant()
    make_table(acme, {"": "0.6"})
    line = rated(acme)
    form = operator.get(address("correct-line", acme, line.id)).content.decode()
    assert "It comes to 0.600000 EUR now." in form

    sent = {"amount": "0.25", "reason": "<no voice>"}
    page = operator.post(address("correct-line", acme, line.id), sent, follow=True).content.decode()

    assert "Corrected by a new line." in page
    assert "&lt;no voice&gt;" in page
    assert "(Alice)" in page
    assert "0.250000 − 0.600000 = -0.350000 EUR" in page
    month = lines_of(acme)[1].occurred_on.strftime("%Y-%m")
    own = signed_in(acme).get(f"/statement/{month}/").content.decode()
    assert "&lt;no voice&gt;" in own
    assert address("correct-line", acme, line.id) not in own
    assert "-0.350000 EUR" in own


def test_a_correction_that_is_refused_keeps_what_was_put_in(operator: Api) -> None:
    acme = make_tenant()
    make_table(acme, {"": "0.6"})
    line = rated(acme)
    operator.post(address("correct-line", acme, line.id), {"amount": "0.25", "reason": "no voice"})
    correction = lines_of(acme)[1]

    answers = [
        operator.post(address("correct-line", acme, row), {"amount": amount, "reason": "a long story"})
        for row, amount in ((correction.id, "0.1"), (line.id, "0.25"), (line.id, "-3"), (line.id, "0.1234567"))
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 422, 422]
    assert all('value="a long story"' in answer.content.decode() for answer in answers)
    assert f"Correct the line that it refers to, {line.id}" in answers[0].content.decode()
    assert len(lines_of(acme)) == 2


def test_a_re_rating_is_ordered_and_listed(operator: Api) -> None:
    acme = make_tenant()

    sent = {"first_day": "2026-03-01", "last_day": "2026-03-31", "reason": "wrong price of +44"}
    page = operator.post(address("re-rate", acme), sent, follow=True).content.decode()

    with tenant_scope(acme.id, read_only=True):
        order = Rerating.objects.get()
    assert (order.first_day, order.last_day) == (dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    assert "wrong price of +44" in page
    assert "in progress" in page
    refused = operator.post(address("re-rate", acme), {**sent, "last_day": "2026-02-01"})
    assert refused.status_code == 422
    assert "The last day is before the first." in refused.content.decode()


def test_every_page_is_the_operators_alone(operator: Api) -> None:
    acme = make_tenant()
    table = make_table(acme, {"": "0.6"})
    line, (rate,) = rated(acme), rates_of(acme)
    pages = [
        reverse("enterprises"),
        *(address(name, acme) for name in ("rates", "current-statement", "add-table", "re-rate")),
        address("statement", acme, "2026-03"),
        address("statement-lines", acme, "2026-03"),
        address("change-table", acme, table.id),
        address("add-rate", acme, table.id),
        *(address(name, acme, rate.id) for name in ("change-rate", "replace-rate", "end-rate")),
        address("correct-line", acme, line.id),
    ]
    clients = [signed_in(acme), signed_in(acme, role=Role.SUPERVISOR), signed_in(make_tenant()), Client()]

    for page in pages:
        assert operator.get(page).status_code == 200, page
        assert [client.get(page).status_code for client in clients] == [403, 403, 403, 302], page
    assert clients[0].get("/rates/").status_code == 200
    assert [client.get("/rates/").status_code for client in clients[1:]] == [403, 200, 302]
    assert "0.600000" not in clients[2].get("/rates/").content.decode()
    for client in clients[:3]:
        answer = client.post(address("correct-line", acme, line.id), {"amount": "0", "reason": "mine"})
        assert answer.status_code == 403
    assert len(lines_of(acme)) == 1


def test_a_row_of_another_enterprise_and_one_that_is_none_are_not_found(operator: Api) -> None:
    acme, other = make_tenant(), make_tenant()
    make_table(acme, {"": "0.6"})
    line = rated(acme)

    assert operator.get(address("correct-line", other, line.id)).status_code == 404
    assert operator.get(address("correct-line", acme, uuid4())).status_code == 404
    assert operator.get(reverse("tenant-rates", args=[uuid4()])).status_code == 404
    assert operator.get(address("statement", acme, "2026-13")).status_code == 404


def test_the_enterprises_are_listed_with_their_ways(operator: Api) -> None:
    acme = make_tenant(name="Acme <Travel>")

    page = operator.get(reverse("enterprises")).content.decode()

    assert "Acme &lt;Travel&gt;" in page
    assert address("rates", acme) in page
    assert address("current-statement", acme) in page
