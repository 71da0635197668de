"""Work items over the API: made, listed, cancelled; finished by the agent who has one in hand."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.public import DeskView
from routing.api.contacts import FinishSerializer
from routing.models import Queue, WorkItem
from routing.services.contacts import HIGHEST_PRIORITY
from routing.services.work_items import (
    BODY_LIMIT,
    REFERENCE_LIMIT,
    SUBJECT_LIMIT,
    Work,
    cancel_work_item,
    create_work_item,
    finish_work_item,
)
from routing.states import ContactState
from tenants.api.public import NewestFirst, ReadRows, RelatedCode, RelatedId, RowFilter
from tenants.public import Customer, Right


class WorkItemSerializer(serializers.ModelSerializer[WorkItem]):
    state = serializers.ChoiceField(source="contact.state", choices=ContactState.choices)
    end_reason = serializers.CharField(source="contact.end_reason")
    queue = serializers.CharField(source="contact.queue.code")
    priority = serializers.IntegerField(source="contact.priority")
    arrived_at = serializers.DateTimeField(source="contact.arrived_at")
    ended_at = serializers.DateTimeField(source="contact.ended_at", allow_null=True)
    disposition = serializers.CharField(source="contact.disposition.name", allow_null=True, default=None)

    class Meta:
        model = WorkItem
        fields = (
            "id",
            "state",
            "end_reason",
            "queue",
            "priority",
            "kind",
            "subject",
            "body",
            "reference",
            "customer",
            "due_at",
            "arrived_at",
            "ended_at",
            "disposition",
        )


class NewWorkItemSerializer(serializers.Serializer[Any]):
    queue = RelatedCode(Queue, help_text="The code of the queue in which it waits.")
    subject = serializers.CharField(max_length=SUBJECT_LIMIT)
    kind = serializers.ChoiceField(choices=WorkItem.Kind.choices, required=False, default=WorkItem.Kind.OTHER)
    body = serializers.CharField(required=False, allow_blank=True, max_length=BODY_LIMIT, default="")
    reference = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=REFERENCE_LIMIT,
        default="",
        help_text="What it is called in the system that it comes from.",
    )
    customer = RelatedId(Customer, required=False, allow_null=True, default=None)
    language = serializers.CharField(required=False, allow_blank=True, max_length=10, default="")
    priority = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=HIGHEST_PRIORITY, help_text="The queue's."
    )
    due_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class FinishedWorkSerializer(FinishSerializer):
    contact = serializers.UUIDField(help_text="The work item's id.")


class WorkItemFilter(RowFilter):
    state = django_filters.MultipleChoiceFilter(field_name="contact__state", choices=ContactState.choices)
    open = django_filters.BooleanFilter(method="by_open")
    kind = django_filters.MultipleChoiceFilter(choices=WorkItem.Kind.choices)
    queue = django_filters.CharFilter(field_name="contact__queue__code", max_length=40)
    customer = django_filters.UUIDFilter(field_name="customer_id")
    reference = django_filters.CharFilter(max_length=REFERENCE_LIMIT)
    due_before = django_filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="lt")

    def by_open(self, rows: QuerySet[WorkItem], name: str, value: bool) -> QuerySet[WorkItem]:
        over = {"contact__state": ContactState.ENDED}
        return rows.exclude(**over) if value else rows.filter(**over)


class WorkItemViewSet(ReadRows):
    """Letters, forms, follow-ups: contacts without a telephone, newest first. The id is the contact's."""

    model = WorkItem
    serializer_class: Any = WorkItemSerializer
    filterset_class = WorkItemFilter
    pagination_class = NewestFirst
    read_right = Right.READ_WORK
    write_right = Right.WRITE_WORK

    def rows(self) -> QuerySet[Any]:
        return WorkItem.objects.select_related("contact__queue", "contact__disposition")

    @extend_schema(request=NewWorkItemSerializer, responses={201: WorkItemSerializer})
    def create(self, request: Request, **address: Any) -> Response:
        """Let something that has to be done wait in a queue for an agent."""
        values = self.checked(NewWorkItemSerializer)
        queue, customer = values.pop("queue"), values.pop("customer")
        work = Work(queue_code=queue.code, customer_id=customer.id if customer else None, **values)
        made = create_work_item(tenant_id=self.caller.tenant_id, work=work, actor=self.caller.actor)
        return self.show(made, status=201)

    @extend_schema(request=None, responses=WorkItemSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID, **address: Any) -> Response:
        """Take it back, whoever has it in hand."""
        cancel_work_item(tenant_id=self.caller.tenant_id, contact_id=self.own_id(), actor=self.caller.actor)
        return self.show(pk)


class FinishWorkView(DeskView):
    """Say what came of a work item that you have in hand; it is done."""

    @extend_schema(request=FinishedWorkSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        values = self.checked(FinishedWorkSerializer)
        finish_work_item(
            tenant_id=self.caller.tenant_id,
            contact_id=values["contact"],
            session_id=self.session_id,
            disposition_id=getattr(values["disposition"], "id", None),
            note=values["note"],
            actor=self.caller.actor,
        )
        return Response(status=204)
