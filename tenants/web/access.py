"""Who may see a page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from tenants.callers import Caller
from tenants.rights import Right

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, P], HttpResponse]


def caller_of(request: HttpRequest) -> Caller | None:
    """Return who is signed in with this browser, as `ScopeMiddleware` found out."""
    caller: Caller | None = getattr(request, "caller", None)
    return caller


def page_for(right: Right, *, sign_in: str = "sign-in") -> Callable[[PageView[P]], PageView[P]]:
    """Show a page only to callers with `right`.

    Nobody signed in is sent to the page named `sign_in` and comes back from there; a caller without the right gets 403.
    """

    def decorate(view: PageView[P]) -> PageView[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            caller = caller_of(request)
            if caller is None:
                return redirect_to_login(request.get_full_path(), reverse(sign_in))
            if not caller.may(right):
                raise PermissionDenied(_("Your role does not include this page."))
            return view(request, *args, **kwargs)

        return guarded

    return decorate
