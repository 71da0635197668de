"""The pages of backup routes: an enterprise's own, and the operator's way to each enterprise's.

Every view opens its scopes itself. With a tenant in the address it is the operator's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from routing.backups import find_plan, in_force_everywhere, numbers_with_backup
from routing.models import BackupPlan
from routing.services.backup import activate_plan, fail_back
from routing.web.backup_forms import PlanForms, exchanges_to_watch
from tenants.public import (
    CSP_TENANT_ID,
    Caller,
    HotseatError,
    Number,
    Right,
    Tenant,
    caller_of,
    own_scope,
    page_for,
    tenant_scope,
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose plans the page is about, and who looks at it."""

    caller: Caller
    tenant: Tenant
    of_other: bool

    def may(self, right: Right) -> bool:
        return self.caller.may(Right.WRITE_TRUNKS if self.of_other else right)

    def address(self, name: str, **ids: UUID) -> str:
        """Return the address of one of these pages, in this place."""
        if self.of_other:
            return reverse(f"tenant-{name}", kwargs={"tenant_id": self.tenant.id, **ids})
        return reverse(name, kwargs=ids)

    def context(self) -> dict[str, object]:
        return {
            "of": self.tenant if self.of_other else None,
            "tenant_id": self.tenant.id if self.of_other else None,
            "back": self.address("backup"),
            "zone": self.tenant.zone,
            "may_write": self.may(Right.WRITE_ROUTING),
            "may_activate": self.may(Right.ACTIVATE_BACKUP),
        }


@own_scope
@never_cache
@require_safe
@page_for(Right.READ_ROUTING)
def backup(request: HttpRequest, tenant_id: UUID | None = None) -> HttpResponse:
    """Show every number with its backup routes, in order, their state and history."""
    place = _place(request, tenant_id)
    is_operator = place.caller.may(Right.WRITE_TRUNKS) and not place.of_other
    everywhere = in_force_everywhere() if is_operator else []
    enterprises: list[Tenant] = []
    if is_operator:
        with tenant_scope(CSP_TENANT_ID, read_only=True):
            enterprises = list(Tenant.objects.exclude(id=CSP_TENANT_ID).order_by("name"))
    with tenant_scope(place.tenant.id, read_only=True):
        context = {
            **place.context(),
            "numbers": numbers_with_backup(),
            "everywhere": everywhere,
            "enterprises": enterprises,
            "is_operator": is_operator,
        }
        return render(request, "routing/backup.html", context)


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page_for(Right.READ_ROUTING)
def backup_edit(request: HttpRequest, number_id: UUID, tenant_id: UUID | None = None) -> HttpResponse:
    """Show the plan of a number to be changed; what is refused is shown with all that was put in."""
    place = _place(request, tenant_id, right=Right.WRITE_ROUTING)
    data = request.POST if request.method == "POST" else None
    with tenant_scope(place.tenant.id, read_only=True):
        number = Number.objects.filter(id=number_id).first()
        plan = BackupPlan.objects.filter(number_id=number_id).first()
    if number is None:
        raise Http404
    exchanges = exchanges_to_watch(plan)
    with tenant_scope(place.tenant.id, read_only=True):
        forms = PlanForms(data, number=number, plan=plan, exchanges=exchanges)
        if data is None or not forms.is_valid():
            return _edit_page(request, place, forms, status=200 if data is None else 422)
    try:
        forms.carry_out(tenant_id=place.tenant.id, actor=place.caller.actor)
    except HotseatError as error:
        with tenant_scope(place.tenant.id, read_only=True):
            return _edit_page(request, place, forms, status=error.status)
    messages.success(request, _("The backup of %(number)s is saved.") % {"number": number.e164})
    return redirect(place.address("backup"))


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page_for(Right.READ_ROUTING)
def backup_switch(request: HttpRequest, plan_id: UUID, activates: bool, tenant_id: UUID | None = None) -> HttpResponse:
    """Ask whether a plan is to be activated, or taken back, and do it once that is confirmed."""
    place = _place(request, tenant_id, right=Right.ACTIVATE_BACKUP)
    plan = find_plan(plan_id, place.tenant.id)
    if plan is None:
        raise Http404
    refused: HotseatError | None = None
    if request.method == "POST":
        switch: Callable[..., object] = activate_plan if activates else fail_back
        try:
            switch(tenant_id=place.tenant.id, plan_id=plan_id, actor=place.caller.actor)
        except HotseatError as error:
            refused = error
        else:
            said = _("The backup of %(number)s comes into force.") if activates else _("%(number)s fails back.")
            messages.success(request, said % {"number": plan.number.e164})
            return redirect(place.address("backup"))
    with tenant_scope(place.tenant.id, read_only=True):
        shown = next((each for each in numbers_with_backup() if each.plan and each.plan.id == plan_id), None)
        if shown is None:  # no service answers its number any more
            raise Http404
        context = {**place.context(), "shown": shown, "activates": activates, "refused": refused}
        return render(request, "routing/backup_confirm.html", context, status=refused.status if refused else 200)


def _edit_page(request: HttpRequest, place: _Place, forms: PlanForms, *, status: int) -> HttpResponse:
    return render(request, "routing/backup_edit.html", {**place.context(), "forms": forms}, status=status)


def _place(request: HttpRequest, tenant_id: UUID | None, *, right: Right = Right.READ_ROUTING) -> _Place:
    caller = caller_of(request)
    if caller is None:
        raise PermissionDenied
    if tenant_id is None:
        place = _Place(caller, caller.tenant, of_other=False)
    else:
        if not caller.may(Right.WRITE_TRUNKS):
            raise Http404
        with tenant_scope(CSP_TENANT_ID, read_only=True):
            tenant = Tenant.objects.filter(id=tenant_id).first()
        if tenant is None:
            raise Http404
        place = _Place(caller, tenant, of_other=True)
    if not place.may(right):
        raise PermissionDenied(_("Your role does not include this page."))
    return place
