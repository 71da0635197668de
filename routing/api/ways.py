"""Queues, dispositions and entry points."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from routing.customer_segments import LIMITS, check_segments
from routing.models import Disposition, EntryPoint, Flow, Queue, RoutingPolicy
from routing.services.queues import change_queue, create_queue, remove_queue
from routing.steps import warnings_of
from tenants.api.public import FixedFields, RelatedId, WriteRows
from tenants.public import Number, Right


class StepSerializer(serializers.Serializer[Any]):
    """After so many seconds in the queue: ask for other skills, change the priority, or go to another queue."""

    after = serializers.IntegerField(min_value=1, help_text="Seconds since the contact came to the queue.")
    requires = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="A skill expression; left out, as before."
    )
    priority = serializers.IntegerField(required=False, help_text="Added to the contact's priority.")
    queue = serializers.CharField(required=False, help_text="The code of the queue to go to; in the last step only.")


class WarningSerializer(serializers.Serializer[Any]):
    """Something that was accepted, but will hardly do what was meant."""

    pointer = serializers.CharField()
    message = serializers.CharField()


class QueueSerializer(FixedFields, serializers.ModelSerializer[Queue]):
    steps = StepSerializer(many=True, required=False)
    comfort = serializers.DictField(
        child=serializers.CharField(), required=False, help_text='Texts by language: {"en": "Thank you for waiting."}'
    )
    warnings = serializers.SerializerMethodField()

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, queue: Queue) -> list[dict[str, str]]:
        return warnings_of(queue)

    class Meta:
        model = Queue
        fields = (
            "id",
            "code",
            "name",
            "requires",
            "steps",
            "preference",
            "affinity_seconds",
            "affinity_days",
            "account_seconds",
            "priority",
            "weight_seconds",
            "ring_seconds",
            "wrap_up_seconds",
            "target_seconds",
            "target_percent",
            "short_abandon_seconds",
            "announce_seconds",
            "announce_position",
            "announce_wait",
            "comfort",
            "most_waiting",
            "when_full",
            "escalates_to",
            "music_class",
            "active",
            "warnings",
        )
        fixed_fields = ("code",)


class DispositionSerializer(serializers.ModelSerializer[Disposition]):
    class Meta:
        model = Disposition
        fields = ("id", "name", "active")


class EntryPointSerializer(FixedFields, serializers.ModelSerializer[EntryPoint]):
    number = RelatedId(Number, required=False, allow_null=True)
    flow = RelatedId(Flow)

    class Meta:
        model = EntryPoint
        fields = ("id", "code", "name", "number", "flow", "public", "language", "is_test")
        fixed_fields = ("code",)

    def validate_number(self, number: Number | None) -> Number | None:
        service: EntryPoint | None = self.instance
        if service is not None and service.backup_id is not None and number != service.number:
            raise serializers.ValidationError(_("The number's backup is in force; fail back first."))
        return number

    def validate_flow(self, flow: Flow) -> Flow:
        if flow.published_id is None:
            raise serializers.ValidationError(_("This flow has no published version yet; publish one first."))
        return flow


class RoutingRows(WriteRows):
    """What an administrator looks after and a supervisor sees."""

    read_right = Right.READ_ROUTING
    write_right = Right.WRITE_ROUTING


class QueueViewSet(RoutingRows):
    """Queues. One that contacts have been in is not removed but made inactive, once nothing leads there.

    `requires` is a skill expression: `french >= 3 & (loans | mortgages) & !trainee`. New required skills and steps hold
    for the contacts that wait, too. What no agent can serve is accepted, and told in `warnings`.
    """

    model = Queue
    serializer_class: Any = QueueSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self.checked(QueueSerializer)
        queue = create_queue(tenant_id=self.caller.tenant_id, values=values, actor=self.caller.actor)
        return self.show(queue.id, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        caller = self.caller
        with self.reading():
            queue = self.get_object()
            serializer = self.get_serializer(queue, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            queue_id, changes = queue.id, serializer.validated_data
        change_queue(tenant_id=caller.tenant_id, queue_id=queue_id, changes=changes, actor=caller.actor)
        return self.show(queue_id)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        remove_queue(tenant_id=self.caller.tenant_id, queue_id=self.own_id(), actor=self.caller.actor)
        return Response(status=204)


def _seconds(field: str, *, help_text: str) -> serializers.IntegerField:
    least, most = LIMITS[field]
    return serializers.IntegerField(required=False, min_value=least, max_value=most, help_text=help_text)


class CustomerSegmentSerializer(serializers.Serializer[Any]):
    """What customers of a segment get."""

    head_start_seconds = _seconds("head_start_seconds", help_text="Ordered as if they had come so much earlier.")
    target_seconds = _seconds("target_seconds", help_text="Their service level, instead of the queue's.")


class RoutingPolicySerializer(serializers.ModelSerializer[RoutingPolicy]):
    segments = serializers.DictField(
        child=CustomerSegmentSerializer(),
        required=False,
        validators=[check_segments],
        help_text="By their names.",
    )

    class Meta:
        model = RoutingPolicy
        fields = ("id", "order", "ageing_seconds", "segments")


class RoutingPolicyViewSet(RoutingRows):
    """How the tenant's contacts are ordered, across all queues: one row, or none for arrival without ageing.

    A change holds for contacts that come to a queue from then on.
    """

    model = RoutingPolicy
    serializer_class: Any = RoutingPolicySerializer


class DispositionViewSet(RoutingRows):
    """What agents say came of a contact."""

    model = Disposition
    serializer_class: Any = DispositionSerializer


class EntryPointViewSet(RoutingRows):
    """Services that callers reach by a number, or from the provider's public number."""

    model = EntryPoint
    serializer_class: Any = EntryPointSerializer
