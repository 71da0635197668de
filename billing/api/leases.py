"""Seat and number leases. An enterprise reads its own; the operator begins and ends them, tenant by tenant."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.target import OfTenant
from billing.models import NumberLease, SeatLease
from billing.services.leasing import end_number_lease, end_seat_lease, lease_number, lease_seats
from tenants.api.public import ReadRows, RelatedId
from tenants.public import Number, Right

TERMS = ("price_per_month", "currency", "first_day", "last_day")


class SeatLeaseSerializer(serializers.ModelSerializer[SeatLease]):
    class Meta:
        model = SeatLease
        fields = ("id", "seats", *TERMS, "created_at")
        extra_kwargs = {"currency": {"required": False}}


class NumberLeaseSerializer(serializers.ModelSerializer[NumberLease]):
    number = RelatedId(Number)

    class Meta:
        model = NumberLease
        fields = ("id", "number", *TERMS, "created_at")
        extra_kwargs = {"currency": {"required": False}}


class LeaseEndSerializer(serializers.Serializer[Any]):
    """When a lease ends."""

    last_day = serializers.DateField()


class SeatLeaseViewSet(ReadRows):
    """The tenant's seat leases. Those of today add up to the seats that may be used at once."""

    model = SeatLease
    serializer_class: Any = SeatLeaseSerializer
    read_right = Right.READ_RATES


class NumberLeaseViewSet(ReadRows):
    """The rent of the tenant's numbers."""

    model = NumberLease
    serializer_class: Any = NumberLeaseSerializer
    read_right = Right.READ_RATES


class TenantSeatLeaseViewSet(OfTenant, SeatLeaseViewSet):
    """An enterprise's seat leases. Terms never change: end the lease and begin another."""

    read_right = OfTenant.read_right

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self.checked(SeatLeaseSerializer)
        lease = lease_seats(tenant_id=self.caller.tenant_id, actor=self.caller.actor, **values)
        return self.show(lease.id, status=201)

    @extend_schema(request=LeaseEndSerializer, responses=SeatLeaseSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the lease end after its last day, which may not be before a day already charged (409)."""
        values, lease_id = self.checked(LeaseEndSerializer), self.own_id()
        end_seat_lease(tenant_id=self.caller.tenant_id, lease_id=lease_id, actor=self.caller.actor, **values)
        return self.show(lease_id)


class TenantNumberLeaseViewSet(OfTenant, NumberLeaseViewSet):
    """The rent of an enterprise's numbers. Terms never change: end the lease and begin another."""

    read_right = OfTenant.read_right

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self.checked(NumberLeaseSerializer)
        number = values.pop("number")
        lease = lease_number(tenant_id=self.caller.tenant_id, number_id=number.id, actor=self.caller.actor, **values)
        return self.show(lease.id, status=201)

    @extend_schema(request=LeaseEndSerializer, responses=NumberLeaseSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the lease end after its last day, which may not be before a day already charged (409)."""
        values, lease_id = self.checked(LeaseEndSerializer), self.own_id()
        end_number_lease(tenant_id=self.caller.tenant_id, lease_id=lease_id, actor=self.caller.actor, **values)
        return self.show(lease_id)
