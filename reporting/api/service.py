"""Agents' service records over the API."""

import datetime as dt
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reporting.days import Day
from reporting.service import read_service
from tenants.api.public import TenantView
from tenants.public import Right, db_now


class ServiceRecordSerializer(serializers.Serializer[Any]):
    """How an agent's time went. Durations are seconds; all kinds together are `logged_in_s`."""

    agent = serializers.UUIDField(source="agent_id")
    name = serializers.CharField()
    number = serializers.CharField()
    team = serializers.UUIDField(source="team_id", allow_null=True)
    logins = serializers.IntegerField()
    first_login = serializers.DateTimeField()
    last_logout = serializers.DateTimeField(allow_null=True, help_text="Null while the agent is logged in.")
    logged_in_s = serializers.FloatField()
    ready_s = serializers.FloatField()
    ringing_s = serializers.FloatField()
    talking_s = serializers.FloatField()
    hold_s = serializers.FloatField()
    wrap_up_s = serializers.FloatField()
    not_ready_s = serializers.DictField(child=serializers.FloatField(), help_text="By reason.")
    occupancy = serializers.FloatField(
        allow_null=True, help_text="0 to 1: (talking + hold + wrap-up) / (logged in − not ready)."
    )
    offered = serializers.IntegerField()
    missed = serializers.IntegerField()
    answered = serializers.IntegerField()


class ServiceDaySerializer(serializers.Serializer[Any]):
    """The agents who were logged in on a day of the tenant's clock."""

    date = serializers.DateField()
    begins = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    agents = ServiceRecordSerializer(many=True)


class WantedSerializer(serializers.Serializer[Any]):
    """What may be asked for."""

    date = serializers.DateField(required=False)
    team = serializers.UUIDField(required=False)


class ServiceView(TenantView):
    """Agents' service records of one day; today's without a date."""

    read_right = Right.READ_REPORTS

    @extend_schema(
        responses=ServiceDaySerializer,
        parameters=[
            OpenApiParameter("date", OpenApiTypes.DATE, description="On the tenant's clock."),
            OpenApiParameter("team", OpenApiTypes.UUID),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = WantedSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        day = day_of(wanted.validated_data.get("date"), self.caller.tenant.zone)
        agents = read_service(self.caller.tenant_id, day, team_id=wanted.validated_data.get("team"))
        shown = {"date": day.date, "begins": day.begins, "ends": day.ends, "agents": agents}
        return Response(ServiceDaySerializer(shown).data)


def day_of(date: dt.date | None, zone: Any) -> Day:
    """Return that day in the tenant's zone, or today there. The scope is open."""
    return Day(date, zone) if date else Day.at(db_now(), zone)
