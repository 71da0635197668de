"""Statements, the usage lines behind them, and what could not be rated."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.target import OfTenant
from billing.explain import explain
from billing.models import UsageLine
from billing.months import Month
from billing.selectors import explain_unrated, statement, statements, unrated
from routing.public import Contact
from tenants.api.public import ReadRows, RowsViewSet, TenantView
from tenants.public import Right


class AmountField(serializers.DecimalField):
    """An amount, as text so that no reader makes a float of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=40, decimal_places=6, coerce_to_string=True, **options)


class KindTotalSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=UsageLine.Kind.choices)
    lines = serializers.IntegerField()
    quantity = AmountField()
    amount = AmountField()


class CurrencyTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    kinds = KindTotalSerializer(many=True)
    exact = AmountField(help_text="The exact sum of the lines.")
    total = serializers.DecimalField(max_digits=40, decimal_places=2, help_text="The sum, rounded once.")


class StatementSerializer(serializers.Serializer[Any]):
    """What the tenant owes for one of its calendar months, a draft that grows while the month is rated."""

    id = serializers.CharField()
    month = serializers.CharField(help_text="Such as 2026-11, in the tenant's time zone.")
    totals = CurrencyTotalSerializer(many=True)


class UsageLineSerializer(serializers.ModelSerializer[UsageLine]):
    contact = serializers.UUIDField(source="contact_id", allow_null=True)
    seat_lease = serializers.UUIDField(source="seat_lease_id", allow_null=True)
    number_lease = serializers.UUIDField(source="number_lease_id", allow_null=True)
    explained = serializers.SerializerMethodField(help_text="The explanation as a sentence, in the reader's language.")

    class Meta:
        model = UsageLine
        fields = (
            "id",
            "kind",
            "contact",
            "seat_lease",
            "number_lease",
            "occurred_on",
            "quantity",
            "unit",
            "unit_price",
            "amount",
            "currency",
            "explanation",
            "explained",
            "created_at",
        )

    def get_explained(self, line: UsageLine) -> str:
        return explain(line)


class UnratedSerializer(serializers.Serializer[Any]):
    """An ended contact that has no usage line yet, and why."""

    contact = serializers.UUIDField(source="contact_id")
    reason = serializers.CharField()
    explained = serializers.SerializerMethodField()

    def get_explained(self, entry: Any) -> str:
        return str(entry.reason.label)


class UsageLineFilter(django_filters.FilterSet):  # type: ignore[misc]  # the library has no types
    month = django_filters.CharFilter(method="of_month", label="month, such as 2026-11")
    kind = django_filters.ChoiceFilter(choices=UsageLine.Kind.choices)
    contact = django_filters.UUIDFilter(field_name="contact_id")

    def of_month(self, rows: QuerySet[UsageLine], name: str, value: str) -> QuerySet[UsageLine]:
        month = Month.parse(value)
        return rows.filter(occurred_on__range=(month.first_day, month.last_day))


class StatementsView(TenantView):
    """The statements of all months with usage, the newest first."""

    read_right = Right.READ_STATEMENTS

    @extend_schema(responses=StatementSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({"results": StatementSerializer(statements(self.caller.tenant_id), many=True).data})


class StatementView(TenantView):
    """The statement of one month; its lines are under /usage-lines/?month=."""

    read_right = Right.READ_STATEMENTS

    @extend_schema(responses=StatementSerializer)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        month = Month.parse(kwargs["month"])
        return Response(StatementSerializer(statement(self.caller.tenant_id, month)).data)


class UsageLineViewSet(ReadRows):
    """Usage lines: one for each metered fact. `?month=2026-11` for those of one statement."""

    model = UsageLine
    serializer_class: Any = UsageLineSerializer
    filterset_class = UsageLineFilter
    read_right = Right.READ_STATEMENTS


class UnratedViewSet(RowsViewSet):
    """Ended contacts without a usage line, with the reason. They are tried again by themselves."""

    model = Contact
    serializer_class: Any = UnratedSerializer
    read_right = Right.READ_STATEMENTS

    def rows(self) -> QuerySet[Any]:
        return unrated()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        entries = explain_unrated(self.caller.tenant_id, page or [])
        return self.get_paginated_response(UnratedSerializer(entries, many=True).data)


class TenantStatementsView(OfTenant, StatementsView):
    """An enterprise's statements."""

    read_right = OfTenant.read_right


class TenantStatementView(OfTenant, StatementView):
    """An enterprise's statement of one month."""

    read_right = OfTenant.read_right


class TenantUsageLineViewSet(OfTenant, UsageLineViewSet):
    """An enterprise's usage lines."""

    read_right = OfTenant.read_right


class TenantUnratedViewSet(OfTenant, UnratedViewSet):
    """An enterprise's contacts that could not be rated."""

    read_right = OfTenant.read_right
