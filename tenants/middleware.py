"""The scope of a page: one transaction around view and rendering, in the tenant of whoever is signed in."""

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from tenants.callers import Caller, refuse_suspended, session_caller
from tenants.errors import Forbidden
from tenants.scope import tenant_scope

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ELSEWHERE = ("/api/", "/ws/", "/static/", "/healthz", "/readyz", "/metrics")
"""Addresses that see to their scope themselves, or need none."""

View = TypeVar("View", bound=Callable[..., object])


def own_scope(view: View) -> View:
    """Mark a view that opens its scopes itself, because it calls services: scopes do not nest.

    `request.caller` is set all the same. On a class: `@method_decorator(own_scope, name="dispatch")`.
    """
    view.own_scope = True  # type: ignore[attr-defined]  # a mark on a function
    return view


class ScopeMiddleware:
    """Sets `request.caller` and opens the scope: read-only for GET, undone when the answer is an error (400 and above).

    It stands inside the session's middleware, so that the session is saved after the scope has ended. Templates are
    rendered within; a streamed answer is not, its view opens a scope of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.caller = None  # type: ignore[attr-defined]  # set for views and templates
        if request.path_info.startswith(ELSEWHERE):
            return self.get_response(request)
        caller = session_caller(request)
        request.caller = caller  # type: ignore[attr-defined]  # as above
        if caller is None or _opens_its_own(request):
            return self.get_response(request)
        _refuse_suspended(caller)
        with tenant_scope(caller.tenant_id, actor=caller.actor, read_only=request.method in SAFE) as scope:
            response = self.get_response(request)
            if response.status_code >= 400:
                scope.roll_back()
            return response


def _opens_its_own(request: HttpRequest) -> bool:
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return True
    return bool(getattr(view, "own_scope", False))


def _refuse_suspended(caller: Caller) -> None:
    try:
        refuse_suspended(caller.tenant)
    except Forbidden as error:
        raise PermissionDenied(error.message) from error
