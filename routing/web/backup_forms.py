"""The form of a number's backup plan: its rules, and its routes one below the other."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from routing.models import BackupPlan, BackupRoute, Queue
from routing.services.backup_plans import RouteDraft, save_plan
from routing.services.exchanges import known_exchanges
from routing.speech.voices import SPOKEN_LANGUAGES
from tenants.administration import RefusedForm
from tenants.public import HotseatError, Number

SPARE_ROUTES = 2
LANGUAGE_LABELS = {"en": gettext_lazy("Announcement in English"), "zh-hans": gettext_lazy("Announcement in Chinese")}


class RulesForm(RefusedForm):
    """By what rule the plan is activated and taken back."""

    node = forms.ChoiceField(label=gettext_lazy("Activate when this exchange is dead"), required=False)
    queue = forms.ModelChoiceField(
        Queue.objects.none(), label=gettext_lazy("Activate when nobody is logged in for this queue"), required=False
    )
    after_seconds = forms.IntegerField(
        label=gettext_lazy("… for so many seconds"), min_value=1, max_value=3600, initial=30
    )
    returns = forms.BooleanField(
        label=gettext_lazy("Fail back by itself what a rule activated"),
        required=False,
        help_text=gettext_lazy("What a person activated is theirs to take back."),
    )
    return_seconds = forms.IntegerField(
        label=gettext_lazy("… once all has been well for so many seconds"), min_value=1, max_value=3600, initial=120
    )

    def offer(self, exchanges: list[str]) -> None:
        """Set what there is to choose from. The tenant's scope is open."""
        field: Any = self.fields["queue"]
        field.queryset = Queue.objects.filter(active=True)
        node: Any = self.fields["node"]
        node.choices = [("", _("– not watched –")), *((name, name) for name in exchanges)]
        for each in self.fields.values():
            _dress(each)


class RouteForm(RefusedForm):
    """One route; left without a kind it is none."""

    kind = forms.ChoiceField(label=gettext_lazy("Route"), required=False)
    queue = forms.ModelChoiceField(Queue.objects.none(), label=gettext_lazy("Queue"), required=False)
    destination = forms.CharField(label=gettext_lazy("Number, such as +447700900500"), required=False, max_length=40)
    ring_seconds = forms.IntegerField(label=gettext_lazy("Ring time (s)"), min_value=3, max_value=120, initial=25)
    takes_waiting = forms.BooleanField(label=gettext_lazy("Takes callers who wait already"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind: Any = self.fields["kind"]
        kind.choices = [("", _("– none –")), *BackupRoute.Kind.choices]
        queue: Any = self.fields["queue"]
        queue.queryset = Queue.objects.filter(active=True)
        for language in SPOKEN_LANGUAGES:
            self.fields[f"announcement_{language}"] = forms.CharField(
                label=LANGUAGE_LABELS[language], required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
            )
        for field in self.fields.values():
            _dress(field)

    def draft(self) -> RouteDraft | None:
        """Return the route as it was put in; None for none."""
        values = self.cleaned_data
        if not values["kind"]:
            return None
        queue: Queue | None = values["queue"]
        texts = {language: values[f"announcement_{language}"] for language in SPOKEN_LANGUAGES}
        return RouteDraft(
            kind=values["kind"],
            queue_id=queue.id if queue and values["kind"] == BackupRoute.Kind.QUEUE else None,
            destination=values["destination"],
            ring_seconds=values["ring_seconds"],
            announcement={language: text for language, text in texts.items() if text.strip()},
            takes_waiting=values["takes_waiting"],
        )


class PlanForms:
    """Both together. Made and shown in the tenant's scope; `carry_out` is called outside of it."""

    def __init__(self, data: Any, *, number: Number, plan: BackupPlan | None, exchanges: list[str]) -> None:
        self.number, self.plan = number, plan
        self.rules = RulesForm(data, initial=_rules_of(plan) if plan else None)
        self.rules.offer(exchanges)
        stored = [_initial(route) for route in BackupRoute.objects.filter(plan=plan)] if plan else []
        count = len(stored) + SPARE_ROUTES
        if data is not None:
            count = sum(1 for name in data if name.startswith("route") and name.endswith("-kind"))
        stored += [{}] * (count - len(stored))
        self.routes = [RouteForm(data, prefix=f"route{place}", initial=stored[place] or None) for place in range(count)]

    def is_valid(self) -> bool:
        return all([self.rules.is_valid(), *[route.is_valid() for route in self.routes]])

    def carry_out(self, *, tenant_id: UUID, actor: str) -> None:
        """Save the plan; what the service refuses is shown where it belongs, and raised again."""
        drafts = [(route, draft) for route in self.routes if (draft := route.draft()) is not None]
        rules = dict(self.rules.cleaned_data)
        queue: Queue | None = rules.pop("queue")
        rules["queue_id"] = queue.id if queue else None
        try:
            save_plan(
                tenant_id=tenant_id,
                number_id=self.number.id,
                rules=rules,
                routes=[draft for _form, draft in drafts],
                actor=actor,
                plan_id=self.plan.id if self.plan else None,
            )
        except HotseatError as error:
            self._take(error, [form for form, _draft in drafts])
            raise

    def _take(self, error: HotseatError, forms_sent: list[RouteForm]) -> None:
        self.rules.add_error(None, error.message)
        for fault in error.data.get("errors", ()):
            place, _slash, name = str(fault["pointer"]).removeprefix("/routes/").partition("/")
            if place.isdecimal() and int(place) < len(forms_sent):
                form = forms_sent[int(place)]
                form.add_error(name if name in form.fields else None, fault["message"])


def _rules_of(plan: BackupPlan) -> dict[str, Any]:
    return forms.model_to_dict(plan, fields=["node", "queue", "after_seconds", "returns", "return_seconds"])


def _initial(route: BackupRoute) -> dict[str, Any]:
    texts = {f"announcement_{language}": text for language, text in route.announcement.items()}
    fields = ["kind", "queue", "destination", "ring_seconds", "takes_waiting"]
    return {**forms.model_to_dict(route, fields=fields), **texts}


def _dress(field: forms.Field) -> None:
    if isinstance(field.widget, forms.CheckboxInput):
        return
    if isinstance(field, forms.IntegerField):
        field.widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    select = isinstance(field.widget, forms.Select)
    field.widget.attrs["class"] = "form-select" if select else "form-control"
    field.widget.is_required = field.required


def exchanges_to_watch(plan: BackupPlan | None) -> list[str]:
    """Return the exchanges that a plan may watch, with the one that it does. Opens a scope."""
    return sorted({*known_exchanges(), *([plan.node] if plan and plan.node else [])})
