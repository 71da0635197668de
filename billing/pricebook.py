"""Everything that rating some facts needs to know, read at once; and the decision, which reads nothing more."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.errors import UnratedReason
from billing.facts import Fact
from billing.models import Rate, RateTable, UsageLine
from billing.pricing import candidate_prefixes, charge, longest_prefix, whole_seconds
from tenants.public import Tenant


@dataclass(frozen=True, slots=True)
class Unrated:
    """A fact that cannot be rated now, and why."""

    contact_id: UUID
    reason: UnratedReason
    outbound_call_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The tenant, its rate tables and the rates that could apply, for one set of facts."""

    tenant: Tenant
    tables: Sequence[RateTable]
    rates: dict[UUID, list[Rate]]

    def price(self, fact: Fact) -> UsageLine | Unrated:
        """Decide what a metered fact costs. The line is not saved."""
        if fact.metered_ms is None:
            return Unrated(fact.contact_id, UnratedReason.NOT_METERED, fact.outbound_call_id)
        if free := self._why_free(fact):
            return self._line(
                fact,
                seconds=whole_seconds(fact.metered_ms),
                unit_price=Decimal(0),
                amount=Decimal(0),
                currency=self.tenant.currency,
                explanation={"rule": free},
            )
        return self._priced(fact, fact.metered_ms)

    def day(self, fact: Fact) -> dt.date:
        """The local day on which the fact began: it decides about table, price and month, however long it lasts."""
        return fact.began_at.astimezone(self.tenant.zone).date()

    def _why_free(self, fact: Fact) -> str:
        if self.tenant.is_provider:
            return "own"
        if fact.is_test:
            return "test"
        return "unanswered" if fact.metered_ms == 0 else ""

    def _priced(self, fact: Fact, metered_ms: int) -> UsageLine | Unrated:
        day = self.day(fact)
        tables = (each for each in self.tables if each.direction == fact.direction and each.in_force(day))
        table = next(tables, None)
        if table is None:
            return Unrated(fact.contact_id, UnratedReason.NO_RATE_TABLE, fact.outbound_call_id)
        in_force = {rate.prefix: rate for rate in self.rates[table.id] if rate.in_force(day)}
        rate = longest_prefix(fact.number, in_force)
        if rate is None:
            return Unrated(fact.contact_id, UnratedReason.NO_RATE, fact.outbound_call_id)
        return self._charged(fact, metered_ms, table, rate)

    def _line(
        self,
        fact: Fact,
        *,
        seconds: int,
        unit_price: Decimal,
        amount: Decimal,
        currency: str,
        explanation: dict[str, Any],
    ) -> UsageLine:
        return UsageLine(
            key=fact.key,
            kind=UsageLine.Kind.MINUTES,
            contact_id=fact.contact_id,
            outbound_call_id=fact.outbound_call_id,
            occurred_on=self.day(fact),
            quantity=Decimal(seconds),
            unit=UsageLine.Unit.SECOND,
            unit_price=unit_price,
            amount=amount,
            currency=currency,
            explanation={"metered_ms": fact.metered_ms, "direction": fact.direction, **explanation},
        )

    def _charged(self, fact: Fact, metered_ms: int, table: RateTable, rate: Rate) -> UsageLine:
        cost = charge(
            metered_ms,
            price_per_minute=rate.price_per_minute,
            connection_fee=rate.connection_fee,
            initial=rate.initial_seconds,
            increment=rate.increment_seconds,
            minimum=rate.minimum_charge,
        )
        return self._line(
            fact,
            seconds=cost.seconds,
            unit_price=rate.price_per_minute,
            amount=cost.amount,
            currency=table.currency,
            explanation={
                "rule": "minutes",
                "table_id": str(table.id),
                "table": table.name,
                "rate_id": str(rate.id),
                "prefix": rate.prefix,
                "from": max(table.first_day, rate.first_day or table.first_day).isoformat(),
                "hidden": fact.number == "",
                "connection_fee": str(rate.connection_fee),
                "minimum_charge": str(rate.minimum_charge),
                "at_minimum": cost.at_minimum,
                "initial_seconds": rate.initial_seconds,
                "increment_seconds": rate.increment_seconds,
            },
        )


def open_price_book(facts: Sequence[Fact], *, tenant_id: UUID) -> PriceBook:
    """Read what rating these facts needs, inside the open tenant scope: three queries, however many they are."""
    prefixes = {prefix for fact in facts for prefix in candidate_prefixes(fact.number)}
    rates: dict[UUID, list[Rate]] = defaultdict(list)
    for rate in Rate.objects.filter(prefix__in=prefixes):
        rates[rate.table_id].append(rate)
    return PriceBook(tenant=Tenant.objects.get(id=tenant_id), tables=list(RateTable.objects.all()), rates=rates)
