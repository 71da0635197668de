"""The operator's pages over the enterprises' money: their prices, their statements, corrections.

Each works in the scope of the enterprise that the address names; rights are such that only the operator has them.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import Rerating
from billing.web.forms import MoneyForm, ReratingForm
from billing.web.shows import month_of, present_month, rates_context, signed_in, statement_context, statement_sheet
from tenants.public import CSP_TENANT_ID, HotseatError, Right, Tenant, own_scope, page_for, tenant_scope

SHOWN_ORDERS = 20


@never_cache
@require_safe
@page_for(Right.WRITE_RATES)
def enterprises(request: HttpRequest) -> HttpResponse:
    """Show whose money there is to look after."""
    tenants = Tenant.objects.exclude(id=CSP_TENANT_ID).order_by("name")
    return render(request, "billing/enterprises.html", {"enterprises": tenants})


@own_scope
@never_cache
@require_safe
@page_for(Right.WRITE_RATES)
def rates(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Show an enterprise's prices, with what changes them."""
    tenant = _find(tenant_id)
    with tenant_scope(tenant.id, read_only=True):
        return render(request, "billing/rates.html", {**rates_context(tenant), "of": tenant})


@own_scope
@never_cache
@require_safe
@page_for(Right.WRITE_RATES)
def statement(request: HttpRequest, tenant_id: UUID, month: str | None = None) -> HttpResponse:
    """Show an enterprise's statement, with a way to correct each line."""
    tenant = _find(tenant_id)
    wanted = month_of(month) if month else present_month(tenant)
    with tenant_scope(tenant.id, read_only=True):
        context = statement_context(tenant, wanted, page=request.GET.get("page"))
        return render(request, "billing/statement.html", {**context, "of": tenant})


@own_scope
@never_cache
@require_safe
@page_for(Right.WRITE_RATES)
def sheet(request: HttpRequest, tenant_id: UUID, month: str) -> HttpResponse:
    """Send all lines of an enterprise's month as a sheet."""
    tenant, wanted = _find(tenant_id), month_of(month)
    with tenant_scope(tenant.id, read_only=True):
        return statement_sheet(tenant, wanted)


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page_for(Right.WRITE_RATES)
def money_form(
    request: HttpRequest, tenant_id: UUID, form_class: type[MoneyForm], row_id: UUID | None = None
) -> HttpResponse:
    """Show one of the forms, and carry out what was sent with it; what is refused is shown with all that was put in."""
    tenant = _find(tenant_id)
    data = request.POST if request.method == "POST" else None
    with tenant_scope(tenant.id, read_only=True):
        form = _make(form_class, data, tenant, row_id)
        if data is None or not form.is_valid():
            return _form_page(request, form, status=200 if data is None else 422)
    try:
        address = form.carry_out(tenant_id=tenant.id, actor=signed_in(request).actor)
    except HotseatError as error:
        form.take(error)
        with tenant_scope(tenant.id, read_only=True):
            return _form_page(request, form, status=error.status)
    messages.success(request, str(form.done))
    return redirect(address)


def _find(tenant_id: UUID) -> Tenant:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        tenant: Tenant | None = Tenant.objects.filter(id=tenant_id).first()
    if tenant is None:
        raise Http404
    return tenant


def _make(form_class: type[MoneyForm], data: Any, tenant: Tenant, row_id: UUID | None) -> MoneyForm:
    row = form_class.model.objects.filter(id=row_id).first() if row_id else None
    if row_id and row is None:
        raise Http404
    return form_class(data, tenant=tenant, row=row)


def _form_page(request: HttpRequest, form: MoneyForm, *, status: int) -> HttpResponse:
    orders = Rerating.objects.all()[:SHOWN_ORDERS] if isinstance(form, ReratingForm) else ()
    context = {"form": form, "about": form.about(), "of": form.tenant, "orders": orders}
    return render(request, "billing/form.html", context, status=status)
