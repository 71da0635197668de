"""The reserve: agents who take part only while somebody has opened it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import Reserve
from agents.services.reserve import close_reserve, open_reserve
from tenants.api.public import TenantView
from tenants.public import Right


class ReserveSerializer(serializers.ModelSerializer[Reserve]):
    """Times are ISO 8601 with an offset; both are null while the reserve is closed."""

    class Meta:
        model = Reserve
        fields = ("opened_at", "until")


class OpenReserveSerializer(serializers.Serializer[Any]):
    until = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="When it closes by itself."
    )


class ReserveView(TenantView):
    """Whether the agents of the reserve take part now, since when, and until when."""

    read_right = Right.READ_STAFF
    write_right = Right.OPEN_RESERVE

    @extend_schema(responses=ReserveSerializer)
    def get(self, request: Request) -> Response:
        return Response(ReserveSerializer(Reserve.objects.first() or Reserve()).data)


class OpenReserveView(ReserveView):
    """Let the agents of the reserve take part, at once."""

    http_method_names = ["post"]

    @extend_schema(request=OpenReserveSerializer, responses=ReserveSerializer)
    def post(self, request: Request) -> Response:
        until = self.checked(OpenReserveSerializer)["until"]
        reserve = open_reserve(tenant_id=self.caller.tenant_id, actor=self.caller.actor, until=until)
        return Response(ReserveSerializer(reserve).data)


class CloseReserveView(ReserveView):
    """Let the agents of the reserve get nothing more. What rings or is talked goes on."""

    http_method_names = ["post"]

    @extend_schema(request=None, responses=ReserveSerializer)
    def post(self, request: Request) -> Response:
        reserve = close_reserve(tenant_id=self.caller.tenant_id, actor=self.caller.actor)
        return Response(ReserveSerializer(reserve).data)
