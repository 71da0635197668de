"""Call records over the API: contacts with all their stretches."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reporting.records import RecordFilter, call_record, find_contacts, records_of
from routing.public import Contact, ContactState, EndReason
from tenants.api.public import NewestFirst, RowsViewSet
from tenants.public import Right


class NamedSerializer(serializers.Serializer[Any]):
    """Another object: its id and its name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class SegmentRecordSerializer(serializers.Serializer[Any]):
    """A stretch of a call. `seconds` and `ended_at` are null while it runs."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    queue = NamedSerializer(allow_null=True)
    agent = NamedSerializer(allow_null=True)
    agent_number = serializers.CharField(allow_null=True)
    session = serializers.UUIDField(source="session_id", allow_null=True)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)


class CallRecordSerializer(serializers.Serializer[Any]):
    """One contact, as it was handled."""

    id = serializers.UUIDField()
    interaction = serializers.UUIDField(source="interaction_id")
    ordinal = serializers.IntegerField()
    state = serializers.ChoiceField(choices=ContactState.choices)
    end_reason = serializers.CharField(allow_blank=True)
    direction = serializers.CharField()
    channel = serializers.CharField()
    language = serializers.CharField()
    is_test = serializers.BooleanField()
    calling_number = serializers.CharField(allow_blank=True, help_text="Empty when hidden or unknown.")
    called_number = serializers.CharField(allow_blank=True)
    customer_name = serializers.CharField(allow_blank=True)
    queue = NamedSerializer(allow_null=True)
    entry_point = NamedSerializer(allow_null=True)
    disposition = NamedSerializer(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    agents = NamedSerializer(many=True)
    arrived_at = serializers.DateTimeField()
    queued_at = serializers.DateTimeField(allow_null=True)
    connected_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    metered_ms = serializers.IntegerField(allow_null=True)
    wait_s = serializers.FloatField()
    talk_s = serializers.FloatField()
    hold_s = serializers.FloatField()
    wrap_up_s = serializers.FloatField()
    segments = SegmentRecordSerializer(many=True)


class CallFilter(django_filters.FilterSet):  # type: ignore[misc]  # the library has no types
    """`from` and `to` bound the arrival (ISO 8601 with an offset); the latter is excluded."""

    queue = django_filters.UUIDFilter(field_name="queue_id")
    state = django_filters.ChoiceFilter(choices=ContactState.choices)
    end_reason = django_filters.ChoiceFilter(choices=EndReason.choices)
    is_test = django_filters.BooleanFilter()
    agent = django_filters.UUIDFilter(method="of_agent", label="id of an agent who was rung or talked")

    def of_agent(self, rows: QuerySet[Contact], name: str, value: Any) -> QuerySet[Contact]:
        return rows.filter(id__in=find_contacts(RecordFilter(agent_id=value)).values("id"))


CallFilter.base_filters["from"] = django_filters.IsoDateTimeFilter(field_name="arrived_at", lookup_expr="gte")
CallFilter.base_filters["to"] = django_filters.IsoDateTimeFilter(field_name="arrived_at", lookup_expr="lt")


class CallViewSet(RowsViewSet):
    """Call records, the newest first."""

    model = Contact
    serializer_class: Any = CallRecordSerializer
    filterset_class = CallFilter
    pagination_class = NewestFirst
    read_right = Right.READ_REPORTS

    def rows(self) -> QuerySet[Any]:
        return find_contacts(RecordFilter())

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(CallRecordSerializer(records_of(page or []), many=True).data)

    @extend_schema(responses=CallRecordSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(CallRecordSerializer(call_record(kwargs["pk"])).data)
