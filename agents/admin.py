"""The administration of agents, skills, teams, sites, stations and reasons."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from unfold.decorators import action

from agents.channels import MOST, Channel
from agents.models import (
    AccountAgent,
    Agent,
    AgentSession,
    AgentSkill,
    ChannelRules,
    NotReadyReason,
    Site,
    Skill,
    Station,
    Team,
)
from agents.services.changes import change_agent
from agents.services.setup import create_agent
from agents.services.skill_edits import MOST_EDITED, SkillEdit, edit_skills
from agents.services.skills import remove_skill
from agents.services.slots import change_channel_rules
from agents.services.stations import change_endpoint
from tenants.administration import (
    ReadOnlyAdmin,
    RemovalForm,
    ServiceForm,
    TenantAdmin,
    TenantForm,
    password_field,
    text_area,
)
from tenants.public import HotseatError, Right, Tenant, own_scope

LEVELS = [("", "–"), *((str(level), str(level)) for level in range(1, 6))]
SKILL_FIELD = "skill-"
TAKE = "take"
EDITS = [("", gettext_lazy("as it is")), *LEVELS[1:], (TAKE, gettext_lazy("take away"))]
CAPACITY_FIELD = "capacity-"
KEPT_AWAY_FIELD = "kept-away-"


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
        own = self.row.capacity if self.row else {}
        for channel, most in MOST.items():
            self.fields[CAPACITY_FIELD + channel] = forms.IntegerField(
                label=capfirst(_("%(channel)s at once") % {"channel": channel.label}),
                min_value=0,
                max_value=most,
                required=False,
                help_text=_("Empty: as the channel rules say."),
            )
            self.initial[CAPACITY_FIELD + channel] = own.get(channel)
        given = {}
        if self.row is not None:
            self.title = str(self.row)
            self.initial.update(forms.model_to_dict(self.row, fields=["team", "active", "reserve"]))
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

    def capacity(self) -> dict[str, int]:
        """Return how many contacts at once, for the channels for which that was given."""
        given = {str(channel): self.cleaned_data.get(CAPACITY_FIELD + channel) for channel in Channel}
        return {channel: most for channel, most in given.items() if most is not None}

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
            capacity=self.capacity(),
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
            capacity=self.capacity(),
            actor=self.caller.actor,
        )
        return None


def _team_id(values: dict[str, Any]) -> Any:
    return values["team"].id if values["team"] else None


class SkillEditForm(ServiceForm):
    """What many agents are given and lose: those named by number, or a team."""

    agents = text_area(
        gettext_lazy("Agent numbers"),
        rows=3,
        required=False,
        help_text=gettext_lazy("Separated by spaces, commas or lines."),
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("or all active agents of the team"), queryset=Team.objects.none(), required=False
    )

    def prepare(self) -> None:
        self.title = _("Edit the skills of many agents")
        self.offer("team", Team.objects.all())
        for skill in Skill.objects.all():
            self.fields[SKILL_FIELD + skill.code] = forms.ChoiceField(label=skill.name, choices=EDITS, required=False)

    def clean_agents(self) -> list[Agent]:
        numbers = set(re.split(r"[\s,;，、；]+", self.cleaned_data["agents"])) - {""}
        if len(numbers) > MOST_EDITED:
            raise forms.ValidationError(_("At most %(most)d agents at a time.") % {"most": MOST_EDITED})
        found = list(Agent.objects.filter(number__in=numbers))
        if unknown := sorted(numbers - {agent.number for agent in found}):
            raise forms.ValidationError(_("No agent has the number %(numbers)s.") % {"numbers": ", ".join(unknown)})
        return found

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return values
        if bool(values["agents"]) == bool(values["team"]):
            raise forms.ValidationError(_("Name either agents or a team."))
        if values["team"]:
            values["agents"] = list(Agent.objects.filter(team=values["team"], active=True))
        edits = {
            name.removeprefix(SKILL_FIELD): value for name, value in values.items() if name.startswith(SKILL_FIELD)
        }
        given = {code: int(value) for code, value in edits.items() if value not in ("", TAKE)}
        values["edit"] = SkillEdit(give=given, take=[code for code, value in edits.items() if value == TAKE])
        if not any(edits.values()):
            raise forms.ValidationError(_("Give or take at least one skill."))
        return values

    def carry_out(self) -> str:
        values, caller = self.cleaned_data, self.caller
        agents = [agent.id for agent in values["agents"]]
        changed = edit_skills(tenant_id=caller.tenant_id, agent_ids=agents, edit=values["edit"], actor=caller.actor)
        return ngettext("%(count)d agent has other skills now.", "%(count)d agents have other skills now.", changed) % {
            "count": changed
        }


@admin.register(Agent)
class AgentAdmin(StaffAdmin):
    list_display = ("number", "user", "team", "active", "reserve", "created_at")
    list_filter = ("active", "reserve", "team")
    list_select_related = ("user", "team")
    search_fields = ("number", "user__name")
    service_add, service_change = NewAgentForm, AgentForm
    may_delete = False
    actions: ClassVar[list[str]] = ["edit_theirs"]
    actions_list = ("edit_skills",)

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description=gettext_lazy("Edit skills of many"), url_path="edit-skills", permissions=["change"]
    )
    @own_scope
    def edit_skills(self, request: HttpRequest) -> HttpResponse:
        """The page that gives skills to many agents and takes others away."""
        return self._serve(request, SkillEditForm, None, may=self.has_change_permission(request))

    @admin.action(description=gettext_lazy("Edit their skills"), permissions=["change"])
    def edit_theirs(self, request: HttpRequest, agents: QuerySet[Agent]) -> HttpResponse:
        """That page, with those who were ticked in the list."""
        numbers = ", ".join(agents.order_by("number").values_list("number", flat=True))
        return redirect(f"{reverse('admin:agents_agent_edit_skills')}?{urlencode({'agents': numbers})}")


@admin.register(AccountAgent)
class AccountAgentAdmin(TenantAdmin):
    list_display = ("customer", "agent")
    list_select_related = ("customer", "agent__user")
    search_fields = ("customer__name", "customer__phone", "agent__number", "agent__user__name")
    fields = ("customer", "agent")
    read_right, write_right = Right.READ_CUSTOMERS, Right.WRITE_CUSTOMERS


class ChannelRulesForm(ServiceForm):
    """How many contacts of each channel at once, and by which channels each is kept away."""

    def prepare(self) -> None:
        rules = self.row or ChannelRules()
        self.title = capfirst(str(ChannelRules._meta.verbose_name))
        for channel, most in MOST.items():
            self.fields[CAPACITY_FIELD + channel] = forms.IntegerField(
                label=capfirst(_("%(channel)s at once") % {"channel": channel.label}),
                min_value=0,
                max_value=most,
                initial=rules.capacity.get(channel, 0),
            )
        for channel in Channel:
            self.fields[KEPT_AWAY_FIELD + channel] = forms.MultipleChoiceField(
                label=capfirst(_("%(channel)s: not while the agent has") % {"channel": channel.label}),
                choices=[(other.value, other.label) for other in Channel if other != channel],
                initial=rules.kept_away_by.get(channel, []),
                required=False,
            )

    def carry_out(self) -> str | None:
        given = self.cleaned_data
        values = {
            "capacity": {str(channel): given[CAPACITY_FIELD + channel] for channel in Channel},
            "kept_away_by": {
                str(channel): given[KEPT_AWAY_FIELD + channel]
                for channel in Channel
                if given[KEPT_AWAY_FIELD + channel]
            },
        }
        change_channel_rules(tenant_id=self.caller.tenant_id, values=values, actor=self.caller.actor)
        return None


@admin.register(ChannelRules)
class ChannelRulesAdmin(StaffAdmin):
    list_display = ("__str__",)
    service_add, service_change = ChannelRulesForm, ChannelRulesForm
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
