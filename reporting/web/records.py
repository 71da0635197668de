"""Pages of records: calls, one call, agents' service, the platform's runs and exceptions; lists as sheets too.

The scope of a page, rendering included, is opened round it (`tenants.middleware`).
"""

import datetime as dt
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reporting.days import Day
from reporting.records import ShownCall, call_record, find_calls, shown_calls
from reporting.service import read_service
from reporting.system import Sort, system_events
from reporting.web.forms import CallsForm, ServiceForm, SystemForm
from reporting.web.labels import cause_label, decision_rows, duration
from reporting.web.sheets import calls_sheet, service_sheet
from tenants.public import Caller, NotFound, Right, caller_of, db_now, page_for, sheet_file

ON_A_PAGE = 50
ON_A_SHEET = 10_000


@never_cache
@require_safe
@page_for(Right.READ_REPORTS)
def calls(request: HttpRequest) -> HttpResponse:
    """List call records, the newest first; nothing but a message for a filter that cannot be understood."""
    caller, form = _caller(request), CallsForm(request.GET)
    rows: list[ShownCall] = []
    older = None
    if form.is_valid():
        records = find_calls(form.wanted(caller.tenant.zone))
        before = _id(request.GET.get("before"))
        page = list((records.filter(id__lt=before) if before else records)[: ON_A_PAGE + 1])
        rows = shown_calls(page[:ON_A_PAGE])
        older = _link(request, before=rows[-1].record.id) if len(page) > ON_A_PAGE else None
    context = {
        "form": form,
        "calls": rows,
        "older": older,
        "newest": _link(request) if "before" in request.GET else None,
        "sheet": _link(request),
        "zone": caller.tenant.zone,
        "today": Day.at(timezone.now(), caller.tenant.zone).date,
    }
    return render(request, "reporting/calls.html", context)


@never_cache
@require_safe
@page_for(Right.READ_REPORTS)
def calls_file(request: HttpRequest) -> HttpResponse:
    """Send the wanted call records as a sheet: the newest 10,000 at most."""
    caller, form = _caller(request), CallsForm(request.GET)
    if not form.is_valid():
        raise Http404(_("These filters cannot be understood."))
    zone = caller.tenant.zone
    rows = shown_calls(find_calls(form.wanted(zone))[:ON_A_SHEET])
    return sheet_file(f"{caller.tenant.slug}-calls", calls_sheet(rows, zone))


@never_cache
@require_safe
@page_for(Right.READ_REPORTS)
def call(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Show one contact's whole story: its stretches on a line, who was asked, and the legs."""
    caller = _caller(request)
    try:
        shown = call_record(contact_id)
    except NotFound as error:
        raise Http404(error.message) from error
    context = {
        "call": shown,
        "bars": _bars(shown, now=db_now()),
        "offers": [(each, decision_rows(each.offer.decision, caller.tenant.zone)) for each in shown.offers],
        "legs": [(leg, cause_label(leg.cause)) for leg in shown.legs],
        "zone": caller.tenant.zone,
    }
    return render(request, "reporting/call.html", context)


@never_cache
@require_safe
@page_for(Right.READ_REPORTS)
def service(request: HttpRequest) -> HttpResponse:
    """Show agents' service records of one day."""
    caller, form = _caller(request), ServiceForm(request.GET)
    today = Day.at(db_now(), caller.tenant.zone)
    day, rows = today, []
    if form.is_valid():
        day = form.day(today)
        rows = read_service(caller.tenant_id, day, team_id=_team(form))
    context = {
        "form": form,
        "day": day,
        "agents": rows,
        "reasons": sorted({reason for row in rows for reason in row.not_ready_s}),
        "earlier": _link(request, date=day.date - dt.timedelta(days=1)),
        "later": _link(request, date=day.date + dt.timedelta(days=1)) if day.date < today.date else None,
        "sheet": _link(request, date=day.date),
        "zone": caller.tenant.zone,
    }
    return render(request, "reporting/service.html", context)


@never_cache
@require_safe
@page_for(Right.READ_REPORTS)
def service_file(request: HttpRequest) -> HttpResponse:
    """Send agents' service records of one day as a sheet."""
    caller, form = _caller(request), ServiceForm(request.GET)
    if not form.is_valid():
        raise Http404(_("These filters cannot be understood."))
    day = form.day(Day.at(db_now(), caller.tenant.zone))
    rows = read_service(caller.tenant_id, day, team_id=_team(form))
    return sheet_file(f"{caller.tenant.slug}-service-{day.date}", service_sheet(rows, caller.tenant.zone))


@never_cache
@require_safe
@page_for(Right.READ_SYSTEM)
def system(request: HttpRequest) -> HttpResponse:
    """Show the operator the platform's runs and exceptions, the newest first."""
    caller, form = _caller(request), SystemForm(request.GET)
    found: list[Any] = []
    older = None
    if form.is_valid():
        wanted = form.cleaned_data
        sort = Sort(wanted["sort"]) if wanted["sort"] else None
        found = list(system_events(sort=sort, kind=wanted["kind"], before=wanted["before"], limit=ON_A_PAGE + 1))
        older = _link(request, before=found[ON_A_PAGE - 1].event.id) if len(found) > ON_A_PAGE else None
    context = {
        "form": form,
        "events": found[:ON_A_PAGE],
        "older": older,
        "newest": _link(request) if "before" in request.GET else None,
        "zone": caller.tenant.zone,
    }
    return render(request, "reporting/system.html", context)


def _bars(shown: ShownCall, *, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the stretches as parts of a line: where each begins and how long it is, in per cent of the whole."""
    begins = shown.record.arrived_at
    ends = max([stretch.ended_at or now for stretch in shown.segments], default=begins)
    whole = max((ends - begins).total_seconds(), 0.001)
    moments = [(max(stretch.started_at, begins), stretch.ended_at or now, stretch) for stretch in shown.segments]
    return [
        {
            "stretch": stretch,
            "left": round(100 * (start - begins).total_seconds() / whole, 3),
            "width": round(100 * max((end - start).total_seconds(), 0.0) / whole, 3),
            "seconds": duration((end - start).total_seconds()),
        }
        for start, end, stretch in moments
    ]


def _link(request: HttpRequest, **changes: Any) -> str:
    """Return the page's query with changes, and from its newest row on unless told otherwise."""
    query = {name: value for name, value in request.GET.items() if name != "before" and value}
    return "?" + urlencode({**query, **changes})


def _team(form: ServiceForm) -> UUID | None:
    team = form.cleaned_data["team"]
    return team.id if team else None


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Http404(_("There is no such page.")) from error


def _caller(request: HttpRequest) -> Caller:
    caller = caller_of(request)
    if caller is None:
        raise PermissionDenied
    return caller
