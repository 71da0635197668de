"""An enterprise's own pages: a month's totals, rent and lines, each explained, the same as a sheet, and the prices.

The scope of a page, rendering included, is opened round it (`tenants.middleware`).
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.months import Month
from billing.web.shows import month_of, present_month, rates_context, signed_in, statement_context, statement_sheet
from tenants.public import Right, page_for


@never_cache
@require_safe
@page_for(Right.READ_STATEMENTS)
def current_statement(request: HttpRequest) -> HttpResponse:
    """Show the statement of the tenant's present month."""
    return _show(request, present_month(signed_in(request).tenant))


@never_cache
@require_safe
@page_for(Right.READ_STATEMENTS)
def monthly_statement(request: HttpRequest, month: str) -> HttpResponse:
    """Show the statement of one month."""
    return _show(request, month_of(month))


@never_cache
@require_safe
@page_for(Right.READ_STATEMENTS)
def lines_file(request: HttpRequest, month: str) -> HttpResponse:
    """Send all lines of one month as a sheet."""
    return statement_sheet(signed_in(request).tenant, month_of(month))


@never_cache
@require_safe
@page_for(Right.READ_RATES)
def own_rates(request: HttpRequest) -> HttpResponse:
    """Show the tenant's prices."""
    return render(request, "billing/rates.html", rates_context(signed_in(request).tenant))


def _show(request: HttpRequest, month: Month) -> HttpResponse:
    context = statement_context(signed_in(request).tenant, month, page=request.GET.get("page"))
    return render(request, "billing/statement.html", context)
