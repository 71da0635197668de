"""Making what an enterprise pays for: seats, numbers, minutes."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from billing.models import NumberLease, Rate, RateTable, SeatLease
from billing.services.leasing import lease_number, lease_seats
from config.demo.plan import EnterprisePlan
from config.demo.staff import ACTOR
from routing.public import Direction
from tenants.public import Number, Tenant, db_now, tenant_scope

SPARE_SEATS = 2
TABLE_NAMES = {Direction.INBOUND: "Inbound", Direction.OUTBOUND: "Outbound"}


def make_money(tenant_id: UUID, plan: EnterprisePlan) -> None:
    """Lease seats and numbers from the first of this month, and set the prices of minutes, where there are none."""
    with tenant_scope(tenant_id, actor=ACTOR):
        first_day = _month_begins(Tenant.objects.get(id=tenant_id))
        _make_rates(plan, first_day)
        has_seats = SeatLease.objects.exists()
        unleased = Number.objects.exclude(id__in=NumberLease.objects.values("number_id")).values_list("id", flat=True)
        numbers = list(unleased)
    if not has_seats:
        lease_seats(
            tenant_id=tenant_id,
            seats=len(plan.agents) + SPARE_SEATS,
            price_per_month=plan.seat_price,
            first_day=first_day,
            actor=ACTOR,
        )
    for number_id in numbers:
        lease_number(
            tenant_id=tenant_id,
            number_id=number_id,
            price_per_month=plan.number_price,
            first_day=first_day,
            actor=ACTOR,
        )


def _month_begins(tenant: Tenant) -> dt.date:
    return db_now().astimezone(tenant.zone).date().replace(day=1)


def _make_rates(plan: EnterprisePlan, first_day: dt.date) -> None:
    """One table a direction, with the same prices: what backup routes dial is charged by the number dialled."""
    for direction, name in TABLE_NAMES.items():
        if RateTable.objects.filter(direction=direction).exists():
            continue
        table = RateTable.objects.create(name=name, direction=direction, currency=plan.currency, first_day=first_day)
        Rate.objects.bulk_create(
            Rate(
                table=table,
                prefix=rate.prefix,
                price_per_minute=rate.price_per_minute,
                increment_seconds=rate.increment_seconds,
                initial_seconds=rate.increment_seconds,
            )
            for rate in plan.rates
        )
