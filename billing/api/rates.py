"""Rate tables and their rates. An enterprise reads its own; the operator writes them, tenant by tenant."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.target import OfTenant
from billing.models import Rate, RateTable
from billing.services import tariffs
from tenants.api.public import ReadRows, RelatedId, RowFilter
from tenants.public import Right

PRICES = ("price_per_minute", "connection_fee", "minimum_charge", "initial_seconds", "increment_seconds")


class RateTableSerializer(serializers.ModelSerializer[RateTable]):
    class Meta:
        model = RateTable
        fields = ("id", "name", "direction", "currency", "first_day", "last_day")
        extra_kwargs = {"currency": {"required": False}}


class RateSerializer(serializers.ModelSerializer[Rate]):
    table = RelatedId(RateTable)

    class Meta:
        model = Rate
        fields = ("id", "table", "prefix", *PRICES, "first_day", "last_day")


class ChangedRateSerializer(RateSerializer):
    """A rate stays in its table."""

    table: Any = serializers.UUIDField(source="table_id", read_only=True)


class NewPriceSerializer(serializers.ModelSerializer[Rate]):
    """What a prefix costs from a day on; what is left out stays as it is."""

    first_day = serializers.DateField()

    class Meta:
        model = Rate
        fields = ("first_day", *PRICES)
        extra_kwargs = {name: {"required": False} for name in PRICES}


class LastDaySerializer(serializers.Serializer[Any]):
    """When a price ends."""

    last_day = serializers.DateField()


class RateFilter(RowFilter):
    table = django_filters.UUIDFilter(field_name="table_id")
    prefix = django_filters.CharFilter(max_length=16)


class RateTableViewSet(ReadRows):
    """The tenant's rate tables."""

    model = RateTable
    serializer_class: Any = RateTableSerializer
    read_right = Right.READ_RATES


class RateViewSet(ReadRows):
    """The rates of the tenant's tables; `?table=` for one table's."""

    model = Rate
    serializer_class: Any = RateSerializer
    filterset_class = RateFilter
    read_right = Right.READ_RATES


class TenantRateTableViewSet(OfTenant, RateTableViewSet):
    """An enterprise's rate tables. A table that is removed takes its rates along; usage lines keep their prices."""

    read_right = OfTenant.read_right
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a table from its first day on. Another of the direction on the same day is refused (409, `overlaps`)."""
        table = tariffs.add_table(**self.whose, **self.checked(RateTableSerializer))
        return self.show(table.id, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms, table_id = self.checked(RateTableSerializer, partial=True), self.own_id()
        tariffs.change_table(**self.whose, table_id=table_id, **terms)
        return self.show(table_id)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        tariffs.remove_table(**self.whose, table_id=self.own_id())
        return Response(status=204)

    @extend_schema(request=LastDaySerializer, responses=RateTableSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the table count up to a last day. Calls that began later are not rated before there is another."""
        terms, table_id = self.checked(LastDaySerializer), self.own_id()
        tariffs.end_table(**self.whose, table_id=table_id, **terms)
        return self.show(table_id)


class TenantRateViewSet(OfTenant, RateViewSet):
    """An enterprise's rates. What is written counts for what is rated from now on; lines keep their prices."""

    read_right = OfTenant.read_right
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add a prefix's price. Another of the same prefix on the same day is refused (409, `overlaps`)."""
        terms = self.checked(RateSerializer)
        rate = tariffs.add_rate(**self.whose, table_id=terms.pop("table").id, **terms)
        return self.show(rate.id, status=201)

    @extend_schema(request=ChangedRateSerializer, responses=RateSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put a price right for all of its days. `replace` is for a new price from a day on."""
        terms, rate_id = self.checked(ChangedRateSerializer, partial=True), self.own_id()
        tariffs.change_rate(**self.whose, rate_id=rate_id, **terms)
        return self.show(rate_id)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        tariffs.remove_rate(**self.whose, rate_id=self.own_id())
        return Response(status=204)

    @extend_schema(request=LastDaySerializer, responses=RateSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the price count up to a last day."""
        terms, rate_id = self.checked(LastDaySerializer), self.own_id()
        tariffs.end_rate(**self.whose, rate_id=rate_id, **terms)
        return self.show(rate_id)

    @extend_schema(request=NewPriceSerializer, responses={201: RateSerializer})
    @action(detail=True, methods=["post"])
    def replace(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the prefix cost something else from a day on: this price ends the day before, the new one is answered."""
        terms, rate_id = self.checked(NewPriceSerializer), self.own_id()
        return self.show(tariffs.replace_rate(**self.whose, rate_id=rate_id, **terms).id, status=201)
