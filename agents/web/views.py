"""Agents log in here; what they see afterwards belongs to `routing`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from agents.signin import attempt_login
from agents.web.forms import LogInForm
from tenants.public import HotseatError, caller_of, own_scope

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
