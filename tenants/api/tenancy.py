"""Tenants and numbers, as the operator looks after them; and who the caller is."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.fields import PhoneField, RelatedId
from tenants.api.filters import RowFilter
from tenants.api.views import ReadRows, TenantView
from tenants.directory import rows_of_all_tenants
from tenants.models import Number, Tenant
from tenants.rights import Right, rights_of
from tenants.services.people import Person
from tenants.services.tenancy import assign_number, create_tenant, release_number, resume_tenant, suspend_tenant


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    class Meta:
        model = Tenant
        fields = ("id", "slug", "name", "status", "time_zone", "language", "currency", "created_at")


class PersonSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField(max_length=120)
    password = serializers.CharField(required=False, write_only=True, max_length=200, trim_whitespace=False)


class NewTenantSerializer(serializers.ModelSerializer[Tenant]):
    administrator = PersonSerializer()
    seats = serializers.IntegerField(min_value=0, max_value=100_000)

    class Meta:
        model = Tenant
        fields = ("slug", "name", "time_zone", "language", "currency", "seats", "administrator")
        # Whether the code is free is decided by the index (409), as for everything that must be unique.
        extra_kwargs: ClassVar[dict[str, Any]] = {"slug": {"validators": []}}


class TenantViewSet(ReadRows):
    """Enterprises. For the operator only."""

    model = Tenant
    serializer_class: Any = TenantSerializer
    read_right = Right.READ_TENANTS
    write_right = Right.WRITE_TENANTS

    @extend_schema(request=NewTenantSerializer, responses={201: TenantSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(NewTenantSerializer)
        person = Person(**{"password": None, **values.pop("administrator")})
        tenant = create_tenant(administrator=person, actor=self.caller.actor, **values)
        return self.show(tenant.id, status=201)

    @extend_schema(request=None, responses=TenantSerializer)
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: Any) -> Response:
        return self.show(suspend_tenant(tenant_id=self.own_id(), actor=self.caller.actor).id)

    @extend_schema(request=None, responses=TenantSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: Any) -> Response:
        return self.show(resume_tenant(tenant_id=self.own_id(), actor=self.caller.actor).id)


class NumberSerializer(serializers.ModelSerializer[Number]):
    e164 = PhoneField(max_length=40)
    tenant = RelatedId(Tenant, required=False)

    class Meta:
        model = Number
        fields = ("id", "e164", "kind", "label", "tenant", "created_at")
        read_only_fields = ("kind",)


class NumberFilter(RowFilter):
    tenant = django_filters.UUIDFilter(field_name="tenant_id")
    kind = django_filters.ChoiceFilter(choices=Number.Kind.choices)


class NumberViewSet(ReadRows):
    """Telephone numbers: an enterprise sees its own, the operator sees all and leases them."""

    model = Number
    serializer_class: Any = NumberSerializer
    filterset_class = NumberFilter
    read_right = Right.READ_NUMBERS
    write_right = Right.LEASE_NUMBERS

    def rows(self) -> QuerySet[Any]:
        return rows_of_all_tenants(Number) if self.caller.may(Right.LEASE_NUMBERS) else Number.objects.all()

    def create(self, request: Request) -> Response:
        values = self.checked(NumberSerializer)
        tenant = values.get("tenant", self.caller.tenant)
        number = assign_number(
            tenant_id=tenant.id, e164=values["e164"], label=values.get("label", ""), actor=self.caller.actor
        )
        return self.show(number.id, status=201)

    def destroy(self, request: Request, pk: Any) -> Response:
        with self.reading():
            number = self.get_object()
        release_number(number_id=number.id, tenant_id=number.tenant_id, actor=self.caller.actor)
        return Response(status=204)


class CallerSerializer(serializers.Serializer[Any]):
    """Who the caller is here."""

    tenant = TenantSerializer()
    role = serializers.CharField()
    actor = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    agent_session = serializers.UUIDField(allow_null=True)
    rights = serializers.ListField(child=serializers.CharField())


class CallerView(TenantView):
    """Who the caller is: tenant, role and rights. For whoever is signed in."""

    @extend_schema(responses=CallerSerializer)
    def get(self, request: Request) -> Response:
        caller = self.caller
        rights = rights_of(caller.role, tenant_id=caller.tenant_id)
        return Response(
            {
                "tenant": TenantSerializer(caller.tenant).data,
                "role": caller.role,
                "actor": caller.actor,
                "name": caller.user.name if caller.user else None,
                "agent_session": caller.agent_session_id,
                "rights": sorted(right.value for right in rights),
            }
        )
