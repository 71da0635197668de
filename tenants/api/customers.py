"""Customers: who calls the tenant."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers

from tenants.api.fields import PhoneField
from tenants.api.filters import RowFilter
from tenants.api.views import WriteRows
from tenants.models import Customer
from tenants.phones import normalise
from tenants.rights import Right


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    phone = PhoneField(required=False, allow_blank=True, max_length=40)
    note = serializers.CharField(required=False, allow_blank=True, max_length=4000)

    class Meta:
        model = Customer
        fields = ("id", "name", "phone", "email", "segment", "language", "note", "created_at")


class CustomerFilter(RowFilter):
    """Find by telephone number (any way of writing it) or by a part of the name."""

    phone = django_filters.CharFilter(method="by_phone", label="telephone number")
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=120)
    segment = django_filters.CharFilter(max_length=40)

    def by_phone(self, rows: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        number = normalise(value)
        return rows.filter(phone=number) if number else rows.none()


class CustomerViewSet(WriteRows):
    """Customers of the caller's tenant."""

    model = Customer
    serializer_class: Any = CustomerSerializer
    filterset_class = CustomerFilter
    read_right = Right.READ_CUSTOMERS
    write_right = Right.WRITE_CUSTOMERS
