"""Reading what is owed. Every function works inside the caller's open tenant scope."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.errors import UnratedReason
from billing.facts import Fact
from billing.models import RateTable, UsageLine
from billing.months import Month
from billing.pricebook import Unrated, open_price_book
from billing.pricing import round_total, sum_exactly


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
class Corrections:
    """What the corrections that were made in a month come to in one currency, whatever they correct."""

    lines: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """One currency's part of a statement. `total` is the exact sum, rounded to two places once."""

    currency: str
    kinds: Sequence[KindTotal]
    corrections: Corrections

    @property
    def exact(self) -> Decimal:
        return sum_exactly([*(kind.amount for kind in self.kinds), self.corrections.amount])

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
        .values("currency", "kind", corrects_a_line=_CORRECTS, month=TruncMonth("occurred_on"))
        .annotate(lines=Count("id"), quantity_sum=Sum("quantity"), amount_sum=Sum("amount"))
    )
    months: dict[Month, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in sums:
        months[Month.of(row["month"])][row["currency"]].append(row)
    return {
        month: Statement(
            tenant_id, month, [_currency_total(currency, rows) for currency, rows in sorted(currencies.items())]
        )
        for month, currencies in months.items()
    }


_CORRECTS = ExpressionWrapper(Q(corrects__isnull=False), output_field=BooleanField())


def _currency_total(currency: str, rows: Sequence[Any]) -> CurrencyTotal:
    order = UsageLine.Kind.values
    kinds = [
        KindTotal(row["kind"], row["lines"], row["quantity_sum"], row["amount_sum"])
        for row in rows
        if not row["corrects_a_line"]
    ]
    corrections = [row for row in rows if row["corrects_a_line"]]
    return CurrencyTotal(
        currency,
        sorted(kinds, key=lambda each: order.index(each.kind)),
        Corrections(sum(row["lines"] for row in corrections), sum_exactly(row["amount_sum"] for row in corrections)),
    )


@dataclass(frozen=True, slots=True)
class DayTotal:
    """What a day's lines add up to exactly, in one currency; corrections count on the day of their making."""

    day: dt.date
    currency: str
    lines: int
    amount: Decimal


def day_totals(month: Month) -> list[DayTotal]:
    """The month's days with usage, the oldest first: one query."""
    sums = usage_lines(month).order_by().values("occurred_on", "currency")
    rows = sums.annotate(lines=Count("id"), amount_sum=Sum("amount")).order_by("occurred_on", "currency")
    return [DayTotal(row["occurred_on"], row["currency"], row["lines"], row["amount_sum"]) for row in rows]


def shown_lines(month: Month) -> QuerySet[UsageLine]:
    """The lines that a statement shows one by one, the newest first: minutes and corrections. Rent is told by lease."""
    one_by_one = Q(kind=UsageLine.Kind.MINUTES) | Q(corrects__isnull=False)
    return usage_lines(month).filter(one_by_one).order_by("-occurred_on", "-id")


def tables_with_rates() -> list[RateTable]:
    """The tenant's rate tables with their `rates`, the newest of each direction first: two queries."""
    return list(RateTable.objects.prefetch_related("rates"))


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
    lines = usage_lines(month).filter(corrects__isnull=True).exclude(kind=UsageLine.Kind.MINUTES)
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


def explain_unrated(tenant_id: UUID, facts: Sequence[Fact]) -> list[Unrated]:
    """Say for each of these facts, which have no line, why: three queries, however many they are."""
    book = open_price_book(facts, tenant_id=tenant_id)
    outcomes = [(fact, book.price(fact)) for fact in facts]
    return [
        outcome
        if isinstance(outcome, Unrated)
        else Unrated(fact.contact_id, UnratedReason.WAITING, fact.outbound_call_id)
        for fact, outcome in outcomes
    ]
