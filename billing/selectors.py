"""Reading what is owed. Every function works inside the caller's open tenant scope."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Max, Min, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.errors import UnratedReason
from billing.models import UsageLine
from billing.months import Month
from billing.pricebook import Unrated, open_price_book
from billing.pricing import round_total, sum_exactly
from billing.services.rating import contacts_without_line
from routing.public import Contact


@dataclass(frozen=True, slots=True)
class KindTotal:
    """What one kind of usage comes to in one currency: the exact sum of its lines."""

    kind: str
    lines: int
    quantity: Decimal
    amount: Decimal

    @property
    def label(self) -> str:
        """The kind's name in the active language."""
        return str(UsageLine.Kind(self.kind).label)


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """One currency's part of a statement. `total` is the exact sum, rounded to two places once."""

    currency: str
    kinds: Sequence[KindTotal]

    @property
    def exact(self) -> Decimal:
        return sum_exactly(kind.amount for kind in self.kinds)

    @property
    def total(self) -> Decimal:
        return round_total(self.exact)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a tenant owes for one of its calendar months. A draft: it grows while the month's usage is rated."""

    tenant_id: UUID
    month: Month
    totals: Sequence[CurrencyTotal]

    @property
    def id(self) -> str:
        """Stable: the tenant and the month."""
        return f"{self.tenant_id}.{self.month}"

    def lines(self) -> QuerySet[UsageLine]:
        """The usage lines behind the totals, the oldest day first."""
        return usage_lines(self.month)


def usage_lines(month: Month | None = None) -> QuerySet[UsageLine]:
    """The tenant's usage lines, of one month or all, the oldest day first."""
    lines: QuerySet[UsageLine] = UsageLine.objects.order_by("occurred_on", "id")
    if month is None:
        return lines
    return lines.filter(occurred_on__range=(month.first_day, month.last_day))


def statement(tenant_id: UUID, month: Month) -> Statement:
    """The tenant's statement of a month, empty if nothing was used: one query, summed exactly by the database."""
    return _statements(tenant_id, usage_lines(month)).get(month) or Statement(tenant_id, month, ())


def statements(tenant_id: UUID) -> list[Statement]:
    """The tenant's statements of all months with usage, the newest first: one query."""
    return sorted(_statements(tenant_id, usage_lines()).values(), key=lambda each: each.month, reverse=True)


def _statements(tenant_id: UUID, lines: QuerySet[UsageLine]) -> dict[Month, Statement]:
    sums = (
        lines.order_by()
        .values("currency", "kind", month=TruncMonth("occurred_on"))
        .annotate(lines=Count("id"), quantity_sum=Sum("quantity"), amount_sum=Sum("amount"))
    )
    months: dict[Month, dict[str, list[KindTotal]]] = defaultdict(lambda: defaultdict(list))
    for row in sums:
        total = KindTotal(row["kind"], row["lines"], row["quantity_sum"], row["amount_sum"])
        months[Month.of(row["month"])][row["currency"]].append(total)
    order = UsageLine.Kind.values
    return {
        month: Statement(
            tenant_id,
            month,
            [
                CurrencyTotal(currency, sorted(kinds, key=lambda each: order.index(each.kind)))
                for currency, kinds in sorted(currencies.items())
            ],
        )
        for month, currencies in months.items()
    }


@dataclass(frozen=True, slots=True)
class RentRow:
    """A lease's rent within a month, its daily lines taken together for people to read."""

    kind: str
    seats: int | None
    number: str | None
    first_day: dt.date
    last_day: dt.date
    days: int
    unit_price: Decimal
    amount: Decimal
    currency: str


def rent_rows(month: Month) -> list[RentRow]:
    """The month's rent lease by lease: one query."""
    lines = usage_lines(month).exclude(kind=UsageLine.Kind.MINUTES)
    sums = (
        lines.values(
            "kind",
            "unit_price",
            "currency",
            seats=F("seat_lease__seats"),
            number=F("number_lease__number__e164"),
            lease=Coalesce("seat_lease_id", "number_lease_id"),
        )
        .annotate(first=Min("occurred_on"), last=Max("occurred_on"), days=Count("id"), amount_sum=Sum("amount"))
        .order_by("-kind", "first", "lease")
    )
    return [
        RentRow(
            kind=row["kind"],
            seats=row["seats"],
            number=row["number"],
            first_day=row["first"],
            last_day=row["last"],
            days=row["days"],
            unit_price=row["unit_price"],
            amount=row["amount_sum"],
            currency=row["currency"],
        )
        for row in sums
    ]


def explain_unrated(tenant_id: UUID, contacts: Sequence[Contact]) -> list[Unrated]:
    """Say for each of these contacts, which have ended without a line, why: five queries, however many they are."""
    book = open_price_book(contacts, tenant_id=tenant_id)
    outcomes = [(contact, book.price(contact)) for contact in contacts]
    return [
        outcome if isinstance(outcome, Unrated) else Unrated(contact.id, UnratedReason.WAITING)
        for contact, outcome in outcomes
    ]


def unrated() -> QuerySet[Contact]:
    """The ended contacts that have no usage line, the oldest first."""
    return contacts_without_line()
