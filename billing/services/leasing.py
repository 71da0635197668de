"""Leasing seats and numbers, and the entitlements that lower apps read."""

import datetime as dt
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q, Sum
from django.utils.translation import gettext as _

from billing.locks import lock_leases
from billing.models import NumberLease, SeatLease, UsageLine
from billing.models.leases import LeasedThing
from tenants.public import (
    Conflict,
    Entitlement,
    Invalid,
    NotFound,
    Number,
    Tenant,
    db_now,
    record_once,
    tenant_scope,
)

L = TypeVar("L", SeatLease, NumberLease)


def lease_seats(
    *,
    tenant_id: UUID,
    seats: int,
    price_per_month: Decimal,
    first_day: dt.date,
    last_day: dt.date | None = None,
    currency: str | None = None,
    actor: str,
) -> SeatLease:
    """Lease `seats` seats from `first_day` to `last_day` (both the tenant's days, both paid) and raise the entitlement.

    `price_per_month` is for one seat; the currency is the tenant's unless given. Raises Invalid.
    """
    with tenant_scope(tenant_id, actor=actor):
        lock_leases()
        tenant = Tenant.objects.get(id=tenant_id)
        lease = SeatLease(
            seats=seats,
            price_per_month=price_per_month,
            first_day=first_day,
            last_day=last_day,
            currency=currency or tenant.currency,
        )
        return _begin(lease, tenant, UsageLine.Kind.SEAT)


def lease_number(
    *,
    tenant_id: UUID,
    number_id: UUID,
    price_per_month: Decimal,
    first_day: dt.date,
    last_day: dt.date | None = None,
    currency: str | None = None,
    actor: str,
) -> NumberLease:
    """Charge the tenant rent for one of its numbers from `first_day` to `last_day` (both paid).

    Raises NotFound when the number is not the tenant's, Invalid when it is leased on some of these days already.
    """
    with tenant_scope(tenant_id, actor=actor):
        lock_leases()
        tenant = Tenant.objects.get(id=tenant_id)
        if not Number.objects.filter(id=number_id).exists():
            raise NotFound(_("There is no such number."), number=str(number_id))
        lease = NumberLease(
            number_id=number_id,
            price_per_month=price_per_month,
            first_day=first_day,
            last_day=last_day,
            currency=currency or tenant.currency,
        )
        return _begin(lease, tenant, UsageLine.Kind.NUMBER)


def end_seat_lease(*, tenant_id: UUID, lease_id: UUID, last_day: dt.date, actor: str) -> SeatLease:
    """Let a seat lease end after `last_day`.

    Raises NotFound, Invalid (before its first day), Conflict (rent is charged for a later day).
    """
    with tenant_scope(tenant_id, actor=actor):
        lock_leases()
        lease = _end(SeatLease, lease_id, last_day)
        refresh_entitlements(Tenant.objects.get(id=tenant_id))
        return lease


def end_number_lease(*, tenant_id: UUID, lease_id: UUID, last_day: dt.date, actor: str) -> NumberLease:
    """Let a number's lease end after `last_day`. Raises as `end_seat_lease` does."""
    with tenant_scope(tenant_id, actor=actor):
        lock_leases()
        lease = _end(NumberLease, lease_id, last_day)
        refresh_entitlements(Tenant.objects.get(id=tenant_id))
        return lease


def refresh_entitlements(tenant: Tenant) -> None:
    """Set the tenant's entitlements to what is leased today, inside the open scope and under the lease lock.

    A tenant that never leased anything of a kind keeps the entitlement that it has.
    """
    today = db_now().astimezone(tenant.zone).date()
    now = Q(first_day__lte=today) & (Q(last_day__isnull=True) | Q(last_day__gte=today))
    seats = SeatLease.objects.aggregate(all=Count("id"), limit=Sum("seats", filter=now, default=0))
    numbers = NumberLease.objects.aggregate(all=Count("id"), limit=Count("id", filter=now))
    limits = {Entitlement.Kind.SEATS: seats, Entitlement.Kind.NUMBERS: numbers}
    Entitlement.objects.bulk_create(
        [Entitlement(kind=kind, limit=leased["limit"]) for kind, leased in limits.items() if leased["all"]],
        update_conflicts=True,
        unique_fields=["tenant", "kind"],
        update_fields=["limit"],
    )


def _begin(lease: L, tenant: Tenant, kind: UsageLine.Kind) -> L:
    try:
        lease.full_clean()
    except ValidationError as error:
        raise Invalid(_("The lease is not valid."), code="invalid-lease", errors=error.message_dict) from error
    lease.save(force_insert=True)
    refresh_entitlements(tenant)
    record_once(
        "lease.began",
        tenant_id=lease.tenant_id,
        kind=f"{kind}_lease",
        subject_id=lease.id,
        at=db_now(),
        first_day=lease.first_day.isoformat(),
    )
    return lease


def _end(model: type[L], lease_id: UUID, last_day: dt.date) -> L:
    lease: L | None = model.objects.filter(id=lease_id).first()
    if lease is None:
        raise NotFound(_("There is no such lease."), lease=str(lease_id))
    if last_day < lease.first_day:
        raise Invalid(
            _("The lease begins on %(first)s; it cannot end on %(last)s.")
            % {"first": lease.first_day, "last": last_day},
            code="ends-before-it-begins",
            first_day=lease.first_day.isoformat(),
        )
    paid_to = accrued_to(lease)
    if paid_to is not None and last_day < paid_to:
        raise Conflict(
            _("Rent is already charged up to %(charged)s; the lease cannot end on %(last)s.")
            % {"charged": paid_to, "last": last_day},
            code="already-charged",
            charged_to=paid_to.isoformat(),
        )
    lease.last_day = last_day
    lease.full_clean()
    lease.save(update_fields=["last_day"])
    return lease


def accrued_to(lease: LeasedThing) -> dt.date | None:
    """Return the last day of the lease that has a usage line, inside the open scope."""
    column = "seat_lease" if isinstance(lease, SeatLease) else "number_lease"
    lines = UsageLine.objects.filter(corrects__isnull=True, **{column: lease})
    day: dt.date | None = lines.aggregate(to=Max("occurred_on"))["to"]
    return day
