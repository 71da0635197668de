"""Everything that rating some contacts needs to know, read at once; and the decision, which reads nothing more."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.errors import UnratedReason
from billing.models import Rate, RateTable, UsageLine
from billing.models.usage import contact_key
from billing.pricing import candidate_prefixes, charge, longest_prefix, whole_seconds
from routing.public import Contact, far_numbers
from tenants.public import Tenant


@dataclass(frozen=True, slots=True)
class Unrated:
    """A contact that cannot be rated now, and why."""

    contact_id: UUID
    reason: UnratedReason


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The tenant, its rate tables, the rates that could apply and the far ends' numbers, for one set of contacts."""

    tenant: Tenant
    tables: Sequence[RateTable]
    rates: dict[UUID, dict[str, Rate]]
    numbers: dict[UUID, str]

    def price(self, contact: Contact) -> UsageLine | Unrated:
        """Decide what an ended contact costs. The line is not saved."""
        metered_ms = contact.metered_ms
        if metered_ms is None:
            return Unrated(contact.id, UnratedReason.NOT_METERED)
        if free := self._why_free(contact):
            return self._line(
                contact,
                seconds=whole_seconds(metered_ms),
                unit_price=Decimal(0),
                amount=Decimal(0),
                currency=self.tenant.currency,
                explanation={"rule": free},
            )
        return self._priced(contact, metered_ms)

    def _why_free(self, contact: Contact) -> str:
        if self.tenant.is_provider:
            return "own"
        if contact.is_test:
            return "test"
        return "unanswered" if contact.metered_ms == 0 else ""

    def _priced(self, contact: Contact, metered_ms: int) -> UsageLine | Unrated:
        table = self._table(contact)
        if table is None:
            return Unrated(contact.id, UnratedReason.NO_RATE_TABLE)
        rate = longest_prefix(self.numbers[contact.id], self.rates[table.id])
        if rate is None:
            return Unrated(contact.id, UnratedReason.NO_RATE)
        return self._charged(contact, metered_ms, table, rate)

    def _day(self, contact: Contact) -> dt.date:
        return contact.arrived_at.astimezone(self.tenant.zone).date()

    def _table(self, contact: Contact) -> RateTable | None:
        day = self._day(contact)
        return next(
            (
                table
                for table in self.tables
                if table.direction == contact.direction
                and table.first_day <= day
                and (table.last_day is None or day <= table.last_day)
            ),
            None,
        )

    def _line(
        self,
        contact: Contact,
        *,
        seconds: int,
        unit_price: Decimal,
        amount: Decimal,
        currency: str,
        explanation: dict[str, Any],
    ) -> UsageLine:
        return UsageLine(
            key=contact_key(contact.id),
            kind=UsageLine.Kind.MINUTES,
            contact=contact,
            occurred_on=self._day(contact),
            quantity=Decimal(seconds),
            unit=UsageLine.Unit.SECOND,
            unit_price=unit_price,
            amount=amount,
            currency=currency,
            explanation={"metered_ms": contact.metered_ms, "direction": contact.direction, **explanation},
        )

    def _charged(self, contact: Contact, metered_ms: int, table: RateTable, rate: Rate) -> UsageLine:
        cost = charge(
            metered_ms,
            price_per_minute=rate.price_per_minute,
            connection_fee=rate.connection_fee,
            initial=rate.initial_seconds,
            increment=rate.increment_seconds,
        )
        return self._line(
            contact,
            seconds=cost.seconds,
            unit_price=rate.price_per_minute,
            amount=cost.amount,
            currency=table.currency,
            explanation={
                "rule": "minutes",
                "table_id": str(table.id),
                "table": table.name,
                "prefix": rate.prefix,
                "hidden": self.numbers[contact.id] == "",
                "connection_fee": str(rate.connection_fee),
                "initial_seconds": rate.initial_seconds,
                "increment_seconds": rate.increment_seconds,
            },
        )


def open_price_book(contacts: Sequence[Contact], *, tenant_id: UUID) -> PriceBook:
    """Read what rating these contacts needs, inside the open tenant scope: four queries, however many they are."""
    numbers = far_numbers(contacts)
    prefixes = {prefix for number in numbers.values() for prefix in candidate_prefixes(number)}
    rates: dict[UUID, dict[str, Rate]] = defaultdict(dict)
    for rate in Rate.objects.filter(prefix__in=prefixes):
        rates[rate.table_id][rate.prefix] = rate
    return PriceBook(
        tenant=Tenant.objects.get(id=tenant_id),
        tables=list(RateTable.objects.all()),
        rates=rates,
        numbers=numbers,
    )
