"""The platform's own runs and exceptions over the API, for the operator."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reporting.system import KINDS, Sort, system_events
from tenants.api.public import TenantView
from tenants.public import Right

LIMIT = 200


class SystemEventSerializer(serializers.Serializer[Any]):
    """Something that happened to the platform. `details` hold ids and figures."""

    id = serializers.UUIDField(source="event.id")
    kind = serializers.CharField(source="event.type")
    sort = serializers.CharField()
    words = serializers.CharField(source="label", help_text="In the caller's language.")
    node = serializers.CharField(source="event.node", allow_blank=True)
    at = serializers.DateTimeField(source="event.occurred_at")
    details = serializers.DictField(source="event.data")


class SystemEventsSerializer(serializers.Serializer[Any]):
    """The newest ones first. `before` is what to ask for next, null at the end."""

    results = SystemEventSerializer(many=True)
    before = serializers.UUIDField(allow_null=True)


class AskedSerializer(serializers.Serializer[Any]):
    """What may be asked for."""

    sort = serializers.ChoiceField(choices=[sort.value for sort in Sort], required=False)
    kind = serializers.ChoiceField(choices=list(KINDS), required=False)
    before = serializers.UUIDField(required=False)


class SystemEventsView(TenantView):
    """Runs of processes and exceptions, the newest first, 200 at a time."""

    read_right = Right.READ_SYSTEM

    @extend_schema(
        responses=SystemEventsSerializer,
        parameters=[
            OpenApiParameter("sort", enum=[sort.value for sort in Sort]),
            OpenApiParameter("kind", enum=list(KINDS)),
            OpenApiParameter("before", OpenApiTypes.UUID, description="The id of the last one that was seen."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        events = system_events(
            sort=wanted.get("sort"), kind=wanted.get("kind", ""), before=wanted.get("before"), limit=LIMIT
        )
        last = events[-1].event.id if len(events) == LIMIT else None
        return Response(SystemEventsSerializer({"results": events, "before": last}).data)
