"""Call records over the API: contacts with all their stretches, and one contact's whole story."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reporting.models import CallRecord, HungUpBy, LegRecord
from reporting.records import RecordFilter, call_record, find_calls, shown_calls
from routing.public import ContactState, EndedBy, EndReason, OfferState
from tenants.api.public import NewestFirst, RowFilter, RowsViewSet
from tenants.public import Right


class NamedSerializer(serializers.Serializer[Any]):
    """Another object: its id and its name, which is empty when it was removed since."""

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

    id = serializers.UUIDField(source="record.id")
    interaction = serializers.UUIDField(source="record.interaction_id")
    ordinal = serializers.IntegerField(source="record.ordinal")
    state = serializers.ChoiceField(choices=ContactState.choices, source="record.state")
    end_reason = serializers.CharField(source="record.end_reason", allow_blank=True)
    hung_up_by = serializers.ChoiceField(
        choices=HungUpBy.choices,
        source="record.hung_up_by",
        allow_blank=True,
        help_text="Whose wish the end was; empty while it runs, and when it was handed over.",
    )
    direction = serializers.CharField(source="record.direction")
    channel = serializers.CharField(source="record.channel")
    language = serializers.CharField(source="record.language")
    customer_segment = serializers.CharField(source="record.segment", allow_blank=True)
    is_test = serializers.BooleanField(source="record.is_test")
    node = serializers.CharField(source="record.node", allow_blank=True, help_text="The exchange that it came in on.")
    sip_call_id = serializers.CharField(
        source="record.sip_call_id", allow_blank=True, help_text="The caller's leg's; empty where it has none."
    )
    calling_number = serializers.CharField(allow_blank=True, help_text="Empty when hidden or unknown.")
    called_number = serializers.CharField(allow_blank=True)
    customer_name = serializers.CharField(allow_blank=True)
    queue = NamedSerializer(allow_null=True)
    entry_point = NamedSerializer(allow_null=True)
    disposition = NamedSerializer(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    agents = NamedSerializer(many=True)
    arrived_at = serializers.DateTimeField(source="record.arrived_at")
    queued_at = serializers.DateTimeField(source="record.queued_at", allow_null=True)
    connected_at = serializers.DateTimeField(source="record.connected_at", allow_null=True)
    ended_at = serializers.DateTimeField(source="record.ended_at", allow_null=True)
    transfers = serializers.IntegerField(source="record.transfers", help_text="How often an agent passed it on.")
    metered_ms = serializers.IntegerField(source="record.metered_ms", allow_null=True)
    wait_s = serializers.FloatField()
    talk_s = serializers.FloatField()
    hold_s = serializers.FloatField()
    wrap_up_s = serializers.FloatField()
    segments = SegmentRecordSerializer(many=True)


class OfferRecordSerializer(serializers.Serializer[Any]):
    """An agent who was asked. `decision` says why this one: demand, order, candidates, preference, who was left out."""

    id = serializers.UUIDField(source="offer.id")
    agent = NamedSerializer(allow_null=True)
    agent_number = serializers.CharField(allow_null=True)
    session = serializers.UUIDField(source="offer.session_id")
    state = serializers.ChoiceField(choices=OfferState.choices, source="offer.state")
    cause = serializers.CharField(source="offer.cause", allow_blank=True)
    offered_at = serializers.DateTimeField(source="offer.offered_at")
    ringing_at = serializers.DateTimeField(source="offer.ringing_at", allow_null=True)
    accepted_at = serializers.DateTimeField(source="offer.accepted_at", allow_null=True)
    ended_at = serializers.DateTimeField(source="offer.ended_at", allow_null=True)
    decision = serializers.DictField(source="offer.decision")


class LegRecordSerializer(serializers.ModelSerializer[LegRecord]):
    """A leg at the exchange that is over. `cause` is Q.850."""

    side = serializers.ChoiceField(choices=LegRecord.Side.choices)
    ended_by = serializers.ChoiceField(choices=EndedBy.choices)

    class Meta:
        model = LegRecord
        fields = (
            "id",
            "side",
            "offer_id",
            "node",
            "sip_call_id",
            "created_at",
            "ringing_at",
            "answered_at",
            "bridged_at",
            "ended_at",
            "ended_by",
            "cause",
            "sip_status",
        )


class CallDetailSerializer(CallRecordSerializer):
    """One contact's whole story: the agents who were asked too, and the legs that are over."""

    offers = OfferRecordSerializer(many=True)
    legs = LegRecordSerializer(many=True)


class CallFilter(RowFilter):
    """`from` and `to` bound the arrival (ISO 8601 with an offset); the latter is excluded."""

    queue = django_filters.UUIDFilter(field_name="queue_id")
    state = django_filters.ChoiceFilter(choices=ContactState.choices)
    end_reason = django_filters.ChoiceFilter(choices=EndReason.choices)
    hung_up_by = django_filters.ChoiceFilter(choices=HungUpBy.choices)
    is_test = django_filters.BooleanFilter()
    interaction = django_filters.UUIDFilter(field_name="interaction_id")
    sip_call_id = django_filters.CharFilter()
    agent = django_filters.UUIDFilter(method="of_agent", label="id of an agent who was rung or talked")
    number = django_filters.CharFilter(method="from_number", label="who called, in any international way of writing")

    def of_agent(self, rows: QuerySet[CallRecord], name: str, value: Any) -> QuerySet[CallRecord]:
        return rows.filter(id__in=find_calls(RecordFilter(agent_id=value)).values("id"))

    def from_number(self, rows: QuerySet[CallRecord], name: str, value: str) -> QuerySet[CallRecord]:
        return rows.filter(id__in=find_calls(RecordFilter(number=value)).values("id"))


CallFilter.base_filters["from"] = django_filters.IsoDateTimeFilter(field_name="arrived_at", lookup_expr="gte")
CallFilter.base_filters["to"] = django_filters.IsoDateTimeFilter(field_name="arrived_at", lookup_expr="lt")


class CallViewSet(RowsViewSet):
    """Call records, the newest first."""

    model = CallRecord
    serializer_class: Any = CallRecordSerializer
    filterset_class = CallFilter
    pagination_class = NewestFirst
    read_right = Right.READ_REPORTS

    def rows(self) -> QuerySet[Any]:
        return find_calls(RecordFilter())

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(CallRecordSerializer(shown_calls(page or []), many=True).data)

    @extend_schema(responses=CallDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(CallDetailSerializer(call_record(kwargs["pk"])).data)
