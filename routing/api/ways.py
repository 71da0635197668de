"""Queues, dispositions and entry points."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.public import Skill
from routing.models import Disposition, EntryPoint, Flow, Queue
from routing.services.queues import change_queue, remove_queue
from tenants.api.public import FixedFields, RelatedId, WriteRows
from tenants.public import Number, Right


class RequiresField(serializers.DictField):
    """Skill codes of the tenant with the least proficiency, 1 to 5."""

    child = serializers.IntegerField(min_value=1, max_value=5)

    def to_internal_value(self, data: Any) -> dict[str, int]:
        levels: dict[str, int] = super().to_internal_value(data)
        known = set(Skill.objects.filter(code__in=list(levels)).values_list("code", flat=True))
        if unknown := sorted(levels.keys() - known):
            raise serializers.ValidationError(dict.fromkeys(unknown, _("There is no skill with this code.")))
        return levels


class QueueSerializer(FixedFields, serializers.ModelSerializer[Queue]):
    requires = RequiresField(required=False)

    class Meta:
        model = Queue
        fields = (
            "id",
            "code",
            "name",
            "requires",
            "preference",
            "priority",
            "weight_seconds",
            "ring_seconds",
            "wrap_up_seconds",
            "target_seconds",
            "target_percent",
            "short_abandon_seconds",
            "announce_seconds",
            "music_class",
            "active",
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

    New required skills hold for the contacts that wait, too.
    """

    model = Queue
    serializer_class: Any = QueueSerializer

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


class DispositionViewSet(RoutingRows):
    """What agents say came of a contact."""

    model = Disposition
    serializer_class: Any = DispositionSerializer


class EntryPointViewSet(RoutingRows):
    """Services that callers reach by a number, or from the provider's public number."""

    model = EntryPoint
    serializer_class: Any = EntryPointSerializer
