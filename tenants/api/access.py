"""Who may enter a tenant: members and API keys."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.tenancy import PersonSerializer
from tenants.api.views import ReadRows
from tenants.models import ApiKey, Membership, Role
from tenants.rights import Right
from tenants.services.keys import create_api_key, revoke_api_key
from tenants.services.people import Person, add_member, change_member_role, remove_member


class MemberSerializer(serializers.ModelSerializer[Membership]):
    email = serializers.EmailField(source="user.email", read_only=True, allow_null=True)
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "email", "name", "role", "created_at")


class NewMemberSerializer(PersonSerializer):
    role = serializers.ChoiceField(choices=Role.choices)


class MemberRoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class MemberViewSet(ReadRows):
    """The people of the tenant and their parts. Agents are among them; they are made under /agents/."""

    model = Membership
    serializer_class: Any = MemberSerializer
    read_right = Right.READ_MEMBERS
    write_right = Right.WRITE_MEMBERS

    def rows(self) -> QuerySet[Any]:
        return Membership.objects.select_related("user")

    @extend_schema(request=NewMemberSerializer, responses={201: MemberSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(NewMemberSerializer)
        role = values.pop("role")
        person = Person(**{"password": None, **values})
        member = add_member(tenant_id=self.caller.tenant_id, person=person, role=role, actor=self.caller.actor)
        return self.show(member.id, status=201)

    @extend_schema(request=MemberRoleSerializer, responses=MemberSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        membership_id, values = self.own_id(), self.checked(MemberRoleSerializer)
        member = change_member_role(
            tenant_id=self.caller.tenant_id, membership_id=membership_id, role=values["role"], actor=self.caller.actor
        )
        return self.show(member.id)

    def destroy(self, request: Request, pk: Any) -> Response:
        remove_member(tenant_id=self.caller.tenant_id, membership_id=pk, actor=self.caller.actor)
        return Response(status=204)


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id",
            "name",
            "prefix",
            "role",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "created_at",
        )


class NewApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = ApiKey
        fields = ("name", "role", "expires_at")


class ShownApiKeySerializer(ApiKeySerializer):
    """A key just made: the only time that its secret is shown."""

    key = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")


class ApiKeyViewSet(ReadRows):
    """Keys for programs. A key is shown once, when it is made; send it as `Authorization: Bearer <key>`."""

    model = ApiKey
    serializer_class: Any = ApiKeySerializer
    read_right = Right.READ_KEYS
    write_right = Right.WRITE_KEYS
    secret_fields = frozenset({"key"})

    @extend_schema(request=NewApiKeySerializer, responses={201: ShownApiKeySerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(NewApiKeySerializer)
        made = create_api_key(tenant_id=self.caller.tenant_id, actor=self.caller.actor, **values)
        response = self.show(made.row.id, status=201)
        response.data = {**response.data, "key": made.token}
        return response

    @extend_schema(request=None, responses=ApiKeySerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: Any) -> Response:
        return self.show(revoke_api_key(tenant_id=self.caller.tenant_id, key_id=pk, actor=self.caller.actor).id)
