"""Signing in by e-mail address and password, choosing the tenant to work for, signing out."""

from uuid import UUID

from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants.callers import sign_in_member, sign_out
from tenants.directory import memberships_of
from tenants.middleware import own_scope
from tenants.models import Membership, User
from tenants.web.access import caller_of
from tenants.web.forms import SignInForm

PERSON_KEY = "person_id"
"""Who gave the right password and has not said yet for whom they work."""


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Check e-mail address and password; whoever belongs to one tenant only is in it at once."""
    if request.method != "POST":
        form = SignInForm(initial={"next": request.GET.get("next", "")})
        return render(request, "tenants/sign_in.html", {"form": form})
    form = SignInForm(request.POST)
    if form.is_valid():
        user = authenticate(
            request, username=form.cleaned_data["email"].lower(), password=form.cleaned_data["password"]
        )
        if isinstance(user, User):
            return _welcome(request, user, wanted=form.cleaned_data["next"])
        form.add_error(None, _("This e-mail address and password do not belong together. Check both."))
    return render(request, "tenants/sign_in.html", {"form": form}, status=422)


@own_scope
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def choose_tenant(request: HttpRequest) -> HttpResponse:
    """Let a person with several memberships say which one they work under now."""
    person_id = _person(request)
    if person_id is None:
        return redirect("sign-in")
    memberships = memberships_of(person_id)
    wanted = request.POST.get("next", "") or request.GET.get("next", "")
    if request.method == "POST":
        chosen = next((one for one in memberships if str(one.id) == request.POST.get("membership")), None)
        if chosen is None:
            return HttpResponseBadRequest(_("Choose one of the tenants in the list."))
        return _enter(request, chosen, wanted=wanted)
    rows = [{"id": one.id, "tenant_name": one.tenant.name, "role": one.get_role_display()} for one in memberships]
    return render(request, "tenants/choose_tenant.html", {"memberships": rows, "next": wanted})


@own_scope
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Sign out of this browser."""
    sign_out(request)
    return redirect("home")


def _person(request: HttpRequest) -> UUID | None:
    caller = caller_of(request)
    if caller is not None and caller.user is not None:
        return caller.user.id
    kept = request.session.get(PERSON_KEY)
    return UUID(kept) if kept else None


def _welcome(request: HttpRequest, user: User, *, wanted: str) -> HttpResponse:
    memberships = memberships_of(user.id)
    if len(memberships) == 1:
        return _enter(request, memberships[0], wanted=wanted)
    request.session.flush()
    request.session[PERSON_KEY] = str(user.id)
    return redirect(reverse("choose-tenant", query={"next": wanted} if wanted else None))


def _enter(request: HttpRequest, membership: Membership, *, wanted: str) -> HttpResponse:
    sign_in_member(request, membership)
    hosts = {request.get_host()}
    if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure()):
        return redirect(wanted)
    return redirect("home")
