"""What every page's frame shows: whose page it is, who looks at it, and where they may go from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from tenants.public import Right, Role, caller_of

PLACES: dict[str, Right] = {
    "desk": Right.USE_DESK,
    "board": Right.READ_BOARD,
    "backup": Right.READ_ROUTING,
    "reserve": Right.OPEN_RESERVE,
    "calls": Right.READ_REPORTS,
    "service": Right.READ_REPORTS,
    "statement": Right.READ_STATEMENTS,
    "enterprises": Right.WRITE_RATES,
    "system": Right.READ_SYSTEM,
    "administration": Right.ADMINISTER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The frame of one page. `places` are the entries of the main menu, `here` is the name of the page's address."""

    here: str = ""
    tenant_name: str = ""
    person: str = ""
    role: str = ""
    places: frozenset[str] = frozenset()
    may_sign_out: bool = False


def page(request: HttpRequest) -> dict[str, Any]:
    """Template context processor: `page`."""
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    caller = caller_of(request)
    if caller is None:
        return {"page": Page(here=here)}
    places = {place for place, right in PLACES.items() if caller.may(right)}
    return {
        "page": Page(
            here=here,
            tenant_name=caller.tenant.name,
            person=caller.user.name if caller.user else "",
            role=str(Role(caller.role).label),
            places=frozenset(places | {"api"}),
            # An agent leaves at the desk, by logging out of the station.
            may_sign_out=caller.agent_session_id is None,
        )
    }
