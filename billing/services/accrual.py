"""Rent: one usage line for each day of each lease, so that no line ever has to be changed."""

import datetime as dt
from collections.abc import Iterator
from uuid import UUID

from django.db.models import Max, Q

from billing.locks import lock_leases
from billing.models import NumberLease, SeatLease, UsageLine
from billing.models.leases import LeasedThing
from billing.models.usage import rent_key
from billing.pricing import RentDay, rent_of_day
from billing.services.leasing import refresh_entitlements
from tenants.public import Invalid, Tenant, db_now, tenant_scope

BATCH = 500
CHARGED_TO = Max("usageline__occurred_on", filter=Q(usageline__corrects__isnull=True))
"""The last day of a lease that has a line of rent; corrections stand on the day of their making."""


def accrue_leases(*, tenant_id: UUID, day: dt.date | None = None) -> int:
    """Write the rent of every lease up to `day`, missed days included; return the number of lines written.

    `day` is the tenant's local day, by default its present one. Doing it again, or twice at once, changes nothing.
    Also sets the entitlements to what is leased today. Raises Invalid for a day that has not begun there.
    """
    with tenant_scope(tenant_id):
        lock_leases()
        tenant = Tenant.objects.get(id=tenant_id)
        today = db_now().astimezone(tenant.zone).date()
        if day is not None and day > today:
            raise Invalid(
                f"{day} has not begun in the tenant's time zone; rent is charged up to {today}.",
                code="day-not-begun",
                today=today.isoformat(),
            )
        lines = [*_seat_lines(day or today), *_number_lines(day or today)]
        UsageLine.objects.bulk_create(lines, ignore_conflicts=True, batch_size=BATCH)
        refresh_entitlements(tenant)
        return len(lines)


def _seat_lines(to: dt.date) -> Iterator[UsageLine]:
    kind = UsageLine.Kind.SEAT
    leases = SeatLease.objects.filter(first_day__lte=to).annotate(charged_to=CHARGED_TO)
    for lease in leases:
        for rent in _days_due(lease, lease.charged_to, to=to, units=lease.seats):
            yield UsageLine(
                key=rent_key(kind, lease.id, rent.day),
                kind=kind,
                seat_lease=lease,
                occurred_on=rent.day,
                quantity=lease.seats,
                unit=UsageLine.Unit.SEAT_DAY,
                unit_price=lease.price_per_month,
                amount=rent.amount,
                currency=lease.currency,
                explanation={"rule": "seats", "nth": rent.nth, "days": rent.days, "seats": lease.seats},
            )


def _number_lines(to: dt.date) -> Iterator[UsageLine]:
    kind = UsageLine.Kind.NUMBER
    leases = NumberLease.objects.filter(first_day__lte=to).annotate(charged_to=CHARGED_TO)
    for lease in leases.select_related("number"):
        for rent in _days_due(lease, lease.charged_to, to=to, units=1):
            yield UsageLine(
                key=rent_key(kind, lease.id, rent.day),
                kind=kind,
                number_lease=lease,
                occurred_on=rent.day,
                quantity=1,
                unit=UsageLine.Unit.NUMBER_DAY,
                unit_price=lease.price_per_month,
                amount=rent.amount,
                currency=lease.currency,
                explanation={"rule": "number", "nth": rent.nth, "days": rent.days, "number": lease.number.e164},
            )


def _days_due(lease: LeasedThing, charged_to: dt.date | None, *, to: dt.date, units: int) -> Iterator[RentDay]:
    """The days of the lease that have no line yet, up to `to`. Lines are written in order, so there are no gaps."""
    day = lease.first_day if charged_to is None else charged_to + dt.timedelta(days=1)
    last = to if lease.last_day is None else min(to, lease.last_day)
    while day <= last:
        yield rent_of_day(units * lease.price_per_month, first_day=lease.first_day, day=day)
        day += dt.timedelta(days=1)
