"""The supervisor's live board. It is drawn once; its figures then come through the live connection."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from reporting.web.labels import board_labels
from tenants.public import Right, page_for

GOOD_SERVICE_LEVEL = 0.80
"""Target to begin with: 80 % in 15 s (Gartner, as quoted in the domain's sources)."""
FAIR_SERVICE_LEVEL = 0.60


@require_safe
@page_for(Right.READ_BOARD)
def board(request: HttpRequest) -> HttpResponse:
    """Show the board; `?wall` opens it as a wallboard, without the page's frame."""
    limits = {"service_level": {"good": GOOD_SERVICE_LEVEL, "fair": FAIR_SERVICE_LEVEL}}
    return render(request, "reporting/board.html", {"labels": board_labels(), "limits": limits})
