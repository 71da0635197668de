"""Agents log in here; what they see afterwards belongs to `routing`. And the page of the reserve."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from agents.models import Agent, Reserve
from agents.selectors import open_sessions
from agents.services.reserve import close_reserve, open_reserve
from agents.signin import attempt_login
from agents.states import SessionState
from agents.web.forms import LogInForm, OpenReserveForm
from tenants.public import Caller, HotseatError, Right, caller_of, db_now, own_scope, page_for, tenant_scope

COMPANY_COOKIE = "hotseat_company"
COMPANY_COOKIE_AGE_S = 365 * 24 * 3600


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Log an agent in at this workstation. A refusal is told on the form; an unknown place lists the free stations, and
    who is logged in at another place may leave that for this one.

    A script sends the form and puts in only what is answered below it, so that the password need not be typed again;
    without scripts the whole page is sent anew.
    """
    if request.method != "POST":
        caller = caller_of(request)
        if caller is not None and caller.agent_session_id is not None:
            return redirect("desk")
        return _page(request, LogInForm(initial={"tenant": request.COOKIES.get(COMPANY_COOKIE, "")}))
    form = LogInForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    chosen = form.cleaned_data["take_over"]
    try:
        attempt_login(
            request,
            tenant_slug=form.cleaned_data["tenant"],
            number=form.cleaned_data["number"],
            password=form.cleaned_data["password"],
            extension=chosen or form.cleaned_data["extension"],
            take_over=bool(chosen),
        )
    except HotseatError as refusal:
        return _page(request, form, status=refusal.status, refusal=refusal)
    return _to_desk(request, company=form.cleaned_data["tenant"])


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page_for(Right.OPEN_RESERVE)
def reserve(request: HttpRequest) -> HttpResponse:
    """Show whether the reserve takes part and how many it has; open it, for some hours perhaps, or close it."""
    caller = caller_of(request)
    if caller is None:
        raise PermissionDenied
    if request.method != "POST":
        return _reserve_page(request, caller, OpenReserveForm())
    if "close" in request.POST:
        close_reserve(tenant_id=caller.tenant_id, actor=caller.actor)
        messages.success(request, _("The reserve is closed."))
        return redirect("reserve")
    form = OpenReserveForm(request.POST)
    if not form.is_valid():
        return _reserve_page(request, caller, form, status=422)
    with tenant_scope(caller.tenant_id, read_only=True):
        hours = form.cleaned_data["hours"]
        until = db_now() + timedelta(hours=hours) if hours else None
    open_reserve(tenant_id=caller.tenant_id, actor=caller.actor, until=until)
    messages.success(request, _("The reserve is open."))
    return redirect("reserve")


def _reserve_page(request: HttpRequest, caller: Caller, form: OpenReserveForm, *, status: int = 200) -> HttpResponse:
    with tenant_scope(caller.tenant_id, read_only=True):
        at_work = open_sessions().filter(reserve=True)
        context = {
            "form": form,
            "reserve": Reserve.objects.first(),
            "zone": caller.tenant.zone,
            "agents": Agent.objects.filter(reserve=True, active=True).count(),
            "at_work": at_work.count(),
            "ready": at_work.filter(state=SessionState.READY).count(),
        }
        return render(request, "agents/reserve.html", context, status=status)


def _page(
    request: HttpRequest, form: LogInForm, *, status: int = 200, refusal: HotseatError | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    if refusal is not None:
        context |= {
            "refusal": refusal.message,
            "stations": refusal.data.get("stations"),
            "take_over": refusal.data.get("wanted"),
        }
    if request.headers.get("HX-Request"):
        return render(request, "agents/log_in_answer.html", {**context, "alone": True}, status=status)
    return render(request, "agents/log_in.html", context, status=status)


def _to_desk(request: HttpRequest, *, company: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        response = HttpResponse(headers={"HX-Redirect": reverse("desk")})
    else:
        response = redirect("desk")
    response.set_cookie(
        COMPANY_COOKIE,
        company.strip().lower(),
        max_age=COMPANY_COOKIE_AGE_S,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response
