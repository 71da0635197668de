"""Rate tables and outbound calls as rows, for tests of what is made of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from billing.models import Rate, RateTable, UsageLine
from routing.backup_states import DiversionState
from routing.models import BackupActivation, BackupPlan, Diversion, OutboundCall, OutboundParty
from routing.public import Contact
from tenants.public import Tenant, tenant_scope, uuid7
from tests.factories import make_number

FIRST_DAY = dt.date(2026, 1, 1)


def make_table(tenant: Tenant, prices: dict[str, str] | None = None, **fields: Any) -> RateTable:
    """A rate table with these prices per minute by prefix."""
    with tenant_scope(tenant.id):
        table: RateTable = RateTable.objects.create(
            **{"name": "Standard", "currency": tenant.currency, "first_day": FIRST_DAY, **fields}
        )
        for prefix, price in (prices or {}).items():
            Rate.objects.create(table=table, prefix=prefix, price_per_minute=Decimal(price))
    return table


def add_price(table: RateTable, prefix: str, price: str, **fields: Any) -> Rate:
    """A rate of the table."""
    with tenant_scope(table.tenant_id):
        rate: Rate = Rate.objects.create(table=table, prefix=prefix, price_per_minute=Decimal(price), **fields)
    return rate


def make_outbound_call(
    contact: Contact, *, number: str, metered_ms: int | None, at: dt.datetime | None = None, is_test: bool = False
) -> OutboundCall:
    """A call to the outside for a contact, over unless `metered_ms` is None."""
    at = at or contact.arrived_at
    tenant = contact.tenant
    line = make_number(tenant)
    with tenant_scope(tenant.id):
        plan = BackupPlan.objects.create(number=line)
        activation = BackupActivation.objects.create(plan=plan, cause="hand", started_at=at, started_by="user:test")
        diversion = Diversion.objects.create(
            contact=contact,
            activation=activation,
            began_at=at,
            state=DiversionState.TALKING if metered_ms is None else DiversionState.OVER,
        )
        call: OutboundCall = OutboundCall.objects.create(
            contact=contact,
            diversion=diversion,
            route_id=uuid7(),
            trunk="partner",
            is_test=is_test,
            began_at=at,
            ended_at=None if metered_ms is None else at + dt.timedelta(milliseconds=metered_ms),
            metered_ms=metered_ms,
        )
        OutboundParty.objects.create(call=call, number=number)
    return call


def lines_of(tenant: Tenant) -> list[UsageLine]:
    """All usage lines of the tenant, in the order of their making."""
    with tenant_scope(tenant.id, read_only=True):
        return list(UsageLine.objects.order_by("id"))


def change_prices(tenant: Tenant, price: str, **steps: Any) -> None:
    """Put every rate of the tenant right."""
    with tenant_scope(tenant.id):
        Rate.objects.update(price_per_minute=Decimal(price), **steps)
