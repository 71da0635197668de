"""Rate tables and their rates. An enterprise reads its own; the operator writes them, tenant by tenant."""

from copy import copy
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import UniqueConstraint
from rest_framework import serializers

from billing.api.target import OfTenant
from billing.models import Rate, RateTable
from tenants.api.public import ReadRows, RelatedId, WriteRows
from tenants.public import Right


class Constrained:
    """A mixin for serializers: check constraints and exclusions are told in words, before the database refuses them."""

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        instance = getattr(self, "instance", None)
        row = copy(instance) if instance else self.Meta.model()  # type: ignore[attr-defined]  # every serializer's Meta
        for name, value in values.items():
            setattr(row, name, value)
        for constraint in row._meta.constraints:
            if isinstance(constraint, UniqueConstraint):
                continue
            try:
                constraint.validate(type(row), row)
            except ValidationError as error:
                raise serializers.ValidationError(error.messages) from error
        return values


class RateTableSerializer(Constrained, serializers.ModelSerializer[RateTable]):
    class Meta:
        model = RateTable
        fields = ("id", "name", "direction", "currency", "first_day", "last_day")


class RateSerializer(Constrained, serializers.ModelSerializer[Rate]):
    table = RelatedId(RateTable)

    class Meta:
        model = Rate
        fields = ("id", "table", "prefix", "price_per_minute", "connection_fee", "initial_seconds", "increment_seconds")


class RateFilter(django_filters.FilterSet):  # type: ignore[misc]  # the library has no types
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


class TenantRateTableViewSet(OfTenant, WriteRows):
    """An enterprise's rate tables. A table that is removed takes its rates along; usage lines keep their prices."""

    model = RateTable
    serializer_class: Any = RateTableSerializer


class TenantRateViewSet(OfTenant, WriteRows):
    """An enterprise's rates. A new price counts for what is rated from now on."""

    model = Rate
    serializer_class: Any = RateSerializer
    filterset_class = RateFilter
