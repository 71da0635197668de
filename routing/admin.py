"""The administration of queues, flows, entry points and dispositions; contacts to look at."""

import json
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from routing.flows import FlowUnreadable, read_flow_json
from routing.models import BarredPrefix, Contact, Disposition, EntryPoint, Flow, Queue, RoutingPolicy, Segment, Trunk
from routing.services.flows import publish_flow
from routing.services.queues import change_queue, create_queue, remove_queue
from routing.steps import warnings_of
from routing.web.segment_lines import SegmentLinesField
from routing.web.step_lines import read_lines, show_lines
from routing.web.text_lines import read_texts, show_texts
from tenants.administration import (
    ReadOnlyAdmin,
    RemovalForm,
    ServiceForm,
    TabularInline,
    TenantAdmin,
    TenantForm,
    text_area,
)
from tenants.public import Number, Right, writing

EXAMPLE = {"schema": 1, "start": "queue", "nodes": {"queue": {"type": "queue", "queue": "…"}}}


class RoutingAdmin(TenantAdmin):
    """What an administrator looks after. Codes stay as they are: flows refer to them."""

    read_right, write_right = Right.READ_ROUTING, Right.WRITE_ROUTING

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj and "code" in self.fields else ()


QUEUE_FIELDS = (
    "name",
    "requires",
    "steps",
    "preference",
    "affinity_seconds",
    "affinity_days",
    "account_seconds",
    "priority",
    "weight_seconds",
    "ring_seconds",
    "wrap_up_seconds",
    "target_seconds",
    "target_percent",
    "short_abandon_seconds",
    "announce_seconds",
    "announce_position",
    "announce_wait",
    "comfort",
    "most_waiting",
    "when_full",
    "escalates_to",
    "music_class",
    "active",
)


class QueueForm(ServiceForm):
    """A queue: a new one, or one that may be in use."""

    own_fields: tuple[str, ...] = QUEUE_FIELDS

    def prepare(self) -> None:
        self.fields.update(forms.fields_for_model(Queue, fields=self.own_fields))
        steps = Queue._meta.get_field("steps")
        self.fields["steps"] = text_area(
            str(capfirst(steps.verbose_name)),
            rows=4,
            required=False,
            help_text=_(
                "One on each line: after so many seconds of waiting, ask for other skills, raise the priority, or "
                "go to another queue. “20: french”, “60: french | english, priority +1”, “300: -> sales”; "
                "() is everybody."
            ),
        )

        comfort = Queue._meta.get_field("comfort")
        self.fields["comfort"] = text_area(
            str(capfirst(comfort.verbose_name)),
            rows=2,
            required=False,
            help_text=_("One line for each language: “en: Thank you for waiting. Press 1 to be called back.”"),
        )

    def clean_comfort(self) -> dict[str, str]:
        return read_texts(self.cleaned_data["comfort"])

    def clean_steps(self) -> list[dict[str, Any]]:
        return read_lines(self.cleaned_data["steps"])

    def told(self, queue: Queue) -> str | None:
        """Return what is to be said of a queue that was saved: whom it will never find."""
        warnings = [warning["message"] for warning in warnings_of(queue)]
        return " ".join([_("Saved."), *warnings]) if warnings else None


class NewQueueForm(QueueForm):
    own_fields = ("code", *QUEUE_FIELDS)

    def carry_out(self) -> str | None:
        caller = self.caller
        return self.told(create_queue(tenant_id=caller.tenant_id, values=self.cleaned_data, actor=caller.actor))


class ChangeQueueForm(QueueForm):
    def prepare(self) -> None:
        super().prepare()
        self.title = str(self.row)
        shown = forms.model_to_dict(self.row, fields=QUEUE_FIELDS)
        self.initial = {**shown, "steps": show_lines(self.row.steps), "comfort": show_texts(self.row.comfort)}

    def carry_out(self) -> str | None:
        caller, values = self.caller, self.cleaned_data
        changes = {name: value for name, value in values.items() if value != getattr(self.row, name)}
        return self.told(
            change_queue(tenant_id=caller.tenant_id, queue_id=self.row.id, changes=changes, actor=caller.actor)
        )


class QueueRemovalForm(RemovalForm):
    def carry_out(self) -> str | None:
        remove_queue(tenant_id=self.caller.tenant_id, queue_id=self.row.id, actor=self.caller.actor)
        return None


@admin.register(Queue)
class QueueAdmin(RoutingAdmin):
    service_add, service_change, service_delete = NewQueueForm, ChangeQueueForm, QueueRemovalForm
    list_display = (
        *("name", "code", "requires", "served", "preference", "priority"),
        *("target_percent", "target_seconds", "active"),
    )
    list_filter = ("active",)
    search_fields = ("name", "code")
    fields = ("code", *QUEUE_FIELDS)

    @admin.display(description=gettext_lazy("can be served"), boolean=True)
    def served(self, queue: Queue) -> bool:
        """Whether some agent meets each of its steps."""
        return not queue.unserved


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(RoutingAdmin):
    list_display = ("order", "ageing_seconds")
    fields = ("order", "ageing_seconds", "segments")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name != "segments":
            return super().formfield_for_dbfield(db_field, request, **options)
        return SegmentLinesField(
            label=capfirst(db_field.verbose_name),
            required=False,
            widget=text_area("", rows=4).widget,
            help_text=_(
                "One on each line: customers of the segment are ordered as if they had come so many seconds earlier, "
                "and are to be answered within so many. “gold: head start 90, within 10”."
            ),
        )


class FlowForm(ServiceForm):
    """A flow's name and definition. Saving publishes the definition as the next version, once it is valid."""

    done = gettext_lazy("Published.")
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    definition = text_area(
        cast(str, gettext_lazy("Definition (JSON)")),
        rows=30,
        help_text=gettext_lazy("Checked whole before it is published; every problem is told with its place."),
    )

    def prepare(self) -> None:
        self.title = str(self.row)
        published = self.row.published
        shown = json.dumps(published.definition if published else EXAMPLE, ensure_ascii=False, indent=2)
        self.initial = {"name": self.row.name, "definition": shown}

    def clean_definition(self) -> Any:
        try:
            return read_flow_json(self.cleaned_data["definition"])
        except FlowUnreadable as error:
            raise ValidationError(error.problem.message) from error

    def carry_out(self) -> str | None:
        values, caller = self.cleaned_data, self.caller
        published = self.row.published
        said = None
        if published is None or published.definition != values["definition"]:
            version = publish_flow(
                tenant_id=caller.tenant_id, flow_id=self.row.id, definition=values["definition"], actor=caller.actor
            )
            said = _("Published as version %(number)d.") % {"number": version.number}
        with writing(caller.tenant_id, actor=caller.actor):
            Flow.objects.filter(id=self.row.id).update(name=values["name"])
        return said


@admin.register(Flow)
class FlowAdmin(RoutingAdmin):
    list_display = ("name", "code", "published")
    list_select_related = ("published",)
    search_fields = ("name", "code")
    fields = ("code", "name")
    service_change = FlowForm

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("published")


class EntryPointForm(TenantForm):
    """An entry point; its flow must be published, so that it leads somewhere."""

    def clean_number(self) -> Number | None:
        number: Number | None = self.cleaned_data["number"]
        if self.instance.backup_id is not None and number != self.instance.number:
            raise ValidationError(_("The number's backup is in force; fail back first."))
        return number

    def clean_flow(self) -> Flow:
        flow: Flow = self.cleaned_data["flow"]
        if flow.published_id is None:
            raise ValidationError(_("This flow has no published version yet; publish one first."))
        return flow


@admin.register(EntryPoint)
class EntryPointAdmin(RoutingAdmin):
    form = EntryPointForm
    list_display = ("name", "code", "number", "flow", "public", "language", "is_test")
    list_filter = ("public",)
    list_select_related = ("number", "flow")
    search_fields = ("name", "code", "number__e164")
    fields = ("code", "name", "number", "flow", "public", "language", "is_test")


@admin.register(Disposition)
class DispositionAdmin(RoutingAdmin):
    list_display = fields = ("name", "active")


class SegmentInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    model = Segment
    fields = readonly_fields = ("kind", "queue", "started_at", "ended_at")
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ("arrived_at", "state", "end_reason", "queue", "number", "connected_at", "ended_at", "disposition")
    list_filter = ("state", "end_reason", "queue")
    list_select_related = ("queue", "number", "disposition")
    date_hierarchy = None
    fields = (
        "id",
        "state",
        "end_reason",
        "direction",
        "channel",
        "language",
        "number",
        "entry_point",
        "queue",
        "arrived_at",
        "queued_at",
        "connected_at",
        "ended_at",
        "disposition",
    )
    ordering = ("-id",)
    inlines = (SegmentInline,)
    read_right = write_right = Right.READ_CONTACTS


class OutsideAdmin(TenantAdmin):
    """What the operator alone looks after: the ways out."""

    read_right = write_right = Right.WRITE_TRUNKS


@admin.register(Trunk)
class TrunkAdmin(OutsideAdmin):
    list_display = fields = ("name", "node", "label", "position", "shows", "active")
    list_filter = ("active",)


@admin.register(BarredPrefix)
class BarredPrefixAdmin(OutsideAdmin):
    list_display = fields = ("prefix", "why", "note")
    list_filter = ("why",)
    search_fields = ("prefix", "note")
