"""The administration of billing: an enterprise looks at its prices, leases and usage.

The operator writes them by the API and on the pages below /enterprises/, which name the enterprise in the address.
"""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.explain import explain
from billing.models import NumberLease, Rate, RateTable, SeatLease, UsageLine
from tenants.administration import ReadOnlyAdmin
from tenants.public import Right


@admin.register(RateTable)
class RateTableAdmin(ReadOnlyAdmin):
    list_display = ("name", "direction", "currency", "first_day", "last_day")
    list_filter = ("direction",)
    read_right = write_right = Right.READ_RATES


@admin.register(Rate)
class RateAdmin(ReadOnlyAdmin):
    list_display = (
        "table",
        "prefix",
        "price_per_minute",
        "connection_fee",
        "minimum_charge",
        "initial_seconds",
        "increment_seconds",
        "first_day",
        "last_day",
    )
    list_select_related = ("table",)
    search_fields = ("prefix",)
    read_right = write_right = Right.READ_RATES


@admin.register(SeatLease)
class SeatLeaseAdmin(ReadOnlyAdmin):
    list_display = ("seats", "price_per_month", "currency", "first_day", "last_day")
    read_right = write_right = Right.READ_RATES


@admin.register(NumberLease)
class NumberLeaseAdmin(ReadOnlyAdmin):
    list_display = ("number", "price_per_month", "currency", "first_day", "last_day")
    list_select_related = ("number",)
    read_right = write_right = Right.READ_RATES


@admin.register(UsageLine)
class UsageLineAdmin(ReadOnlyAdmin):
    list_display = ("occurred_on", "kind", "quantity", "unit", "unit_price", "amount", "currency", "reason")
    list_filter = ("kind",)
    fields = (
        "occurred_on",
        "kind",
        "contact",
        "seat_lease",
        "number_lease",
        "outbound_call",
        "corrects",
        "reason",
        "made_by",
        "quantity",
        "unit",
        "unit_price",
        "amount",
        "currency",
        "explained",
    )
    readonly_fields = ("explained",)
    ordering = ("-occurred_on", "-id")
    read_right = write_right = Right.READ_STATEMENTS

    @admin.display(description=gettext_lazy("explanation"))
    def explained(self, line: UsageLine) -> str:
        return explain(line)
