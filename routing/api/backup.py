"""Backup plans of numbers: their routes and rules, activation, failing back, history. And the operator's trunks."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from routing.backup_states import LIVE_ACTIVATION, ActivationState
from routing.models import BackupActivation, BackupPlan, BackupRoute, BarredPrefix, Queue, Trunk
from routing.services.backup import activate_plan, fail_back
from routing.services.backup_plans import RouteDraft, remove_plan, save_plan
from tenants.api.public import NewestFirst, OfTenant, ReadRows, RelatedId, RowFilter, WriteRows
from tenants.public import Number, Right

RULES = ("node", "queue", "after_seconds", "returns", "return_seconds")


class BackupRouteSerializer(serializers.ModelSerializer[BackupRoute]):
    """One route. Routes are tried in the order of the list."""

    queue = RelatedId(Queue, required=False, allow_null=True, default=None)
    destination = serializers.CharField(
        required=False, allow_blank=True, max_length=40, default="", help_text="Any international way of writing."
    )
    announcement = serializers.DictField(
        child=serializers.CharField(allow_blank=True), required=False, help_text="A text for each language."
    )

    class Meta:
        model = BackupRoute
        fields = ("id", "kind", "queue", "destination", "ring_seconds", "announcement", "takes_waiting")

    def draft(self, values: dict[str, Any]) -> RouteDraft:
        """Return checked values as the service takes them."""
        queue = values.pop("queue", None)
        return RouteDraft(queue_id=queue.id if queue else None, **values)


class ActivationSerializer(serializers.ModelSerializer[BackupActivation]):
    class Meta:
        model = BackupActivation
        fields = (
            "id",
            "plan",
            "state",
            "cause",
            "step",
            "steps",
            "refused",
            "moved",
            "started_at",
            "started_by",
            "active_at",
            "ended_at",
            "ended_by",
        )


class BackupPlanSerializer(serializers.ModelSerializer[BackupPlan]):
    number = RelatedId(Number)
    queue = RelatedId(Queue, required=False, allow_null=True)
    routes = BackupRouteSerializer(many=True, required=False)
    state = serializers.SerializerMethodField(help_text="Inactive unless there is an activation.")
    activation = serializers.SerializerMethodField()

    class Meta:
        model = BackupPlan
        fields = ("id", "number", *RULES, "trouble", "trouble_since", "routes", "state", "activation")
        read_only_fields = ("trouble", "trouble_since")
        # The service knows better, and says so in its own words.
        validators: tuple[Any, ...] = ()

    @extend_schema_field(serializers.ChoiceField(choices=ActivationState.choices))
    def get_state(self, plan: BackupPlan) -> str:
        live = _live(plan)
        return live.state if live else str(ActivationState.INACTIVE)

    @extend_schema_field(ActivationSerializer(allow_null=True))
    def get_activation(self, plan: BackupPlan) -> dict[str, Any] | None:
        live = _live(plan)
        return ActivationSerializer(live).data if live else None


class BackupPlanFilter(RowFilter):
    number = django_filters.UUIDFilter(field_name="number_id")


def _live(plan: BackupPlan) -> BackupActivation | None:
    # Only the live ones are prefetched in `rows`; the question stays right where nothing was prefetched.
    return next((each for each in plan.activations.all() if each.state in LIVE_ACTIVATION), None)


class BackupPlanViewSet(ReadRows):
    """Numbers' backup plans. In force, every new call of the number goes to the first route that takes it."""

    model = BackupPlan
    serializer_class: Any = BackupPlanSerializer
    filterset_class = BackupPlanFilter
    read_right = Right.READ_ROUTING
    write_right = Right.WRITE_ROUTING
    action_rights = {"activate": Right.ACTIVATE_BACKUP, "fail_back": Right.ACTIVATE_BACKUP}

    def rows(self) -> QuerySet[Any]:
        live = BackupActivation.objects.filter(state__in=LIVE_ACTIVATION)
        return BackupPlan.objects.prefetch_related("routes", Prefetch("activations", queryset=live))

    @extend_schema(request=BackupPlanSerializer, responses={201: BackupPlanSerializer})
    def create(self, request: Request, **address: Any) -> Response:
        values = self.checked(BackupPlanSerializer)
        number: Number = values.pop("number")
        return self.show(self._save(values, number_id=number.id).id, status=201)

    @extend_schema(request=BackupPlanSerializer(partial=True), responses=BackupPlanSerializer)
    def partial_update(self, request: Request, pk: UUID, **address: Any) -> Response:
        """Change the rules, or the routes, all of them together. The number stays."""
        plan_id, values = self.own_id(), self.checked(BackupPlanSerializer, partial=True)
        values.pop("number", None)
        with self.reading():
            number_id: UUID = BackupPlan.objects.get(id=plan_id).number_id
        return self.show(self._save(values, number_id=number_id, plan_id=plan_id).id)

    def destroy(self, request: Request, pk: UUID, **address: Any) -> Response:
        remove_plan(tenant_id=self.caller.tenant_id, plan_id=pk, actor=self.caller.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=BackupPlanSerializer)
    @action(detail=True, methods=["post"])
    def activate(self, request: Request, pk: UUID, **address: Any) -> Response:
        """Send the number's calls over its backup routes. 422 lists every route that must not be used."""
        activate_plan(tenant_id=self.caller.tenant_id, plan_id=pk, actor=self.caller.actor)
        return self.show(pk)

    @extend_schema(request=None, responses=BackupPlanSerializer)
    @action(detail=True, methods=["post"], url_path="fail-back")
    def fail_back(self, request: Request, pk: UUID, **address: Any) -> Response:
        """Send the number's calls the usual way again. Calls on backup routes go on to their end."""
        fail_back(tenant_id=self.caller.tenant_id, plan_id=pk, actor=self.caller.actor)
        return self.show(pk)

    def _save(self, values: dict[str, Any], *, number_id: UUID, plan_id: UUID | None = None) -> BackupPlan:
        routes = values.pop("routes", None)
        drafts = None if routes is None else [BackupRouteSerializer().draft(dict(route)) for route in routes]
        if "queue" in values:
            queue = values.pop("queue")
            values["queue_id"] = queue.id if queue else None
        return save_plan(
            tenant_id=self.caller.tenant_id,
            number_id=number_id,
            rules=values,
            routes=[] if drafts is None and plan_id is None else drafts,
            actor=self.caller.actor,
            plan_id=plan_id,
        )


class ActivationFilter(RowFilter):
    plan = django_filters.UUIDFilter(field_name="plan_id")
    state = django_filters.MultipleChoiceFilter(choices=ActivationState.choices)


class ActivationViewSet(ReadRows):
    """When backup plans were in force, newest first: why, by whom, and each step with its time."""

    model = BackupActivation
    serializer_class: Any = ActivationSerializer
    filterset_class = ActivationFilter
    pagination_class = NewestFirst
    read_right = Right.READ_ROUTING


class TenantBackupPlanViewSet(OfTenant, BackupPlanViewSet):
    """An enterprise's backup plans, for the operator."""

    read_right = Right.READ_TENANTS
    write_right = Right.WRITE_TRUNKS
    action_rights = {"activate": Right.WRITE_TRUNKS, "fail_back": Right.WRITE_TRUNKS}


class TrunkSerializer(serializers.ModelSerializer[Trunk]):
    class Meta:
        model = Trunk
        fields = ("id", "name", "node", "label", "position", "shows", "active")


class TrunkViewSet(WriteRows):
    """The operator's ways out to the telephone network. The first active one of an exchange is used."""

    model = Trunk
    serializer_class: Any = TrunkSerializer
    read_right = Right.WRITE_TRUNKS
    write_right = Right.WRITE_TRUNKS


class BarredPrefixSerializer(serializers.ModelSerializer[BarredPrefix]):
    class Meta:
        model = BarredPrefix
        fields = ("id", "prefix", "why", "note")


class BarredPrefixViewSet(WriteRows):
    """Numbers that nobody may dial through the platform, by their beginning."""

    model = BarredPrefix
    serializer_class: Any = BarredPrefixSerializer
    read_right = Right.WRITE_TRUNKS
    write_right = Right.WRITE_TRUNKS
