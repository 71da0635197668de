"""Whatever was charged and corrected, every sum that is told is the sum of the lines, to the last place."""

import csv
import datetime as dt
import io
import re
from collections import defaultdict
from datetime import UTC
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing.models import UsageLine
from billing.services.accrual import accrue_leases
from billing.services.corrections import correct_line
from billing.services.leasing import lease_seats
from billing.services.rating import rate_unrated
from billing.services.rerating import carry_out_rerating, order_rerating
from tenants.public import Tenant, tenant_scope
from tests.api import Api, program, signed_in
from tests.billing.rows import add_price, change_prices, lines_of, make_table
from tests.contact_rows import make_contact
from tests.factories import ACTOR, make_tenant

# Each example lives through a month in the database: a failing one is told as it is, not made smaller for minutes.
LIVED = settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
FIRST = dt.datetime(2026, 2, 26, tzinfo=UTC)
prices = st.decimals(min_value=0, max_value=1000, places=6)
steps = st.sampled_from([(1, 1), (6, 6), (60, 60), (60, 6), (30, 1)])
minutes = st.integers(0, 36 * 24 * 60).map(lambda after: FIRST + dt.timedelta(minutes=after))
calls = st.tuples(minutes, st.integers(0, 400_000))


@st.composite
def stories(draw: Any) -> dict[str, Any]:
    """What happens to a tenant: a price, calls, a lease, corrections by hand, a tariff put right."""
    return {
        "price": draw(prices),
        "fee": draw(prices),
        "minimum": draw(prices),
        "steps": draw(steps),
        "calls": draw(st.lists(calls, min_size=1, max_size=6)),
        "rent": draw(prices),
        "corrections": draw(st.lists(st.tuples(st.integers(0, 50), prices), max_size=4)),
        "new_price": draw(prices),
    }


def live_through(story: dict[str, Any]) -> Tenant:
    tenant = make_tenant(time_zone="Asia/Shanghai", seats=None)
    initial, increment = story["steps"]
    add_price(
        make_table(tenant), "", str(story["price"]), connection_fee=story["fee"], minimum_charge=story["minimum"],
        initial_seconds=initial, increment_seconds=increment,
    )  # fmt: skip
    for at, metered_ms in story["calls"]:
        make_contact(tenant, at=at, metered_ms=metered_ms)
    lease_seats(
        tenant_id=tenant.id, seats=3, price_per_month=story["rent"], first_day=dt.date(2026, 3, 30),
        last_day=dt.date(2026, 4, 2), actor=ACTOR,
    )  # fmt: skip
    accrue_leases(tenant_id=tenant.id)
    rate_unrated(tenant_id=tenant.id, everything=True)
    originals = [line for line in lines_of(tenant) if line.corrects_id is None]
    wanted = {originals[index % len(originals)].id: amount for index, amount in story["corrections"]}
    for line in originals:
        if line.id in wanted and wanted[line.id] != line.amount:
            correct_line(tenant_id=tenant.id, line_id=line.id, amount=wanted[line.id], reason="because", actor=ACTOR)
    change_prices(tenant, str(story["new_price"]))
    order = order_rerating(
        tenant_id=tenant.id, first_day=dt.date(2026, 1, 1), last_day=dt.date(2026, 12, 31), reason="tariff", actor=ACTOR
    )
    carry_out_rerating(tenant_id=tenant.id, rerating_id=order.id)
    return tenant


def by_month(lines: list[UsageLine]) -> dict[str, Fraction]:
    """The oracle: plain fractions of the lines as they stand in the table."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for line in lines:
        sums[line.occurred_on.strftime("%Y-%m")] += Fraction(line.amount)
    return dict(sums)


def of_sheet(browser: Api, month: str) -> Fraction:
    text = browser.get(f"/statement/{month}/lines.csv").content.decode().removeprefix("\ufeff")
    return sum((Fraction(row["Amount"]) for row in csv.DictReader(io.StringIO(text))), Fraction(0))


def of_page(browser: Api, month: str) -> Fraction:
    page = browser.get(f"/statement/{month}/").content.decode()
    found = re.search(r"Exact sum</td><td></td><td class=\"is-number\">(-?[0-9.]+) EUR", page)
    assert found
    return Fraction(found[1])


def of_lines(api: Api, month: str) -> Fraction:
    return sum((Fraction(line["amount"]) for line in _all(api, f"usage-lines/?month={month}")), Fraction(0))


def of_days(api: Api, month: str) -> Fraction:
    days = api.read(f"statements/{month}/days/").json()["results"]
    for day in days:
        of_day = _all(api, f"usage-lines/?day={day['day']}")
        assert sum((Fraction(line["amount"]) for line in of_day), Fraction(0)) == Fraction(day["amount"])
    return sum((Fraction(day["amount"]) for day in days), Fraction(0))


def _all(api: Api, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.read(f"{path}&page_size=200").json()["results"]
    return rows


@LIVED
@given(story=stories())
def test_page_sheet_api_days_and_months_all_tell_the_sum_of_the_lines(story: dict[str, Any]) -> None:
    tenant = live_through(story)
    browser, api = signed_in(tenant), program(tenant)
    months = by_month(lines_of(tenant))
    told = {each["month"]: each for each in api.read("statements/").json()["results"]}

    assert told.keys() == months.keys()
    for month, exact in months.items():
        (total,) = told[month]["totals"]
        parts = [*total["kinds"], total["corrections"]]
        assert Fraction(total["exact"]) == exact == sum(Fraction(part["amount"]) for part in parts)
        assert abs(Fraction(total["total"]) - exact) <= Fraction(1, 200)
        assert [of_page(browser, month), of_sheet(browser, month), of_lines(api, month), of_days(api, month)] == [
            exact
        ] * 4


@LIVED
@given(story=stories())
def test_every_line_with_its_corrections_comes_to_what_a_person_said_or_the_tariff_says(story: dict[str, Any]) -> None:
    tenant = live_through(story)
    lines = lines_of(tenant)

    for line in lines:
        own = [each for each in lines if each.corrects_id == line.id]
        if own:
            assert line.amount + sum(each.amount for each in own) == Decimal(own[-1].explanation["right"])
            assert sum(each.explanation["rule"] == "corrected" for each in own) <= 1
        if any(each.explanation["rule"] == "corrected" for each in own):
            assert len(own) == 1
    with tenant_scope(tenant.id, read_only=True):
        assert UsageLine.objects.filter(corrects__corrects__isnull=False).count() == 0
