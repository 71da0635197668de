"""The administration of tenants, numbers, members, keys and customers; the audit trail."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from tenants.administration import ReadOnlyAdmin, RemovalForm, Rows, ServiceForm, TenantAdmin, caller_of, password_field
from tenants.clock import db_now
from tenants.directory import rows_of_all_tenants
from tenants.models import (
    CSP_TENANT_ID,
    ApiKey,
    AuditEntry,
    Customer,
    Entitlement,
    Event,
    Membership,
    Number,
    Role,
    Tenant,
)
from tenants.phones import normalise
from tenants.rights import Right
from tenants.services.keys import create_api_key
from tenants.services.people import Person, add_member, change_member_role, remove_member
from tenants.services.tenancy import assign_number, create_tenant, release_number


def _choices(model: Any, field: str) -> Any:
    return model._meta.get_field(field).choices


class NewTenantForm(ServiceForm):
    slug = forms.SlugField(label=gettext_lazy("Code"), max_length=40)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64, initial="UTC")
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=_choices(Tenant, "language"))
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, initial="EUR")
    seats = forms.IntegerField(label=gettext_lazy("Seats"), min_value=0, max_value=100_000)
    email = forms.EmailField(label=gettext_lazy("Administrator's e-mail address"))
    person = forms.CharField(label=gettext_lazy("Administrator's name"), max_length=120)
    password = password_field(required=False)

    def carry_out(self) -> str | None:
        values = dict(self.cleaned_data)
        person = Person(email=values.pop("email"), name=values.pop("person"), password=values.pop("password") or None)
        create_tenant(administrator=person, actor=self.caller.actor, **values)
        return None


@admin.register(Tenant)
class TenantsAdmin(TenantAdmin):
    list_display = ("name", "slug", "status", "time_zone", "language", "currency", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "slug")
    fields = ("slug", "name", "status", "time_zone", "language", "currency")
    readonly_fields = ("slug", "status")
    read_right, write_right = Right.READ_TENANTS, Right.WRITE_TENANTS
    service_add = NewTenantForm
    may_delete = False
    actions: ClassVar[list[str]] = ["suspend", "resume"]

    @admin.action(description=gettext_lazy("Suspend the selected tenants"), permissions=["change"])
    def suspend(self, request: HttpRequest, rows: Rows) -> None:
        self._set_status(request, rows, Tenant.Status.SUSPENDED)

    @admin.action(description=gettext_lazy("Resume the selected tenants"), permissions=["change"])
    def resume(self, request: HttpRequest, rows: Rows) -> None:
        self._set_status(request, rows, Tenant.Status.ACTIVE)

    def _set_status(self, request: HttpRequest, rows: Rows, status: Tenant.Status) -> None:
        count = rows.exclude(id=CSP_TENANT_ID).exclude(status=status).update(status=status)
        self.message_user(request, _("%(count)d tenants changed.") % {"count": count})


class NewNumberForm(ServiceForm):
    e164 = forms.CharField(label=gettext_lazy("Number"), max_length=40)
    label = forms.CharField(label=gettext_lazy("Label"), max_length=80, required=False)
    tenant = forms.ModelChoiceField(label=gettext_lazy("Tenant"), queryset=Tenant.objects.none())

    def prepare(self) -> None:
        self.offer("tenant", Tenant.objects.all())
        self.initial = {"tenant": CSP_TENANT_ID}

    def clean_e164(self) -> str:
        raw: str = self.cleaned_data["e164"]
        return normalise(raw) or raw

    def carry_out(self) -> str | None:
        values = self.cleaned_data
        assign_number(
            tenant_id=values["tenant"].id, e164=values["e164"], label=values["label"], actor=self.caller.actor
        )
        return None


class NumberReleaseForm(RemovalForm):
    done = gettext_lazy("Released.")
    button = gettext_lazy("Release")

    def prepare(self) -> None:
        self.title = _("Take %(number)s back from %(tenant)s?") % {"number": self.row, "tenant": self.row.tenant}

    def carry_out(self) -> str | None:
        release_number(number_id=self.row.id, tenant_id=self.row.tenant_id, actor=self.caller.actor)
        return None


@admin.register(Number)
class NumberAdmin(TenantAdmin):
    list_display = ("e164", "kind", "label", "of_tenant", "created_at")
    list_filter = ("kind",)
    search_fields = ("e164", "label")
    fields = ("e164", "kind", "label")
    readonly_fields = ("e164", "kind")
    list_select_related = ("tenant",)
    read_right, write_right = Right.READ_NUMBERS, Right.LEASE_NUMBERS
    service_add, service_delete = NewNumberForm, NumberReleaseForm

    def get_queryset(self, request: HttpRequest) -> Rows:
        if caller_of(request).may(Right.LEASE_NUMBERS):
            return rows_of_all_tenants(Number).order_by("e164")
        rows: Rows = super().get_queryset(request)
        return rows

    @admin.display(description=gettext_lazy("tenant"), ordering="tenant")
    def of_tenant(self, number: Number) -> str:
        return str(number.tenant)


def _roles(caller: Any) -> list[tuple[str, Any]]:
    operator = [Role.OPERATOR] if caller.tenant_id == CSP_TENANT_ID else []
    return [(role.value, role.label) for role in (Role.ADMINISTRATOR, Role.SUPERVISOR, *operator)]


class RoleForm(ServiceForm):
    role = forms.ChoiceField(label=gettext_lazy("Role"))

    def prepare(self) -> None:
        self.offer("role", _roles(self.caller))
        self.initial = {"role": getattr(self.row, "role", Role.SUPERVISOR)}

    def carry_out(self) -> str | None:
        change_member_role(
            tenant_id=self.caller.tenant_id,
            membership_id=self.row.id,
            role=self.cleaned_data["role"],
            actor=self.caller.actor,
        )
        return None


class NewMemberForm(RoleForm):
    email = forms.EmailField(label=gettext_lazy("E-mail address"))
    name = forms.CharField(label=pgettext_lazy("person", "Name"), max_length=120)
    password = password_field(required=False)
    field_order = ("email", "name", "password", "role")

    def carry_out(self) -> str | None:
        values = self.cleaned_data
        person = Person(email=values["email"], name=values["name"], password=values["password"] or None)
        add_member(tenant_id=self.caller.tenant_id, person=person, role=values["role"], actor=self.caller.actor)
        return None


class MemberRemovalForm(RemovalForm):
    def carry_out(self) -> str | None:
        remove_member(tenant_id=self.caller.tenant_id, membership_id=self.row.id, actor=self.caller.actor)
        return None


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    list_display = ("user", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user",)
    search_fields = ("user__name", "user__email")
    read_right, write_right = Right.READ_MEMBERS, Right.WRITE_MEMBERS
    service_add, service_change, service_delete = NewMemberForm, RoleForm, MemberRemovalForm


class NewKeyForm(RoleForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    expires_at = forms.SplitDateTimeField(label=gettext_lazy("Expires"), required=False)
    field_order = ("name", "role", "expires_at")

    def carry_out(self) -> str | None:
        made = create_api_key(tenant_id=self.caller.tenant_id, actor=self.caller.actor, **self.cleaned_data)
        return _("The key is %(token)s. It is shown this once only: copy it now.") % {"token": made.token}


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    list_display = ("name", "prefix", "role", "expires_at", "last_used_at", "revoked_at")
    fields = readonly_fields = ("name", "prefix", "role", "expires_at", "last_used_at", "revoked_at", "created_at")
    read_right, write_right = Right.READ_KEYS, Right.WRITE_KEYS
    service_add = NewKeyForm
    may_delete = False
    actions: ClassVar[list[str]] = ["revoke"]

    @admin.action(description=gettext_lazy("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, rows: Rows) -> None:
        count = rows.filter(revoked_at__isnull=True).update(revoked_at=db_now())
        self.message_user(request, _("%(count)d keys revoked.") % {"count": count})


@admin.register(Customer)
class CustomerAdmin(TenantAdmin):
    list_display = ("name", "phone", "email", "segment", "language")
    list_filter = ("segment",)
    search_fields = ("name", "phone", "email")
    fields = ("name", "phone", "email", "segment", "language", "note")
    read_right, write_right = Right.READ_CUSTOMERS, Right.WRITE_CUSTOMERS


@admin.register(Entitlement)
class EntitlementAdmin(ReadOnlyAdmin):
    list_display = ("kind", "limit")
    read_right = write_right = Right.READ_STATEMENTS


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "table_name", "row_id")
    list_filter = ("action", "table_name")
    fields = ("at", "actor", "action", "table_name", "row_id", "before", "after")
    search_fields = ("actor", "row_id")
    ordering = ("-id",)
    read_right = write_right = Right.READ_AUDIT

    def get_queryset(self, request: HttpRequest) -> Rows:
        # The policy hides other tenants' entries; the condition lets the index on (tenant, id) be used.
        rows: Rows = super().get_queryset(request).filter(tenant_id=caller_of(request).tenant_id)
        return rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "row_id__exact" or bool(super().lookup_allowed(lookup, value, request))


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "type", "aggregate_type", "aggregate_id", "seq", "actor")
    list_filter = ("aggregate_type",)
    search_fields = ("type",)
    fields = (
        "occurred_at",
        "recorded_at",
        "type",
        "aggregate_type",
        "aggregate_id",
        "seq",
        "actor",
        "node",
        "is_test",
        "data",
    )
    ordering = ("-id",)
    read_right = write_right = Right.READ_AUDIT
