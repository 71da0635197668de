"""The statement's pages: a month's totals, rent and minutes, each line explained, and the same as a sheet.

The scope of a page, rendering included, is opened round it (`tenants.middleware`).
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.explain import explain
from billing.models import UsageLine
from billing.months import Month
from billing.selectors import rent_rows, statement, statements, usage_lines
from billing.sheets import lines_as_csv
from tenants.public import Caller, NotFound, Right, caller_of, page_for

LINES_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A usage line with its explanation in words."""

    line: UsageLine
    explained: str


@never_cache
@require_safe
@page_for(Right.READ_STATEMENTS)
def current_statement(request: HttpRequest) -> HttpResponse:
    """Show the statement of the tenant's present month."""
    caller = _caller(request)
    return _show(request, caller, Month.of(timezone.now().astimezone(caller.tenant.zone).date()))


@never_cache
@require_safe
@page_for(Right.READ_STATEMENTS)
def monthly_statement(request: HttpRequest, month: str) -> HttpResponse:
    """Show the statement of one month."""
    return _show(request, _caller(request), _month(month))


@never_cache
@require_safe
@page_for(Right.READ_STATEMENTS)
def lines_file(request: HttpRequest, month: str) -> HttpResponse:
    """Send all lines of one month as a sheet."""
    caller, wanted = _caller(request), _month(month)
    text = lines_as_csv(usage_lines(wanted).iterator())
    name = f"{caller.tenant.slug}-{wanted}.csv"
    return HttpResponse(
        text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _show(request: HttpRequest, caller: Caller, month: Month) -> HttpResponse:
    minutes = usage_lines(month).filter(kind=UsageLine.Kind.MINUTES).order_by("-occurred_on", "-id")
    page = Paginator(minutes, LINES_ON_A_PAGE).get_page(request.GET.get("page"))
    months = sorted({month, *(each.month for each in statements(caller.tenant_id))}, reverse=True)
    context = {
        "statement": statement(caller.tenant_id, month),
        "months": [(each, reverse("monthly-statement", args=[str(each)])) for each in months],
        "rents": rent_rows(month),
        "lines": page,
        "shown": [ShownLine(line, explain(line)) for line in page],
    }
    return render(request, "billing/statement.html", context)


def _caller(request: HttpRequest) -> Caller:
    caller = caller_of(request)
    if caller is None:
        raise PermissionDenied
    return caller


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except NotFound as error:
        raise Http404(error.message) from error
