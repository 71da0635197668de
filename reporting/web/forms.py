"""What may be asked of the lists of records."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agents.public import Agent, Team
from reporting.days import Day
from reporting.records import RecordFilter
from reporting.system import KINDS, Sort
from routing.public import EndReason, Queue

SELECT = forms.Select(attrs={"class": "form-select"})
DATE = {"class": "form-control", "type": "date"}


def _dates() -> forms.DateInput:
    return forms.DateInput(attrs=DATE, format="%Y-%m-%d")


class CallsForm(forms.Form):
    """Which call records are wanted; days are the tenant's."""

    begins = forms.DateField(label=pgettext_lazy("first day", "From"), required=False, widget=_dates())
    ends = forms.DateField(label=pgettext_lazy("last day", "To"), required=False, widget=_dates())
    queue = forms.ModelChoiceField(Queue.objects.none(), label=_("Queue"), required=False, widget=SELECT)
    agent = forms.ModelChoiceField(Agent.objects.none(), label=_("Agent"), required=False, widget=SELECT)
    end = forms.ChoiceField(label=pgettext_lazy("of a call", "End"), required=False, widget=SELECT)
    number = forms.CharField(
        label=_("Calling number"),
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs={"class": "form-control", "inputmode": "tel"}),
    )
    tests = forms.BooleanField(
        label=_("with test calls"), required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, Any] = {name: self.fields[name] for name in ("queue", "agent", "end")}
        choices["queue"].queryset, choices["queue"].empty_label = Queue.objects.order_by("name"), _("all")
        agents = Agent.objects.select_related("user").order_by("number")
        choices["agent"].queryset, choices["agent"].empty_label = agents, _("all")
        choices["agent"].label_from_instance = lambda agent: f"{agent.number} {agent.user.name}"
        choices["end"].choices = [("", _("all")), *EndReason.choices]

    def wanted(self, zone: Any) -> RecordFilter:
        """Return what is wanted; days begin at midnight in `zone`."""
        given = self.cleaned_data
        begins, ends = given["begins"], given["ends"]
        return RecordFilter(
            queue_id=given["queue"].id if given["queue"] else None,
            agent_id=given["agent"].id if given["agent"] else None,
            end_reason=given["end"] or None,
            number=given["number"] or None,
            begins=Day(begins, zone).begins if begins else None,
            ends=Day(ends, zone).ends if ends else None,
            with_tests=given["tests"],
        )


class ServiceForm(forms.Form):
    """Which day's service records are wanted."""

    date = forms.DateField(label=_("Day"), required=False, widget=_dates())
    team = forms.ModelChoiceField(Team.objects.none(), label=_("Team"), required=False, widget=SELECT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.queryset, team.empty_label = Team.objects.order_by("name"), _("All teams")

    def day(self, today: Day) -> Day:
        """Return the wanted day, today without one."""
        date: dt.date | None = self.cleaned_data["date"]
        return Day(date, today.zone) if date else today


class SystemForm(forms.Form):
    """Which of the platform's events are wanted."""

    sort = forms.ChoiceField(
        label=_("Show"),
        required=False,
        widget=SELECT,
        choices=[("", _("all")), (Sort.EXCEPTION.value, _("exceptions")), (Sort.RUN.value, _("runs"))],
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        widget=SELECT,
        choices=[("", _("all")), *((kind, label) for kind, (_sort, label) in KINDS.items())],
    )
    before = forms.UUIDField(required=False, widget=forms.HiddenInput)
