"""What the pages of prices and statements show, for an enterprise itself and for the operator alike.

Every function that reads works inside the enterprise's open scope.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.explain import explain
from billing.models import Rate, RateTable, UsageLine
from billing.months import Month
from billing.selectors import (
    day_totals,
    rent_rows,
    shown_lines,
    statement,
    statements,
    tables_with_rates,
    usage_lines,
)
from billing.sheets import lines_as_csv
from tenants.public import Caller, NotFound, Tenant, User, caller_of, db_now

LINES_ON_A_PAGE = 50
UUID_FORM = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A usage line with its explanation in words, and who made it if it is a correction."""

    line: UsageLine
    explained: str
    made_by: str


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A rate table with its rates: those that count today or later, and those that are over."""

    table: RateTable
    over: bool
    rates: list[tuple[Rate, bool]]


def signed_in(request: HttpRequest) -> Caller:
    """Return who looks at the page; `page_for` has let them in."""
    caller = caller_of(request)
    if caller is None:
        raise PermissionDenied
    return caller


def month_of(text: str) -> Month:
    """Read the month in an address; raise Http404 for anything else."""
    try:
        return Month.parse(text)
    except NotFound as error:
        raise Http404(error.message) from error


def present_month(tenant: Tenant) -> Month:
    """The month that it is where the tenant is."""
    return Month.of(timezone.now().astimezone(tenant.zone).date())


def statement_context(tenant: Tenant, month: Month, *, page: str | None) -> dict[str, Any]:
    """What the statement's page shows of a month."""
    lines = Paginator(shown_lines(month), LINES_ON_A_PAGE).get_page(page)
    names = names_of(line.made_by for line in lines)
    return {
        "statement": statement(tenant.id, month),
        "months": sorted({month, *(each.month for each in statements(tenant.id))}, reverse=True),
        "rents": rent_rows(month),
        "days": day_totals(month),
        "lines": lines,
        "shown": [ShownLine(line, explain(line), names.get(line.made_by, "")) for line in lines],
    }


def statement_sheet(tenant: Tenant, month: Month) -> HttpResponse:
    """All lines of a month as a file."""
    text = lines_as_csv(usage_lines(month).iterator())
    disposition = f'attachment; filename="{tenant.slug}-{month}.csv"'
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


def rates_context(tenant: Tenant) -> dict[str, Any]:
    """What the page of prices shows: what is over comes last and is told as such."""
    today = db_now().astimezone(tenant.zone).date()
    tables = [
        ShownTable(
            table,
            over=table.last_day is not None and table.last_day < today,
            rates=[(rate, rate.last_day is not None and rate.last_day < today) for rate in table.rates.all()],
        )
        for table in tables_with_rates()
    ]
    return {"tables": sorted(tables, key=lambda each: each.over), "today": today}


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Who stands behind the actors of corrections, in words, where that is known: one query."""
    kinds = {actor: actor.partition(":") for actor in set(actors)}
    people = {actor: who for actor, (kind, _colon, who) in kinds.items() if kind == "user" and UUID_FORM.match(who)}
    names = {str(pk): name for pk, name in User.objects.filter(id__in=people.values()).values_list("id", "name")}
    told = {actor: names[who] for actor, who in people.items() if who in names}
    return told | {actor: _("a program") for actor, (kind, _colon, _who) in kinds.items() if kind == "key"}
