"""The agent's desk. It is drawn once; everything on it then comes through the live connection."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from routing.services.desk import NOTE_LIMIT
from routing.services.transfers import NOTE_LIMIT as TRANSFER_NOTE_LIMIT
from routing.states import TransferReason
from routing.web.labels import desk_labels
from tenants.public import Right, caller_of, page_for


@never_cache
@require_safe
@page_for(Right.USE_DESK, sign_in="desk-login")
def desk(request: HttpRequest) -> HttpResponse:
    """Show the desk to an agent who is logged in at a station."""
    caller = caller_of(request)
    if caller is None or caller.agent_session_id is None:
        return redirect("desk-login")
    shown = {
        "labels": desk_labels(),
        "note_limit": NOTE_LIMIT,
        "transfer_reasons": TransferReason.choices,
        "transfer_note_limit": TRANSFER_NOTE_LIMIT,
    }
    return render(request, "routing/desk.html", shown)
