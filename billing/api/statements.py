"""Statements, the usage lines behind them, and what could not be rated."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.target import OfTenant
from billing.explain import explain
from billing.facts import (
    Fact,
    calls_without_line,
    contacts_without_line,
    facts_of_calls,
    facts_of_contacts,
)
from billing.models import UsageLine
from billing.months import Month
from billing.selectors import day_totals, explain_unrated, statement, statements
from routing.public import Contact, OutboundCall
from tenants.api.public import ReadRows, RowFilter, RowsViewSet, TenantView
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


class CorrectionsSerializer(serializers.Serializer[Any]):
    lines = serializers.IntegerField()
    amount = AmountField()


class CurrencyTotalSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    kinds = KindTotalSerializer(many=True)
    corrections = CorrectionsSerializer(help_text="Those made in this month, whatever they correct.")
    exact = AmountField(help_text="The exact sum of the lines.")
    total = serializers.DecimalField(max_digits=40, decimal_places=2, help_text="The sum, rounded once.")


class StatementSerializer(serializers.Serializer[Any]):
    """What the tenant owes for one of its calendar months, a draft that grows while the month is rated."""

    id = serializers.CharField()
    month = serializers.CharField(help_text="Such as 2026-11, in the tenant's time zone.")
    totals = CurrencyTotalSerializer(many=True)


class DayTotalSerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    currency = serializers.CharField()
    lines = serializers.IntegerField()
    amount = AmountField(help_text="The exact sum of the day's lines.")


class UsageLineSerializer(serializers.ModelSerializer[UsageLine]):
    contact = serializers.UUIDField(source="contact_id", allow_null=True)
    seat_lease = serializers.UUIDField(source="seat_lease_id", allow_null=True)
    number_lease = serializers.UUIDField(source="number_lease_id", allow_null=True)
    outbound_call = serializers.UUIDField(source="outbound_call_id", allow_null=True)
    corrects = serializers.UUIDField(source="corrects_id", allow_null=True)
    explained = serializers.SerializerMethodField(help_text="The explanation as a sentence, in the reader's language.")

    class Meta:
        model = UsageLine
        fields = (
            "id",
            "kind",
            "contact",
            "seat_lease",
            "number_lease",
            "outbound_call",
            "corrects",
            "reason",
            "made_by",
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
    """An ended contact, or an outbound call for one, that has no usage line yet, and why."""

    contact = serializers.UUIDField(source="contact_id")
    outbound_call = serializers.UUIDField(source="outbound_call_id", allow_null=True)
    reason = serializers.CharField()
    explained = serializers.SerializerMethodField()

    def get_explained(self, entry: Any) -> str:
        return str(entry.reason.label)


class UsageLineFilter(RowFilter):
    month = django_filters.CharFilter(method="of_month", label="month, such as 2026-11")
    kind = django_filters.ChoiceFilter(choices=UsageLine.Kind.choices)
    day = django_filters.DateFilter(field_name="occurred_on")
    contact = django_filters.UUIDFilter(field_name="contact_id")
    corrects = django_filters.UUIDFilter(field_name="corrects_id", label="the corrections of this line")
    correction = django_filters.BooleanFilter(
        field_name="corrects", lookup_expr="isnull", exclude=True, label="corrections only, or none of them"
    )

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


class StatementDaysView(TenantView):
    """What each day of a statement comes to."""

    read_right = Right.READ_STATEMENTS

    @extend_schema(responses=DayTotalSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        month = Month.parse(kwargs["month"])
        return Response({"results": DayTotalSerializer(day_totals(month), many=True).data})


class UsageLineViewSet(ReadRows):
    """Usage lines: one for each metered fact, and the corrections. `?month=2026-11` for those of one statement."""

    model = UsageLine
    serializer_class: Any = UsageLineSerializer
    filterset_class = UsageLineFilter
    read_right = Right.READ_STATEMENTS


class UnratedViewSet(RowsViewSet):
    """Ended contacts without a usage line, with the reason. They are tried again by themselves."""

    model: ClassVar[type[Model]] = Contact
    serializer_class: Any = UnratedSerializer
    read_right = Right.READ_STATEMENTS

    def rows(self) -> QuerySet[Any]:
        return contacts_without_line()

    def facts(self, page: list[Any]) -> list[Fact]:
        """Return the facts of a page of rows."""
        return facts_of_contacts(page)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        entries = explain_unrated(self.caller.tenant_id, self.facts(page or []))
        return self.get_paginated_response(UnratedSerializer(entries, many=True).data)


class UnratedCallViewSet(UnratedViewSet):
    """Outbound calls without a usage line, with the reason. They are tried again by themselves."""

    model = OutboundCall

    def rows(self) -> QuerySet[Any]:
        return calls_without_line()

    def facts(self, page: list[Any]) -> list[Fact]:
        return facts_of_calls(page)


class TenantStatementsView(OfTenant, StatementsView):
    """An enterprise's statements."""

    read_right = OfTenant.read_right


class TenantStatementView(OfTenant, StatementView):
    """An enterprise's statement of one month."""

    read_right = OfTenant.read_right


class TenantUnratedViewSet(OfTenant, UnratedViewSet):
    """An enterprise's contacts that could not be rated."""

    read_right = OfTenant.read_right


class TenantUnratedCallViewSet(OfTenant, UnratedCallViewSet):
    """An enterprise's outbound calls that could not be rated."""

    read_right = OfTenant.read_right


class TenantStatementDaysView(OfTenant, StatementDaysView):
    """What each day of an enterprise's statement comes to."""

    read_right = OfTenant.read_right
