"""Live figures over the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reporting.live import Live, TeamToday, read_live
from tenants.api.public import TenantView
from tenants.public import Right


class ServiceSerializer(serializers.Serializer[Any]):
    """Figures of today, with the rules by which they were made."""

    waiting = serializers.IntegerField()
    oldest_waiting_at = serializers.DateTimeField(allow_null=True)
    offered = serializers.IntegerField(source="counts.offered")
    answered = serializers.IntegerField(source="counts.answered")
    abandoned = serializers.IntegerField(source="counts.abandoned", help_text="Short abandons are not among them.")
    short_abandoned = serializers.IntegerField(source="counts.short_abandoned")
    service_level = serializers.FloatField(allow_null=True, help_text="0 to 1; null when there was nobody to serve.")
    service_level_variant = serializers.CharField(source="variant")
    service_level_seconds = serializers.IntegerField(source="threshold_seconds", allow_null=True)
    short_abandon_seconds = serializers.IntegerField(allow_null=True)
    asa_s = serializers.FloatField(allow_null=True)
    aht_s = serializers.FloatField(allow_null=True)


class QueueNowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    unserved = serializers.BooleanField(help_text="No agent has the skills that one of its steps asks for.")
    figures = ServiceSerializer(source="service")


class TeamNowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    agents = serializers.DictField(child=serializers.IntegerField(), help_text="How many are in each state.")
    offered = serializers.IntegerField(help_text="Offers to its agents.")
    missed = serializers.IntegerField(help_text="Offers that were not answered, failed or were rejected.")
    answered = serializers.IntegerField(help_text="Contacts that one of its agents answered first.")
    asa_s = serializers.FloatField(allow_null=True)
    handled = serializers.IntegerField()
    aht_s = serializers.FloatField(allow_null=True)


class LiveSerializer(serializers.Serializer[Any]):
    """The tenant now, and its day so far."""

    at = serializers.DateTimeField()
    date = serializers.DateField(help_text="Today on the tenant's clock.")
    begins = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    total = ServiceSerializer()
    queues = QueueNowSerializer(many=True)
    agents = serializers.DictField(child=serializers.IntegerField())
    teams = TeamNowSerializer(many=True)


class LiveView(TenantView):
    """Live figures: now, and today so far, by queue, team and tenant. Tests are left out."""

    read_right = Right.READ_BOARD

    @extend_schema(responses=LiveSerializer)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        live = read_live(self.caller.tenant_id)
        shown = {
            "at": live.at,
            "date": live.day.date,
            "begins": live.day.begins,
            "ends": live.day.ends,
            "total": live.total,
            "queues": live.queues,
            "agents": live.agents_by_state(),
            "teams": [_team(team, live) for team in live.teams],
        }
        return Response(LiveSerializer(shown).data)


def _team(team: TeamToday, live: Live) -> dict[str, Any]:
    figures = ("id", "name", "offered", "missed", "answered", "asa_s", "handled", "aht_s")
    return {"agents": live.agents_by_state(team.id), **{name: getattr(team, name) for name in figures}}
