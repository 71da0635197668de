"""The administration's pages: who may open them, in which tenant, and forms that call services.

This is the door of `tenants` for the other apps' `admin.py`. Rights come from `tenants.rights`, never from rows of
Django's permission tables. Plain settings are written by Django's own views inside the scope that `ScopeMiddleware`
opens; what has rules of its own is a `ServiceForm`, whose view opens its scopes itself.
"""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Field, Model, QuerySet
from django.forms.forms import DeclarativeFieldsMetaclass
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, TabularInline
from unfold.sites import UnfoldAdminSite
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from tenants.callers import Caller, sign_out
from tenants.errors import HotseatError
from tenants.middleware import own_scope
from tenants.rights import Right
from tenants.scope import tenant_scope
from tenants.services.writing import told

WIDGETS: dict[type[forms.Field], type[forms.Widget]] = {
    forms.EmailField: UnfoldAdminEmailInputWidget,
    forms.IntegerField: UnfoldAdminIntegerFieldWidget,
    forms.BooleanField: UnfoldBooleanWidget,
    forms.ModelChoiceField: UnfoldAdminSelectWidget,
    forms.MultipleChoiceField: UnfoldAdminCheckboxSelectMultipleWidget,
    forms.ChoiceField: UnfoldAdminSelectWidget,
    forms.TypedChoiceField: UnfoldAdminSelectWidget,
    forms.SplitDateTimeField: UnfoldAdminSplitDateTimeWidget,
    forms.CharField: UnfoldAdminTextInputWidget,
}

__all__ = [
    "ReadOnlyAdmin",
    "RefusedForm",
    "RemovalForm",
    "ServiceForm",
    "Site",
    "TabularInline",
    "TenantAdmin",
    "TenantForm",
    "caller_of",
    "password_field",
    "text_area",
]


def caller_of(request: HttpRequest) -> Caller:
    """Return who opened the page; raise PermissionDenied when nobody is signed in."""
    caller = getattr(request, "caller", None)
    if not isinstance(caller, Caller):
        raise PermissionDenied
    return caller


def mark(request: HttpRequest) -> str:
    """Return the address of the site's mark."""
    return static("hotseat/mark.svg")


def password_field(*, required: bool = True) -> forms.CharField:
    """Return a field for a new password."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    label = gettext_lazy("Password")
    return forms.CharField(label=label, required=required, strip=False, max_length=200, widget=widget)


def text_area(label: Any, *, rows: int, **options: Any) -> forms.CharField:
    """Return a field for much text that programs read, shown in `rows` lines."""
    attributes = {"rows": rows, "class": "font-mono", "spellcheck": "false"}
    return forms.CharField(label=label, widget=UnfoldAdminTextareaWidget(attrs=attributes), **options)


class Site(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The administration. Only `TenantAdmin` classes are on it: libraries' tables belong to the platform."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        if admin_class is not None and issubclass(admin_class, TenantAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        caller = getattr(request, "caller", None)
        return isinstance(caller, Caller) and caller.may(Right.ADMINISTER)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send to the site's own sign-in; who is signed in already and came here lacks the right."""
        if getattr(request, "caller", None) is not None:
            raise PermissionDenied(_("The administration is for administrators."))
        target = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{reverse('sign-in')}?{urlencode({'next': target})}")

    @own_scope
    @method_decorator(require_POST)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        sign_out(request)
        return redirect("sign-in")


class AbstractFormType(DeclarativeFieldsMetaclass, ABCMeta):
    """The type of forms of which some leave a method to those made of them: a form without it cannot be made."""


class RefusedForm(forms.Form, metaclass=AbstractFormType):
    """A form that shows what a service refused, with all that was put in."""

    def take(self, error: HotseatError) -> None:
        """Show what the service refused, at the fields that it names."""
        self.add_error(None, error.message)
        faults = error.data.get("errors", ())
        pairs = faults.items() if isinstance(faults, dict) else ((item["pointer"], item["message"]) for item in faults)
        for pointer, message in pairs:
            name, _slash, inside = str(pointer).lstrip("/").partition("/")
            known = name if name in self.fields else None
            whole = not name or (known and not inside)
            self.add_error(known, message if whole else f"{pointer}: {message}")


class ServiceForm(RefusedForm):
    """A form whose save is a service. The view opens a read-only scope around making and checking the form."""

    title = ""
    done = gettext_lazy("Saved.")
    button = gettext_lazy("Save")

    def __init__(self, *args: Any, caller: Caller, row: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.caller, self.row = caller, row
        self.prepare()
        for field in self.fields.values():
            _dress(field)

    def prepare(self) -> None:
        """Add what depends on the tenant or the row: choices, initial values. The scope is open."""

    def offer(self, name: str, choices: Any) -> None:
        """Let a field choose among rows (a queryset) or among pairs of value and label."""
        field: Any = self.fields[name]
        if isinstance(choices, QuerySet):
            field.queryset = choices
        else:
            field.choices = choices

    @abstractmethod
    def carry_out(self) -> str | None:
        """Call the service, outside any scope; return a sentence to show, or None for the usual one."""


class RemovalForm(ServiceForm):
    """Asks whether a row is to be removed; `carry_out` removes it."""

    done = gettext_lazy("Removed.")
    button = gettext_lazy("Remove")

    def prepare(self) -> None:
        self.title = _("Remove %(name)s?") % {"name": self.row}


class TenantForm(forms.ModelForm[Any]):
    """A model form that checks uniqueness within the tenant, which no field of the form names."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"tenant"}  # type: ignore[misc,no-any-return]  # Django's own


class TenantAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Pages for one model's rows of the tenant in scope."""

    form = TenantForm
    read_right: Right
    write_right: Right
    service_add: type[ServiceForm] | None = None
    service_change: type[ServiceForm] | None = None
    service_delete: type[ServiceForm] | None = None
    may_delete = True
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return caller_of(request).may(self.read_right)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return caller_of(request).may(self.read_right)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return caller_of(request).may(self.write_right)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return caller_of(request).may(self.write_right)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_delete and caller_of(request).may(self.write_right)

    # The audit trail is written by triggers, tenant by tenant; Django's log would keep names where all tenants' lie.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Nothing: the audit trail has it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Nothing: the audit trail has it."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Nothing: the audit trail has it."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show the row's audit entries."""
        return redirect(f"{reverse('admin:tenants_auditentry_changelist')}?{urlencode({'row_id__exact': object_id})}")

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.is_relation:
            field.widget.can_change_related = field.widget.can_view_related = field.widget.can_delete_related = False
        return field

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As Django's; a value that another tenant has is told instead of failing."""
        try:
            response: HttpResponseBase = super().changeform_view(request, *args, **kwargs)
        except IntegrityError as error:
            # Django's view had opened a savepoint, so the scope goes on.
            messages.error(request, told(error).message)
            return HttpResponseRedirect(request.get_full_path())
        return response

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        urls = []
        if self.service_add:
            urls.append(path("add/", view(self.service_add_view), name=f"{name}_add"))
        if self.service_change:
            urls.append(path("<path:object_id>/change/", view(self.service_change_view), name=f"{name}_change"))
        if self.service_delete:
            urls.append(path("<path:object_id>/delete/", view(self.service_delete_view), name=f"{name}_delete"))
        return [*urls, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> Any:
        """As Django's, without removing many at once where removing one has rules of its own."""
        actions = super().get_actions(request)
        if self.service_delete:
            actions.pop("delete_selected", None)
        return actions

    @own_scope
    def service_add_view(self, request: HttpRequest) -> HttpResponse:
        """The page for a new row that a service makes."""
        return self._serve(request, self.service_add, None, may=self.has_add_permission(request))

    @own_scope
    def service_change_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page for a row that a service changes."""
        return self._serve(request, self.service_change, object_id, may=self.has_change_permission(request))

    @own_scope
    def service_delete_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page that asks before a service removes a row."""
        return self._serve(request, self.service_delete, object_id, may=self.has_delete_permission(request))

    def _serve(
        self, request: HttpRequest, form_class: type[ServiceForm] | None, object_id: str | None, *, may: bool
    ) -> HttpResponse:
        caller = caller_of(request)
        if form_class is None or not may:
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        with tenant_scope(caller.tenant_id, actor=caller.actor, read_only=True):
            row = self._row(request, object_id) if object_id else None
            form = form_class(data, caller=caller, row=row, initial=request.GET.dict())
            sound = data is not None and form.is_valid()
        if sound:
            try:
                said = form.carry_out()
            except HotseatError as error:
                form.take(error)
            else:
                messages.success(request, said or str(form.done))
                return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        with tenant_scope(caller.tenant_id, actor=caller.actor, read_only=True):
            return self._page(request, form, row).render()

    def _row(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def _page(self, request: HttpRequest, form: ServiceForm, row: Any) -> TemplateResponse:
        title = form.title or (_("Change") if row else _("Add %(name)s") % {"name": self.opts.verbose_name})
        removable = row is not None and not isinstance(form, RemovalForm) and self.has_delete_permission(request, row)
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_delete"
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "form": form,
            "opts": self.opts,
            "row": row,
            "delete_url": reverse(name, args=[row.pk]) if removable else None,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "tenants/administration/form.html", context)


class ReadOnlyAdmin(TenantAdmin):
    """Pages that show and change nothing."""

    may_delete = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _dress(field: forms.Field) -> None:
    """Give a plain field the administration's look; one that chose its widget keeps it."""
    if type(field.widget).__module__.startswith("unfold"):
        return
    widget_class = next((found for kind, found in WIDGETS.items() if isinstance(field, kind)), None)
    if widget_class is None:
        return
    choices: Sequence[Any] | None = getattr(field, "choices", None)
    widget = widget_class()
    if choices is not None:
        widget.choices = choices  # type: ignore[attr-defined]  # of a select
    widget.is_required = field.required
    field.widget = widget


Rows = QuerySet[Any]
register = admin.register
