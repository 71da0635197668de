"""Flows and their versions."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from routing.models import Flow, FlowVersion
from routing.services.flows import check_flow, publish_flow
from tenants.api.public import FixedFields, WriteRows
from tenants.public import Invalid, Right


class FlowVersionSerializer(serializers.ModelSerializer[FlowVersion]):
    class Meta:
        model = FlowVersion
        fields = ("id", "number", "definition", "created_at", "created_by")


class FlowSerializer(FixedFields, serializers.ModelSerializer[Flow]):
    published = serializers.IntegerField(source="published.number", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Flow
        fields = ("id", "code", "name", "published")
        fixed_fields = ("code",)


class DefinitionSerializer(serializers.Serializer[Any]):
    definition = serializers.JSONField()


class FlowProblemSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(choices=["error", "warning"])


class FlowReportSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    problems = FlowProblemSerializer(many=True)


class FlowViewSet(WriteRows):
    """Entry flows. `published` is the number of the version that new contacts follow."""

    model = Flow
    serializer_class: Any = FlowSerializer
    read_right = Right.READ_ROUTING
    write_right = Right.WRITE_ROUTING
    action_rights = {"check": Right.READ_ROUTING}

    def rows(self) -> QuerySet[Any]:
        return Flow.objects.select_related("published")

    @extend_schema(responses=FlowVersionSerializer(many=True))
    @action(detail=True)
    def versions(self, request: Request, pk: Any) -> Response:
        """List the versions, oldest first, in pages."""
        page = self.paginate_queryset(FlowVersion.objects.filter(flow=self.get_object()))
        return self.get_paginated_response(FlowVersionSerializer(page, many=True).data)

    @extend_schema(request=DefinitionSerializer, responses={201: FlowVersionSerializer})
    @versions.mapping.post
    def publish(self, request: Request, pk: Any) -> Response:
        """Check a definition whole, keep it as the next version, and let new contacts follow it."""
        flow_id, definition = self.own_id(), self.checked(DefinitionSerializer)["definition"]
        try:
            version = publish_flow(
                tenant_id=self.caller.tenant_id, flow_id=flow_id, definition=definition, actor=self.caller.actor
            )
        except Invalid as error:
            faults = error.data.pop("errors", ())
            inside = [{**fault, "pointer": f"/definition{fault['pointer']}"} for fault in faults]
            raise Invalid(error.message, code=error.code, **error.data, errors=inside) from error
        return Response(FlowVersionSerializer(version).data, status=201)

    @extend_schema(request=DefinitionSerializer, responses=FlowReportSerializer)
    @action(detail=False, methods=["post"])
    def check(self, request: Request) -> Response:
        """Say everything that is wrong with a definition; nothing is kept."""
        definition = self.checked(DefinitionSerializer)["definition"]
        report = check_flow(tenant_id=self.caller.tenant_id, definition=definition)
        return Response({"valid": not report.errors, "problems": [problem.as_json() for problem in report.problems]})
