"""The administration of agents, skills, teams, sites, stations and reasons."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, pgettext_lazy

from agents.models import Agent, AgentSession, AgentSkill, NotReadyReason, Site, Skill, Station, Team
from agents.services.changes import change_agent
from agents.services.setup import create_agent
from agents.services.skills import remove_skill
from agents.services.stations import change_endpoint
from tenants.administration import ReadOnlyAdmin, RemovalForm, ServiceForm, TenantAdmin, TenantForm, password_field
from tenants.public import HotseatError, Right, Tenant

LEVELS = [("", "–"), *((str(level), str(level)) for level in range(1, 6))]
SKILL_FIELD = "skill-"


class StaffAdmin(TenantAdmin):
    """What an administrator looks after."""

    read_right, write_right = Right.READ_STAFF, Right.WRITE_STAFF


class AgentForm(ServiceForm):
    """A person with a number, a password, and a proficiency for each of the tenant's skills."""

    name = forms.CharField(label=pgettext_lazy("person", "Name"), max_length=120)
    team = forms.ModelChoiceField(label=gettext_lazy("Team"), queryset=Team.objects.none(), required=False)
    active = forms.BooleanField(label=gettext_lazy("Active"), required=False)
    reserve = forms.BooleanField(
        label=gettext_lazy("Reserve"),
        required=False,
        help_text=gettext_lazy("Gets contacts only while the reserve is open."),
    )
    password = password_field(required=False)

    def prepare(self) -> None:
        self.offer("team", Team.objects.all())
        given = {}
        if self.row is not None:
            self.title = str(self.row)
            self.initial = forms.model_to_dict(self.row, fields=["team", "active", "reserve"])
            self.initial["name"] = self.row.user.name
            given = dict(AgentSkill.objects.filter(agent=self.row).values_list("skill__code", "proficiency"))
        for skill in Skill.objects.all():
            self.fields[SKILL_FIELD + skill.code] = forms.ChoiceField(
                label=skill.name, choices=LEVELS, required=False, initial=given.get(skill.code, "")
            )

    def skills(self) -> dict[str, int]:
        """Return the skills that were chosen, with their levels."""
        values = {name: value for name, value in self.cleaned_data.items() if name.startswith(SKILL_FIELD)}
        return {name.removeprefix(SKILL_FIELD): int(value) for name, value in values.items() if value}

    def carry_out(self) -> str | None:
        values, caller = self.cleaned_data, self.caller
        change_agent(
            tenant_id=caller.tenant_id,
            agent_id=self.row.id,
            actor=caller.actor,
            name=values["name"],
            password=values["password"] or None,
            active=values["active"],
            reserve=values["reserve"],
            team_id=_team_id(values),
            skills=self.skills(),
        )
        return None


class NewAgentForm(AgentForm):
    number = forms.CharField(label=gettext_lazy("Agent number"), max_length=16)
    password = password_field()
    active = None  # type: ignore[assignment]  # Django's way to leave a field of the parent out
    field_order = ("number", "name", "password", "team", "reserve")

    def carry_out(self) -> str | None:
        values = self.cleaned_data
        create_agent(
            tenant_id=self.caller.tenant_id,
            number=values["number"],
            name=values["name"],
            password=values["password"],
            skills=self.skills(),
            team_id=_team_id(values),
            reserve=values["reserve"],
            actor=self.caller.actor,
        )
        return None


def _team_id(values: dict[str, Any]) -> Any:
    return values["team"].id if values["team"] else None


@admin.register(Agent)
class AgentAdmin(StaffAdmin):
    list_display = ("number", "user", "team", "active", "reserve", "created_at")
    list_filter = ("active", "reserve", "team")
    list_select_related = ("user", "team")
    search_fields = ("number", "user__name")
    service_add, service_change = NewAgentForm, AgentForm
    may_delete = False


class SkillRemovalForm(RemovalForm):
    def carry_out(self) -> str | None:
        remove_skill(tenant_id=self.caller.tenant_id, skill_id=self.row.id, actor=self.caller.actor)
        return None


@admin.register(Skill)
class SkillAdmin(StaffAdmin):
    service_delete = SkillRemovalForm
    list_display = ("name", "code")
    search_fields = ("name", "code")
    fields = ("code", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Skill | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()


@admin.register(Team)
class TeamAdmin(StaffAdmin):
    list_display = fields = ("name",)


@admin.register(Site)
class SiteAdmin(StaffAdmin):
    list_display = fields = ("name",)


class StationForm(TenantForm):
    """A station; the SIP endpoint may be left to the tenant's code and the extension."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["endpoint"].required = False

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not values.get("endpoint") and values.get("extension"):
            slug = Tenant.objects.get(id=self.instance.tenant_id).slug
            values["endpoint"] = f"{slug}-{values['extension']}"
        if values.get("endpoint") and self.instance.endpoint:
            try:
                change_endpoint(self.instance, values["endpoint"])
            except HotseatError as error:
                self.add_error("endpoint", error.message)
        return values


@admin.register(Station)
class StationAdmin(StaffAdmin):
    form = StationForm
    list_display = ("extension", "site", "ip_address", "endpoint", "answer_mode", "reachable")
    list_filter = ("site", "reachable")
    list_select_related = ("site",)
    search_fields = ("extension", "ip_address", "endpoint")
    fields = ("site", "extension", "ip_address", "endpoint", "answer_mode", "reachable", "reachable_at")
    readonly_fields = ("reachable", "reachable_at")


@admin.register(NotReadyReason)
class ReasonAdmin(StaffAdmin):
    list_display = ("__str__", "system_code", "active")
    fields = ("name", "active")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.system_code)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.system_code)


@admin.register(AgentSession)
class AgentSessionAdmin(ReadOnlyAdmin):
    list_display = ("agent", "station", "state", "reason", "state_since", "logged_in_at", "logged_out_at")
    list_filter = ("state",)
    list_select_related = ("agent__user", "station", "reason")
    fields = (
        "agent",
        "station",
        "profile",
        "state",
        "reason",
        "state_since",
        "wrap_up_until",
        "logged_in_at",
        "logged_out_at",
    )
    ordering = ("-id",)
    read_right = write_right = Right.READ_STAFF
