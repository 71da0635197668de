"""The statement's page and its sheet."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest
from django.test import Client

from billing.models import Rate, RateTable
from billing.services.accrual import accrue_leases
from billing.services.leasing import lease_seats
from billing.services.rating import rate_contact
from billing.sheets import cell
from tenants.public import Role, Tenant, tenant_scope
from tests.api import signed_in
from tests.contact_rows import make_contact
from tests.factories import ACTOR, make_tenant

MARCH = "/statement/2026-03/"


def make_march(tenant: Tenant, table_name: str = "Standard") -> None:
    with tenant_scope(tenant.id):
        table = RateTable.objects.create(name=table_name, currency="CNY", first_day=dt.date(2026, 1, 1))
        Rate.objects.create(table=table, prefix="+86", price_per_minute=Decimal("0.0123"))
    contact = make_contact(tenant, ani="+8675583660001", metered_ms=6500)
    rate_contact(tenant_id=tenant.id, contact_id=contact.id)
    lease_seats(
        tenant_id=tenant.id,
        seats=2,
        price_per_month=Decimal(31),
        first_day=dt.date(2026, 3, 1),
        currency="CNY",
        last_day=dt.date(2026, 3, 2),
        actor=ACTOR,
    )
    accrue_leases(tenant_id=tenant.id)


def test_the_page_shows_totals_rent_and_explained_lines() -> None:
    tenant = make_tenant(seats=None, currency="CNY")
    make_march(tenant)
    page = signed_in(tenant).get(MARCH).content.decode()

    assert "4.001435 CNY" in page
    assert "4.00 CNY" in page
    assert "2 seats" in page
    assert "0.012300 per minute × 7 s ÷ 60 = 0.001435 CNY" in page


def test_the_present_month_is_the_tenants_and_may_be_empty() -> None:
    tenant = make_tenant(time_zone="Pacific/Kiritimati")
    page = signed_in(tenant).get("/statement/").content.decode()

    month = dt.datetime.now(tz=tenant.zone).strftime("%Y-%m")
    assert f"Statement {month}" in page
    assert "Nothing was used in this month." in page


def test_the_sheet_has_every_line_and_runs_no_formula() -> None:
    tenant = make_tenant(seats=None)
    make_march(tenant, table_name="=cmd()")
    answer = signed_in(tenant).get(f"{MARCH}lines.csv")

    text = answer.content.decode("utf-8")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{tenant.slug}-2026-03.csv"'
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 1 + 3
    assert rows[1][6] == "2"
    assert sum(Decimal(row[6]) for row in rows[1:]) == Decimal("4.001435")
    assert not any(value.startswith(("=", "+", "@")) for row in rows for value in row)


@pytest.mark.nodb
@pytest.mark.parametrize(
    ("value", "written"),
    [("=1+1", "'=1+1"), ("+8675", "'+8675"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("王", "王"),
     (Decimal("-1.500000"), "-1.5"), (Decimal(100), "100")],
)  # fmt: skip
def test_text_is_escaped_and_numbers_are_not(value: str | Decimal, written: str) -> None:
    """grafana#17363: formulas in CSV, and a fix that broke negative numbers."""
    assert cell(value) == written


def test_the_page_is_for_administrators_of_that_tenant() -> None:
    tenant, other = make_tenant(seats=None), make_tenant()
    make_march(tenant)

    assert signed_in(tenant, role=Role.SUPERVISOR).get(MARCH).status_code == 403
    assert Client().get(MARCH).status_code == 302
    assert "Nothing was used in this month." in signed_in(other).get(MARCH).content.decode()
    assert signed_in(tenant).get("/statement/2026-13/").status_code == 404
