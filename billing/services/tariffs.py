"""Rate tables and rates: added from a day on, ended after a day, replaced from a day on, put right.

No usage line changes by any of it. What was rated by a wrong price is put right by a re-rating, which writes
corrections. Every write happens under the tenant's lock of tariffs, so that what overlaps is told by name; the
database's constraints hold without it too.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypedDict, TypeVar, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from billing.locks import lock_tariffs
from billing.models import Rate, RateTable
from routing.public import Direction
from tenants.public import Conflict, Invalid, NotFound, Tenant, writing

Dated = TypeVar("Dated", RateTable, Rate)
ONE_DAY = dt.timedelta(days=1)


class TableTerms(TypedDict, total=False):
    """What can be said of a rate table. The currency is the tenant's."""

    name: str
    direction: str
    currency: str
    first_day: dt.date
    last_day: dt.date | None


class RatePrices(TypedDict, total=False):
    """What calls cost. Prices in the table's currency, per minute and for each call; steps in seconds."""

    price_per_minute: Decimal
    connection_fee: Decimal
    minimum_charge: Decimal
    initial_seconds: int
    increment_seconds: int


class RateTerms(RatePrices, total=False):
    """What can be said of a rate: what calls cost, to or from which numbers, on which days."""

    prefix: str
    first_day: dt.date | None
    last_day: dt.date | None


def add_table(*, tenant_id: UUID, actor: str, **terms: Unpack[TableTerms]) -> RateTable:
    """Add a rate table from its `first_day` on (the tenant's days; both included).

    Raises Invalid, also for a currency that is not the tenant's; Conflict (code "overlaps") when another table of the
    direction is in force on some of its days.
    """
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        table = RateTable(**{"direction": Direction.INBOUND, "currency": _currency(tenant_id), **terms})
        return _save_table(table)


def change_table(*, tenant_id: UUID, table_id: UUID, actor: str, **terms: Unpack[TableTerms]) -> RateTable:
    """Put a rate table right. Raises NotFound, and as `add_table` does."""
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        table = _find(RateTable.objects.all(), table_id)
        _set(table, terms)
        return _save_table(table)


def end_table(*, tenant_id: UUID, table_id: UUID, last_day: dt.date, actor: str) -> RateTable:
    """Let a rate table count up to `last_day`. Raises NotFound, Invalid (before its first day)."""
    return change_table(tenant_id=tenant_id, table_id=table_id, last_day=last_day, actor=actor)


def remove_table(*, tenant_id: UUID, table_id: UUID, actor: str) -> None:
    """Remove a rate table and its rates; usage lines keep their prices. Raises NotFound."""
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        _find(RateTable.objects.all(), table_id).delete()


def add_rate(*, tenant_id: UUID, table_id: UUID, actor: str, **terms: Unpack[RateTerms]) -> Rate:
    """Add the price of a prefix to a table, for the table's days or fewer of them.

    Raises NotFound, Invalid; Conflict (code "overlaps") when the prefix has another price there on some of the days. A
    longer or shorter prefix is no conflict: the longest that is in force decides.
    """
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        return _save_rate(Rate(table=_find(RateTable.objects.all(), table_id), **terms))


def change_rate(*, tenant_id: UUID, rate_id: UUID, actor: str, **terms: Unpack[RateTerms]) -> Rate:
    """Put a rate right, for all of its days. For a new price from a day on, use `replace_rate`.

    Raises NotFound, and as `add_rate` does.
    """
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        rate = _find(Rate.objects.select_related("table"), rate_id)
        _set(rate, terms)
        return _save_rate(rate)


def end_rate(*, tenant_id: UUID, rate_id: UUID, last_day: dt.date, actor: str) -> Rate:
    """Let a rate count up to `last_day`. Raises NotFound, Invalid (before its first day)."""
    return change_rate(tenant_id=tenant_id, rate_id=rate_id, last_day=last_day, actor=actor)


def replace_rate(
    *, tenant_id: UUID, rate_id: UUID, first_day: dt.date, actor: str, **prices: Unpack[RatePrices]
) -> Rate:
    """Give a rate's prefix new terms from `first_day` on: the old rate ends the day before. Return the new one.

    Prices and steps that are not given stay as they are. Both or neither is written. Raises NotFound; Invalid for a day
    on which the old rate does not count, or its very first (`change_rate` puts that right).
    """
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        old = _find(Rate.objects.select_related("table"), rate_id)
        began, ends = first_day_of(old), old.last_day or old.table.last_day
        if first_day <= began or (ends is not None and first_day > ends):
            days = {"first": began, "last": ends or "…"}
            raise Invalid(
                _("The present price counts from %(first)s to %(last)s; a new one can begin on a later of these days.")
                % days,
                code="invalid-rate",
                errors={"first_day": [_("Choose a day after %(first)s, until %(last)s.") % days]},
            )
        new = Rate(table=old.table, prefix=old.prefix, first_day=first_day, last_day=old.last_day)
        _set(new, {name: getattr(old, name) for name in RatePrices.__annotations__} | prices)
        old.last_day = first_day - ONE_DAY
        _save_rate(old)
        return _save_rate(new)


def remove_rate(*, tenant_id: UUID, rate_id: UUID, actor: str) -> None:
    """Remove a rate as if it had never been; usage lines keep their prices. Raises NotFound."""
    with writing(tenant_id, actor=actor):
        lock_tariffs()
        _find(Rate.objects.all(), rate_id).delete()


def first_day_of(rate: Rate) -> dt.date:
    """The first day on which a rate counts; its table is read already."""
    table: RateTable = rate.table
    return max(table.first_day, rate.first_day or table.first_day)


def _currency(tenant_id: UUID) -> str:
    currency: str = Tenant.objects.get(id=tenant_id).currency
    return currency


def _find(rows: QuerySet[Dated], row_id: UUID) -> Dated:
    row = rows.filter(id=row_id).first()
    if row is None:
        raise NotFound(_("There is no such price."), id=str(row_id))
    return row


def _set(row: RateTable | Rate, terms: Mapping[str, Any]) -> None:
    for name, value in terms.items():
        setattr(row, name, value)


def _save_table(table: RateTable) -> RateTable:
    errors = _field_errors(table)
    currency = _currency(table.tenant_id)
    if table.currency != currency and "currency" not in errors:
        errors["currency"] = [
            _("This enterprise is charged in %(currency)s, not in %(wrong)s.")
            % {"currency": currency, "wrong": table.currency}
        ]
    if errors:
        raise Invalid(_("The rate table is not valid."), code="invalid-rate-table", errors=errors)
    others = RateTable.objects.filter(direction=table.direction)
    _refuse_overlap(table, others)
    table.save()
    return table


def _save_rate(rate: Rate) -> Rate:
    errors, table = _field_errors(rate), rate.table
    first, last = first_day_of(rate), min(day for day in (rate.last_day, table.last_day, dt.date.max) if day)
    if not errors and last < first:
        errors["first_day"] = [
            _("The table counts from %(first)s to %(last)s only.")
            % {"first": table.first_day, "last": table.last_day or "…"}
        ]
    if errors:
        raise Invalid(_("The rate is not valid."), code="invalid-rate", errors=errors)
    others = Rate.objects.filter(table=table, prefix=rate.prefix)
    _refuse_overlap(rate, others)
    rate.save()
    return rate


def _field_errors(row: RateTable | Rate) -> dict[str, list[str]]:
    """What is wrong with each field by itself, and with two days that are the wrong way round."""
    try:
        row.clean_fields()
    except ValidationError as error:
        return dict(error.message_dict)
    if row.first_day is not None and row.last_day is not None and row.last_day < row.first_day:
        return {"last_day": [_("The last day is before the first.")]}
    return {}


def _refuse_overlap(row: Dated, others: QuerySet[Dated]) -> None:
    """Raise Conflict, naming the first other row that shares a day with this one."""
    if row.last_day is not None:
        others = others.filter(Q(first_day__isnull=True) | Q(first_day__lte=row.last_day))
    if row.first_day is not None:
        others = others.filter(Q(last_day__isnull=True) | Q(last_day__gte=row.first_day))
    other = others.exclude(id=row.id).order_by("first_day").first()
    if other is None:
        return
    first, last = (day.isoformat() if day else None for day in (other.first_day, other.last_day))
    days = {"what": str(other), "first": first or "…", "last": last or "…"}
    clash = _("%(what)s counts from %(first)s to %(last)s already: end that first, or begin later.") % days
    raise Conflict(
        _("Another price counts on some of these days. %(clash)s") % {"clash": clash},
        code="overlaps",
        errors={"first_day": [clash]},
        other=str(other.id),
        first_day=first,
        last_day=last,
    )
