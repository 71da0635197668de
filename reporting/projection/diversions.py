"""A diversion's events, one by one, into the stretches that its contact spends on backup routes."""

from reporting.models.records import StretchKind
from reporting.projection.page import Logged, Page

BEGINS = {
    "diversion.dialled": StretchKind.RING,
    "diversion.announced": StretchKind.FLOW,
    "diversion.connected": StretchKind.TALK,
}


def apply_to_diversion(page: Page, event: Logged) -> None:
    """Take in the next event of a diversion. A number that was not reached rings until the next route is taken."""
    if event.type in BEGINS:
        page.begin(event, BEGINS[event.type], contact_id=event.must("contact"))
    elif event.type == "diversion.ended":
        page.end(event.occurred_at)
