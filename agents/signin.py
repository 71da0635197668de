"""The edge's part of an agent's login: tell the company by its code, count failures, bind the browser."""

from axes.handlers.proxy import AxesProxyHandler
from django.http import HttpRequest
from django.utils.translation import gettext as _

from agents.callers import sign_in_agent
from agents.errors import WhoUnknown
from agents.services.login import Seated, seat_agent
from tenants.public import Forbidden, find_tenant, uuid7


class TooManyAttempts(Forbidden):
    """The same agent number was tried too often from the same address."""

    code = "too-many-attempts"
    status = 429

    def __init__(self) -> None:
        super().__init__(_("Too many failed attempts. Wait a quarter of an hour, then try again."))


def attempt_login(
    request: HttpRequest,
    *,
    tenant_slug: str,
    number: str,
    password: str,
    extension: str = "",
    take_over: bool = False,
) -> Seated:
    """Log an agent in at the workstation that sent `request`, and bind the browser to the session.

    Raises TooManyAttempts while the number is locked for this address, WhoUnknown also for an unknown company, and
    what `seat_agent` raises. Call it outside any scope.
    """
    who = {"username": f"{tenant_slug.strip().lower()}/{number.strip()}"[:255]}
    if not AxesProxyHandler.is_allowed(request, who):
        raise TooManyAttempts
    address = request.META.get("REMOTE_ADDR") or ""
    # An unknown company takes the same way as an unknown number, so that neither can be told by the time it takes.
    tenant = find_tenant(tenant_slug)
    tenant_id = tenant.id if tenant else uuid7()
    try:
        seated = seat_agent(
            tenant_id=tenant_id,
            number=number,
            password=password,
            extension=extension,
            ip_address=address,
            take_over=take_over,
        )
    except WhoUnknown as error:
        AxesProxyHandler.user_login_failed(sender=attempt_login, credentials=who, request=request)
        if request.axes_locked_out:  # type: ignore[attr-defined]  # set by axes
            # Else its middleware would answer with a page of its own, to programs too.
            request.axes_locked_out = False  # type: ignore[attr-defined]  # as above
            raise TooManyAttempts from error
        raise
    AxesProxyHandler.reset_attempts(username=who["username"], ip_address=address)
    sign_in_agent(request, tenant_id=tenant_id, session=seated.session)
    return seated
