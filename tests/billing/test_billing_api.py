"""Rates, leases and statements over the API: an enterprise reads its own, the operator writes each one's."""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from billing.services.rating import rate_contact
from tenants.public import CSP_TENANT_ID, Entitlement, Role, Tenant, tenant_scope
from tests.api import Api, assert_problem, program
from tests.billing.rows import make_table
from tests.contact_rows import make_contact
from tests.factories import make_number, make_tenant
from tests.statements import statements_sent

TABLE = {"name": "Standard", "direction": "inbound", "currency": "EUR", "first_day": "2026-01-01"}
ROWS = (
    "rate-tables",
    "rates",
    "seat-leases",
    "number-leases",
    "usage-lines",
    "re-ratings",
    "unrated-contacts",
    "unrated-outbound-calls",
    "statements",
)


@pytest.fixture
def operator() -> Api:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    return program(provider, role=Role.OPERATOR)


def test_from_a_rate_table_to_the_statement(operator: Api) -> None:
    acme = make_tenant(time_zone="Asia/Shanghai")
    of_acme = f"tenants/{acme.id}/"
    table = operator.send(f"{of_acme}rate-tables/", TABLE).json()
    rate = operator.send(
        f"{of_acme}rates/", {"table": table["id"], "prefix": "+86", "price_per_minute": "0.012300"}
    ).json()
    assert (rate["initial_seconds"], rate["increment_seconds"], rate["connection_fee"]) == (1, 1, "0.000000")
    contact = make_contact(acme, ani="+8675583660001", metered_ms=6500)
    rate_contact(tenant_id=acme.id, contact_id=contact.id)

    api = program(acme)
    statement = api.read("statements/2026-03/").json()
    (line,) = api.read("usage-lines/?month=2026-03").json()["results"]

    assert statement == {
        "id": f"{acme.id}.2026-03",
        "month": "2026-03",
        "totals": [
            {
                "currency": "EUR",
                "exact": "0.001435",
                "total": "0.00",
                "kinds": [{"kind": "minutes", "lines": 1, "quantity": "7.000000", "amount": "0.001435"}],
                "corrections": {"lines": 0, "amount": "0.000000"},
            }
        ],
    }
    assert api.read("statements/").json() == {"results": [statement]}
    assert (line["contact"], line["amount"], line["unit_price"]) == (str(contact.id), "0.001435", "0.012300")
    assert "0.012300 per minute × 7 s ÷ 60 = 0.001435 EUR" in line["explained"]
    assert operator.read(f"{of_acme}statements/2026-03/").json() == statement
    assert operator.read(f"{of_acme}usage-lines/").json()["results"] == [line]


def test_the_operator_leases_seats_and_ends_the_lease(operator: Api) -> None:
    acme = make_tenant(seats=None)
    today = dt.datetime.now(tz=dt.UTC).date()
    address = f"tenants/{acme.id}/seat-leases/"

    lease = operator.send(address, {"seats": 7, "price_per_month": "49.90", "first_day": today.isoformat()}).json()
    ended = operator.send(f"{address}{lease['id']}/end/", {"last_day": today.isoformat()}).json()

    assert (lease["seats"], lease["price_per_month"], lease["currency"]) == (7, "49.900000", "EUR")
    assert ended == {**lease, "last_day": today.isoformat()}
    assert program(acme).read("seat-leases/").json()["results"] == [ended]
    with tenant_scope(acme.id, read_only=True):
        assert Entitlement.objects.get(kind="seats").limit == 7


def test_the_operator_charges_for_a_number_once_at_a_time(operator: Api) -> None:
    acme = make_tenant()
    number, foreign = make_number(acme), make_number(make_tenant())
    address, terms = f"tenants/{acme.id}/number-leases/", {"price_per_month": "2", "first_day": "2026-01-01"}

    assert operator.send(address, {"number": str(number.id), **terms}).status_code == 201
    assert_problem(operator.send(address, {"number": str(number.id), **terms}), 422, "invalid-lease")
    assert_problem(operator.send(address, {"number": str(foreign.id), **terms}), 422, "invalid")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"currency": "eu"}, "invalid", "/currency"),
        ({"currency": "CNY"}, "invalid-rate-table", "/currency"),
        ({"direction": "sideways"}, "invalid", "/direction"),
        ({"first_day": "yesterday"}, "invalid", "/first_day"),
        ({"last_day": "2025-12-31"}, "invalid-rate-table", "/last_day"),
    ],
)
def test_a_faulty_rate_table_is_refused(operator: Api, change: dict[str, Any], code: str, pointer: str) -> None:
    acme = make_tenant()
    address = f"tenants/{acme.id}/rate-tables/"

    problem = assert_problem(operator.send(address, {**TABLE, **change}), 422, code)

    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert operator.read(address).json()["results"] == []


def test_a_table_that_overlaps_is_refused_by_name(operator: Api) -> None:
    acme = make_tenant()
    address = f"tenants/{acme.id}/rate-tables/"
    first = operator.send(address, TABLE).json()

    problem = assert_problem(operator.send(address, {**TABLE, "first_day": "2026-06-01"}), 409, "overlaps")

    assert (problem["other"], problem["first_day"], problem["last_day"]) == (first["id"], "2026-01-01", None)
    assert [fault["pointer"] for fault in problem["errors"]] == ["/first_day"]
    assert operator.send(address, {**TABLE, "direction": "outbound"}).status_code == 201
    ended = operator.send(f"{address}{first['id']}/end/", {"last_day": "2026-05-31"}).json()
    assert ended == {**first, "last_day": "2026-05-31"}
    assert operator.send(address, {**TABLE, "first_day": "2026-06-01"}).status_code == 201


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"price_per_minute": "0.0000001"}, 422),
        ({"price_per_minute": "-1"}, 422),
        ({"prefix": "86"}, 422),
        ({"prefix": "+8x"}, 422),
        ({"initial_seconds": 0}, 422),
        ({"price_per_minute": "0.01 EUR"}, 422),
        ({"price_per_minute": "NaN"}, 422),
        ({"price_per_minute": "1000000000000"}, 422),
        ({"connection_fee": "-0.01"}, 422),
        ({"minimum_charge": "0.0000001"}, 422),
        ({"minimum_charge": "-1"}, 422),
        ({"increment_seconds": 1.5}, 422),
        ({"first_day": "2025-01-01", "last_day": "2025-12-31"}, 422),
        ({"first_day": "2026-02-02", "last_day": "2026-02-01"}, 422),
        ({"prefix": "+86"}, 409),
        ({"prefix": "+86", "first_day": "2026-02-01"}, 409),
    ],
)
def test_a_faulty_rate_is_refused(operator: Api, change: dict[str, Any], status: int) -> None:
    acme = make_tenant()
    table = operator.send(f"tenants/{acme.id}/rate-tables/", TABLE).json()
    good = {"table": table["id"], "prefix": "+86", "price_per_minute": "1"}
    address = f"tenants/{acme.id}/rates/"
    assert operator.send(address, good).status_code == 201

    assert operator.send(address, {**good, "prefix": "+1", **change}).status_code == status

    assert len(operator.read(address).json()["results"]) == 1


def test_a_rate_can_be_changed_and_a_table_removed(operator: Api) -> None:
    acme = make_tenant()
    base = f"tenants/{acme.id}/"
    table = operator.send(f"{base}rate-tables/", TABLE).json()
    rate = operator.send(f"{base}rates/", {"table": table["id"], "price_per_minute": "1"}).json()

    changed = operator.change(f"{base}rates/{rate['id']}/", {"price_per_minute": "2"}).json()

    assert changed == {**rate, "price_per_minute": "2.000000"}
    assert operator.remove(f"{base}rate-tables/{table['id']}/").status_code == 204
    assert operator.read(f"{base}rates/").json()["results"] == []


def test_an_enterprise_writes_nothing_and_meets_only_its_own(operator: Api) -> None:
    acme, other = make_tenant(), make_tenant()
    table = operator.send(f"tenants/{other.id}/rate-tables/", TABLE).json()
    rate_contact(tenant_id=other.id, contact_id=make_contact(other, metered_ms=0).id)
    make_contact(other, metered_ms=5)
    api = program(acme)

    for name in ROWS:
        assert api.read(f"{name}/").json()["results"] == []
        assert_problem(api.read(f"tenants/{other.id}/{name}/"), 403, "missing-right")
        assert_problem(api.read(f"tenants/{acme.id}/{name}/"), 403, "missing-right")
    assert api.read("statements/2026-03/").json()["totals"] == []
    assert_problem(api.read(f"rate-tables/{table['id']}/"), 404, "not-found")
    assert_problem(api.send(f"tenants/{acme.id}/rate-tables/", TABLE), 403, "missing-right")
    assert api.send("rate-tables/", TABLE).status_code == 405


def test_a_tenant_or_a_month_that_is_none_is_not_found(operator: Api) -> None:
    for name in ROWS:
        assert_problem(operator.read(f"tenants/{uuid4()}/{name}/"), 404, "not-found")
    assert_problem(program(make_tenant()).read("statements/2026-13/"), 404, "not-found")


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
def test_money_is_not_for_agents_and_supervisors(role: str) -> None:
    api = program(make_tenant(), role=role)

    for name in ROWS:
        assert_problem(api.read(f"{name}/"), 403, "missing-right")


def test_unrated_contacts_are_listed_with_the_reason() -> None:
    acme = make_tenant()
    contact = make_contact(acme, metered_ms=5000)

    (entry,) = program(acme).read("unrated-contacts/").json()["results"]

    assert (entry["contact"], entry["reason"]) == (str(contact.id), "no-rate-table")
    assert entry["explained"] == "No rate table of its direction is in force on its day."


def test_a_list_takes_a_fixed_number_of_statements() -> None:
    acme = make_tenant()
    api, counts = program(acme), []
    for _ in range(3):
        rate_contact(tenant_id=acme.id, contact_id=make_contact(acme).id)
        make_contact(acme, metered_ms=1)
        api.read("usage-lines/")
        with statements_sent() as queries:
            assert api.read("usage-lines/").status_code == 200
            assert api.read("unrated-contacts/").status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1] == counts[2]


def test_amounts_are_text() -> None:
    acme = make_tenant()
    rate_contact(tenant_id=acme.id, contact_id=make_contact(acme, is_test=True, metered_ms=1234).id)

    (line,) = program(acme).read("usage-lines/").json()["results"]

    assert Decimal(line["amount"]) == 0
    assert isinstance(line["amount"], str)


def test_a_new_price_from_a_day_on_and_its_end(operator: Api) -> None:
    acme = make_tenant()
    base = f"tenants/{acme.id}/"
    table = operator.send(f"{base}rate-tables/", TABLE).json()
    old = operator.send(
        f"{base}rates/", {"table": table["id"], "prefix": "+44", "price_per_minute": "1", "initial_seconds": 6}
    ).json()

    new = operator.send(
        f"{base}rates/{old['id']}/replace/", {"first_day": "2026-03-01", "price_per_minute": "2"}
    ).json()
    ended = operator.send(f"{base}rates/{new['id']}/end/", {"last_day": "2026-05-31"}).json()

    assert (new["price_per_minute"], new["initial_seconds"], new["first_day"]) == ("2.000000", 6, "2026-03-01")
    assert ended == {**new, "last_day": "2026-05-31"}
    assert operator.read(f"{base}rates/{old['id']}/").json() == {**old, "last_day": "2026-02-28"}
    again = operator.send(f"{base}rates/{new['id']}/replace/", {"first_day": "2026-03-01"})
    assert_problem(again, 422, "invalid-rate")
    other = operator.send(f"{base}rate-tables/", {**TABLE, "direction": "outbound"}).json()
    assert operator.change(f"{base}rates/{new['id']}/", {"table": other["id"]}).json() == ended


def test_a_line_is_corrected_and_the_enterprise_reads_it(operator: Api) -> None:
    acme = make_tenant()
    make_table(acme, {"": "0.6"})
    line = rate_contact(tenant_id=acme.id, contact_id=make_contact(acme, metered_ms=60_000).id)
    address, body = f"tenants/{acme.id}/usage-lines/{line.id}/correct/", {"amount": "0.25", "reason": "no voice"}

    made = operator.send(address, body)

    assert made.status_code == 201
    correction = made.json()
    assert (correction["amount"], correction["corrects"], correction["reason"]) == (
        "-0.350000",
        str(line.id),
        "no voice",
    )
    assert correction["made_by"].startswith("key:")
    assert correction["explained"].endswith("0.250000 − 0.600000 = -0.350000 EUR")
    assert_problem(operator.send(address, body), 409, "nothing-to-correct")
    of_correction = f"tenants/{acme.id}/usage-lines/{correction['id']}/correct/"
    problem = assert_problem(operator.send(of_correction, {**body, "amount": "0"}), 409, "corrects-a-correction")
    assert problem["line"] == str(line.id)
    api = program(acme)
    assert api.read(f"usage-lines/?corrects={line.id}").json()["results"] == [correction]
    assert api.read("usage-lines/?correction=true").json()["results"] == [correction]
    assert [each["id"] for each in api.read("usage-lines/?correction=false").json()["results"]] == [str(line.id)]
    (total,) = api.read(f"statements/{correction['occurred_on'][:7]}/").json()["totals"]
    assert total["corrections"] == {"lines": 1, "amount": "-0.350000"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": "-1"}, "/amount"),
        ({"amount": "0.1234567"}, "/amount"),
        ({"amount": "NaN"}, "/amount"),
        ({"reason": ""}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"reason": None}, "/reason"),
    ],
)
def test_a_faulty_correction_is_refused(operator: Api, change: dict[str, Any], pointer: str) -> None:
    acme = make_tenant()
    line = rate_contact(tenant_id=acme.id, contact_id=make_contact(acme, metered_ms=0).id)
    address = f"tenants/{acme.id}/usage-lines/{line.id}/correct/"

    problem = assert_problem(operator.send(address, {"amount": "1", "reason": "why", **change}), 422, "invalid")

    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert len(operator.read(f"tenants/{acme.id}/usage-lines/").json()["results"]) == 1


def test_a_re_rating_is_ordered_by_the_operator_and_read_by_the_enterprise(operator: Api) -> None:
    acme = make_tenant()
    address = f"tenants/{acme.id}/re-ratings/"
    body = {"first_day": "2026-03-01", "last_day": "2026-03-31", "reason": "wrong price"}

    order = operator.send(address, body).json()

    assert {name: order[name] for name in body} == body
    assert (order["finished_at"], order["lines"], order["corrected"]) == (None, 0, 0)
    assert program(acme).read("re-ratings/").json()["results"] == [order]
    assert_problem(operator.send(address, {**body, "last_day": "2026-02-01"}), 422, "invalid-re-rating")
    assert_problem(operator.send(address, {**body, "reason": ""}), 422, "invalid")


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.SUPERVISOR, Role.AGENT])
def test_only_the_operator_changes_prices_and_lines(role: str) -> None:
    acme = make_tenant()
    table = make_table(acme, {"": "0.6"})
    line = rate_contact(tenant_id=acme.id, contact_id=make_contact(acme, metered_ms=60_000).id)
    api, base = program(acme, role=role), f"tenants/{acme.id}/"

    for address in (
        f"{base}usage-lines/{line.id}/correct/",
        f"{base}re-ratings/",
        f"{base}rate-tables/{table.id}/end/",
        f"{base}rates/{uuid4()}/end/",
        f"{base}rates/{uuid4()}/replace/",
    ):
        assert_problem(api.send(address, {}), 403, "missing-right")
    for address in (f"usage-lines/{line.id}/correct/", f"rates/{uuid4()}/replace/"):
        assert api.send(address, {}).status_code in (404, 405)
    assert api.send("re-ratings/", {}).status_code == 405


def test_ids_of_another_enterprise_are_not_found(operator: Api) -> None:
    acme, other = make_tenant(), make_tenant()
    table = make_table(other, {"": "0.6"})
    line = rate_contact(tenant_id=other.id, contact_id=make_contact(other, metered_ms=60_000).id)
    base, correction = f"tenants/{acme.id}/", {"amount": "0", "reason": "why"}
    day = {"last_day": "2026-03-01"}

    assert_problem(operator.send(f"{base}usage-lines/{line.id}/correct/", correction), 404, "not-found")
    assert_problem(operator.send(f"{base}rate-tables/{table.id}/end/", day), 404, "not-found")
    assert_problem(operator.send(f"{base}rates/", {"table": str(table.id), "price_per_minute": "1"}), 422, "invalid")
    assert_problem(program(acme).read(f"usage-lines/{line.id}/"), 404, "not-found")
    assert len(operator.read(f"tenants/{other.id}/usage-lines/").json()["results"]) == 1
