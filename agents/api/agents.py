"""Agents: a person, a number to log in with, and skills."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.channels import capacity_field
from agents.models import Agent, AgentSkill, Skill, Team
from agents.services.changes import change_agent
from agents.services.setup import create_agent
from agents.services.skill_edits import MOST_EDITED, SkillEdit, edit_skills
from tenants.api.public import ReadRows, RelatedCode, RelatedId, RowFilter
from tenants.public import Right


class AgentSkillSerializer(serializers.ModelSerializer[AgentSkill]):
    skill = RelatedCode(Skill)
    proficiency = serializers.IntegerField(min_value=1, max_value=5)

    class Meta:
        model = AgentSkill
        fields = ("skill", "proficiency")


class AgentSerializer(serializers.ModelSerializer[Agent]):
    name = serializers.CharField(source="user.name", max_length=120)
    team = RelatedId(Team, required=False, allow_null=True)
    skills = AgentSkillSerializer(many=True)
    capacity = capacity_field(help_text="By channel, how many contacts at once; left out: as the channel rules say.")

    class Meta:
        model = Agent
        fields: tuple[str, ...] = (
            *("id", "number", "name", "team", "active", "reserve", "capacity", "skills", "created_at"),
        )

    def validate_skills(self, skills: list[dict[str, Any]]) -> list[dict[str, Any]]:
        codes = [item["skill"].code for item in skills]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise serializers.ValidationError(_("Given twice: %(codes)s.") % {"codes": ", ".join(twice)})
        return skills


class NewAgentSerializer(AgentSerializer):
    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)

    class Meta(AgentSerializer.Meta):
        fields = ("number", "name", "password", "team", "reserve", "capacity", "skills")


class AgentChangeSerializer(NewAgentSerializer):
    class Meta(AgentSerializer.Meta):
        fields = ("name", "password", "team", "active", "reserve", "capacity", "skills")


class SkillEditSerializer(serializers.Serializer[Any]):
    """Which agents, by id or by team, and what they are given and lose."""

    agents = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=MOST_EDITED)
    team = RelatedId(Team, required=False)
    give = AgentSkillSerializer(many=True, required=False, default=list)
    take = serializers.ListField(child=serializers.CharField(max_length=40), required=False, default=list)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("agents" in values) == ("team" in values):
            raise serializers.ValidationError(_("Name either agents or a team."))
        if not values["give"] and not values["take"]:
            raise serializers.ValidationError(_("Give or take at least one skill."))
        return values


class SkillEditedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="How many agents have other skills now.")


class AgentFilter(RowFilter):
    number = django_filters.CharFilter(max_length=16)
    team = django_filters.UUIDFilter(field_name="team_id")
    active = django_filters.BooleanFilter()
    reserve = django_filters.BooleanFilter()
    skill = django_filters.CharFilter(field_name="skills__skill__code", max_length=40)


class AgentViewSet(ReadRows):
    """Agents. One who has ever worked is not deleted but made inactive."""

    model = Agent
    serializer_class: Any = AgentSerializer
    filterset_class = AgentFilter
    read_right = Right.READ_STAFF
    write_right = Right.WRITE_STAFF

    def rows(self) -> QuerySet[Any]:
        return Agent.objects.select_related("user").prefetch_related("skills__skill")

    @extend_schema(request=NewAgentSerializer, responses={201: AgentSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(NewAgentSerializer)
        team = values.get("team")
        agent = create_agent(
            tenant_id=self.caller.tenant_id,
            number=values["number"],
            name=values["user"]["name"],
            password=values["password"],
            skills=_levels(values["skills"]),
            team_id=team.id if team else None,
            reserve=values.get("reserve", False),
            capacity=values.get("capacity"),
            actor=self.caller.actor,
        )
        return self.show(agent.id, status=201)

    @extend_schema(request=AgentChangeSerializer, responses=AgentSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        agent_id, values = self.own_id(), self.checked(AgentChangeSerializer, partial=True)
        caller = self.caller
        team_id = getattr(values["team"], "id", None) if "team" in values else ...
        change_agent(
            tenant_id=caller.tenant_id,
            agent_id=agent_id,
            actor=caller.actor,
            password=values.get("password"),
            name=values.get("user", {}).get("name"),
            active=values.get("active"),
            reserve=values.get("reserve"),
            team_id=team_id,
            skills=_levels(values["skills"]) if "skills" in values else None,
            capacity=values.get("capacity"),
        )
        return self.show(agent_id)

    @extend_schema(request=SkillEditSerializer, responses=SkillEditedSerializer)
    @action(detail=False, methods=["post"], url_path="edit-skills")
    def edit_skills(self, request: Request) -> Response:
        """Give skills to many agents and take others away; who is logged in works with them at once."""
        values, caller = self.checked(SkillEditSerializer), self.caller
        edit = SkillEdit(give=_levels(values["give"]), take=values["take"])
        agents = values["agents"] if "agents" in values else self._of_team(values["team"])
        changed = edit_skills(tenant_id=caller.tenant_id, agent_ids=agents, edit=edit, actor=caller.actor)
        return Response({"changed": changed})

    def _of_team(self, team: Team) -> list[UUID]:
        with self.reading():
            return list(Agent.objects.filter(team=team, active=True).values_list("id", flat=True))


def _levels(skills: list[dict[str, Any]]) -> dict[str, int]:
    return {item["skill"].code: item["proficiency"] for item in skills}
