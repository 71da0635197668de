"""Leases: rent by the day, entitlements, nothing charged twice."""

import datetime as dt
from datetime import UTC
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Sum

from billing.models import UsageLine
from billing.services import accrual
from billing.services.accrual import accrue_leases
from billing.services.leasing import end_number_lease, end_seat_lease, lease_number, lease_seats
from billing.tasks import accrue_all
from tenants.public import Conflict, Entitlement, Invalid, NotFound, Tenant, tenant_scope
from tests.factories import ACTOR, make_number, make_tenant
from tests.threads import at_once

ONE_DAY = dt.timedelta(days=1)


def today(tenant: Tenant) -> dt.date:
    return dt.datetime.now(tz=UTC).astimezone(tenant.zone).date()


def limit(tenant: Tenant, kind: str = "seats") -> int | None:
    with tenant_scope(tenant.id, read_only=True):
        row = Entitlement.objects.filter(kind=kind).first()
        return row.limit if row else None


def rent(tenant: Tenant) -> list[tuple[dt.date, Decimal]]:
    with tenant_scope(tenant.id, read_only=True):
        return list(UsageLine.objects.order_by("occurred_on").values_list("occurred_on", "amount"))


def test_seats_cost_their_month_to_the_last_place_and_nothing_twice() -> None:
    tenant = make_tenant(seats=None)
    lease_seats(
        tenant_id=tenant.id,
        seats=3,
        price_per_month=Decimal("99.99"),
        first_day=dt.date(2026, 1, 1),
        last_day=dt.date(2026, 2, 14),
        actor=ACTOR,
    )

    assert accrue_leases(tenant_id=tenant.id) == 45
    assert accrue_leases(tenant_id=tenant.id) == 0

    with tenant_scope(tenant.id, read_only=True):
        lines = UsageLine.objects.all()
        january = lines.filter(occurred_on__month=1).aggregate(sum=Sum("amount"))["sum"]
        february = lines.filter(occurred_on__month=2).aggregate(sum=Sum("amount"))["sum"]
        line = lines.get(occurred_on=dt.date(2026, 2, 14))
    assert january == Decimal("299.97")
    assert february == Decimal("149.985")
    assert (line.quantity, line.unit, line.unit_price) == (3, "seat_day", Decimal("99.99"))
    assert line.explanation == {"rule": "seats", "nth": 14, "days": 28, "seats": 3}


def test_rent_is_charged_day_by_day_and_days_missed_are_made_up() -> None:
    tenant = make_tenant(seats=None)
    begin = today(tenant) - 9 * ONE_DAY
    lease_seats(tenant_id=tenant.id, seats=1, price_per_month=Decimal(310), first_day=begin, actor=ACTOR)

    assert accrue_leases(tenant_id=tenant.id, day=begin) == 1
    assert accrue_leases(tenant_id=tenant.id, day=begin + 4 * ONE_DAY) == 4
    accrue_all()

    assert [day for day, _ in rent(tenant)] == [begin + n * ONE_DAY for n in range(10)]


def test_a_day_that_has_not_begun_where_the_tenant_is_is_refused() -> None:
    tenant = make_tenant(time_zone="Pacific/Kiritimati")

    accrue_leases(tenant_id=tenant.id, day=today(tenant))
    with pytest.raises(Invalid) as refused:
        accrue_leases(tenant_id=tenant.id, day=today(tenant) + ONE_DAY)

    assert refused.value.code == "day-not-begun"


def test_two_accruals_at_once_charge_once() -> None:
    tenant = make_tenant(seats=None)
    lease_seats(
        tenant_id=tenant.id, seats=1, price_per_month=Decimal(30), first_day=today(tenant) - 5 * ONE_DAY, actor=ACTOR
    )

    written = at_once([lambda: accrue_leases(tenant_id=tenant.id)] * 4)

    assert sorted(written) == [0, 0, 0, 6]
    assert len(rent(tenant)) == 6


def test_leases_add_up_to_the_entitlement_and_ending_one_lowers_it() -> None:
    tenant = make_tenant(seats=None)
    day = today(tenant)
    lease_seats(tenant_id=tenant.id, seats=5, price_per_month=Decimal(1), first_day=day - ONE_DAY, actor=ACTOR)
    extra = lease_seats(tenant_id=tenant.id, seats=2, price_per_month=Decimal(1), first_day=day - ONE_DAY, actor=ACTOR)
    lease_seats(tenant_id=tenant.id, seats=9, price_per_month=Decimal(1), first_day=day + ONE_DAY, actor=ACTOR)
    assert limit(tenant) == 7

    end_seat_lease(tenant_id=tenant.id, lease_id=extra.id, last_day=day - ONE_DAY, actor=ACTOR)

    assert limit(tenant) == 5


def test_an_entitlement_of_a_tenant_that_leases_nothing_is_left_alone() -> None:
    tenant = make_tenant(seats=4)

    accrue_leases(tenant_id=tenant.id)

    assert limit(tenant) == 4


def test_a_number_is_leased_once_at_a_time() -> None:
    tenant = make_tenant()
    number = make_number(tenant)
    day = today(tenant)
    lease = lease_number(
        tenant_id=tenant.id, number_id=number.id, price_per_month=Decimal(2), first_day=day, actor=ACTOR
    )
    assert limit(tenant, "numbers") == 1

    with pytest.raises(Invalid):
        lease_number(
            tenant_id=tenant.id, number_id=number.id, price_per_month=Decimal(2), first_day=day + ONE_DAY, actor=ACTOR
        )
    end_number_lease(tenant_id=tenant.id, lease_id=lease.id, last_day=day, actor=ACTOR)
    lease_number(
        tenant_id=tenant.id, number_id=number.id, price_per_month=Decimal(2), first_day=day + ONE_DAY, actor=ACTOR
    )
    accrue_leases(tenant_id=tenant.id)

    with tenant_scope(tenant.id, read_only=True):
        assert UsageLine.objects.get().explanation["number"] == number.e164


def test_a_lease_cannot_end_before_a_day_that_is_charged() -> None:
    tenant = make_tenant()
    day = today(tenant)
    lease = lease_seats(
        tenant_id=tenant.id, seats=1, price_per_month=Decimal(1), first_day=day - 3 * ONE_DAY, actor=ACTOR
    )
    accrue_leases(tenant_id=tenant.id)

    with pytest.raises(Conflict) as refused:
        end_seat_lease(tenant_id=tenant.id, lease_id=lease.id, last_day=day - ONE_DAY, actor=ACTOR)
    with pytest.raises(Invalid):
        end_seat_lease(tenant_id=tenant.id, lease_id=lease.id, last_day=day - 9 * ONE_DAY, actor=ACTOR)

    assert refused.value.data["charged_to"] == day.isoformat()


@pytest.mark.parametrize(
    "terms",
    [{"seats": 0}, {"price_per_month": Decimal(-1)}, {"price_per_month": Decimal("0.0000001")}, {"currency": "eu"}],
)
def test_terms_are_checked(terms: dict[str, Any]) -> None:
    tenant = make_tenant(seats=None)
    good: dict[str, Any] = {"seats": 1, "price_per_month": Decimal(1), "first_day": today(tenant)}

    with pytest.raises(Invalid):
        lease_seats(tenant_id=tenant.id, actor=ACTOR, **{**good, **terms})

    assert limit(tenant) is None


def test_what_is_another_tenants_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    number = make_number(other)
    lease = lease_seats(tenant_id=other.id, seats=1, price_per_month=Decimal(1), first_day=today(other), actor=ACTOR)

    with pytest.raises(NotFound):
        lease_number(
            tenant_id=tenant.id, number_id=number.id, price_per_month=Decimal(1), first_day=today(tenant), actor=ACTOR
        )
    with pytest.raises(NotFound):
        end_seat_lease(tenant_id=tenant.id, lease_id=lease.id, last_day=today(tenant), actor=ACTOR)
    with pytest.raises(NotFound):
        end_number_lease(tenant_id=tenant.id, lease_id=UUID(int=1), last_day=today(tenant), actor=ACTOR)


def test_one_tenants_failure_is_raised_after_the_others_were_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    tenants = [make_tenant(seats=None) for _ in range(3)]
    for tenant in tenants:
        lease_seats(tenant_id=tenant.id, seats=1, price_per_month=Decimal(1), first_day=today(tenant), actor=ACTOR)
    honest = accrual.accrue_leases

    def fail_for_the_second(*, tenant_id: UUID) -> int:
        if tenant_id == tenants[1].id:
            raise ValueError("a broken lease")
        return honest(tenant_id=tenant_id)

    monkeypatch.setattr(accrual, "accrue_leases", fail_for_the_second)

    with pytest.raises(ExceptionGroup) as failed:
        accrue_all()

    (failure,) = failed.value.exceptions
    assert failure.__notes__ == [f"tenant {tenants[1].id}"]
    assert [len(rent(tenant)) for tenant in tenants] == [1, 0, 1]
