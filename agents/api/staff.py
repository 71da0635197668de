"""Skills, teams, sites, stations and not-ready reasons."""

from typing import Any

import django_filters
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import AccountAgent, Agent, NotReadyReason, Site, Skill, Station, Team
from agents.services.skills import remove_skill
from agents.services.stations import change_endpoint
from tenants.api.public import FixedFields, RelatedId, RowFilter, WriteRows
from tenants.public import Conflict, Customer, Right, Tenant


class SkillSerializer(FixedFields, serializers.ModelSerializer[Skill]):
    class Meta:
        model = Skill
        fields = ("id", "code", "name")
        fixed_fields = ("code",)


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("id", "name")


class SiteSerializer(serializers.ModelSerializer[Site]):
    class Meta:
        model = Site
        fields = ("id", "name")


class StationSerializer(serializers.ModelSerializer[Station]):
    site = RelatedId(Site)

    class Meta:
        model = Station
        fields = ("id", "site", "extension", "ip_address", "endpoint", "answer_mode", "reachable", "reachable_at")
        read_only_fields = ("reachable", "reachable_at")
        # Whether it is free is decided by the index (409), which sees other tenants' phones too.
        extra_kwargs = {"endpoint": {"required": False, "validators": Station._meta.get_field("endpoint").validators}}


class ReasonSerializer(serializers.ModelSerializer[NotReadyReason]):
    class Meta:
        model = NotReadyReason
        fields = ("id", "name", "system_code", "active")
        read_only_fields = ("system_code",)


class AccountAgentSerializer(serializers.ModelSerializer[AccountAgent]):
    customer = RelatedId(Customer)
    agent = RelatedId(Agent)

    class Meta:
        model = AccountAgent
        fields = ("id", "customer", "agent")


class AccountAgentFilter(RowFilter):
    customer = django_filters.UUIDFilter(field_name="customer_id")
    agent = django_filters.UUIDFilter(field_name="agent_id")


class StaffRows(WriteRows):
    """What an administrator looks after and a supervisor sees."""

    read_right = Right.READ_STAFF
    write_right = Right.WRITE_STAFF


class SkillViewSet(StaffRows):
    """Skills. One that somebody has or a queue requires cannot be removed; its code stays as it is."""

    model = Skill
    serializer_class: Any = SkillSerializer

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        remove_skill(tenant_id=self.caller.tenant_id, skill_id=self.own_id(), actor=self.caller.actor)
        return Response(status=204)


class TeamViewSet(StaffRows):
    """Teams of agents."""

    model = Team
    serializer_class: Any = TeamSerializer


class SiteViewSet(StaffRows):
    """Places with seats."""

    model = Site
    serializer_class: Any = SiteSerializer


class StationViewSet(StaffRows):
    """Seats with a telephone. Without `endpoint` it is "<tenant's code>-<extension>"."""

    model = Station
    serializer_class: Any = StationSerializer

    def create_row(self, serializer: serializers.BaseSerializer[Any]) -> Station:
        given = serializer.validated_data
        slug = Tenant.objects.get(id=self.caller.tenant_id).slug
        row: Station = serializer.save(endpoint=given.get("endpoint") or f"{slug}-{given['extension']}")
        return row

    def change_row(self, serializer: serializers.BaseSerializer[Any]) -> Any:
        station: Any = serializer.instance
        change_endpoint(station, serializer.validated_data.get("endpoint") or station.endpoint)
        return serializer.save(endpoint=station.endpoint)


class ReasonViewSet(StaffRows):
    """Why agents take no contacts just now. The system's own (`system_code`) cannot be changed."""

    model = NotReadyReason
    serializer_class: Any = ReasonSerializer

    def change_row(self, serializer: serializers.BaseSerializer[Any]) -> Any:
        _refuse_system(serializer.instance)
        return serializer.save()

    def remove_row(self, row: NotReadyReason) -> None:
        _refuse_system(row)
        row.delete()


def _refuse_system(reason: Any) -> None:
    if reason.system_code:
        raise Conflict(_("This reason is the system's own; it stays as it is."), code="system-reason")


class AccountAgentViewSet(WriteRows):
    """Which agent looks after which customer; a customer has one at most."""

    model = AccountAgent
    serializer_class: Any = AccountAgentSerializer
    filterset_class = AccountAgentFilter
    read_right = Right.READ_CUSTOMERS
    write_right = Right.WRITE_CUSTOMERS
