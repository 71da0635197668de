"""Which events make which records."""

from collections.abc import Callable, Iterable, Mapping

from reporting.projection.calls import apply_to_call
from reporting.projection.diversions import apply_to_diversion
from reporting.projection.legs import apply_to_leg
from reporting.projection.page import LogGapError, Logged, Page
from reporting.projection.sessions import apply_to_session

KINDS: Mapping[str, Callable[[Page, Logged], None]] = {
    "contact": apply_to_call,
    "agent_session": apply_to_session,
    "leg": apply_to_leg,
    "diversion": apply_to_diversion,
}
"""The kinds of aggregates that have records."""


def tell(page: Page, kind: str, events: Iterable[Logged]) -> Page:
    """Turn the page by the aggregate's next events, given in their order. One that it knows already changes nothing.

    Raises LogGapError when an event is missing in between.
    """
    for event in events:
        if event.seq <= page.seq:
            continue
        if event.seq != page.seq + 1:
            raise LogGapError(f"{kind} {page.aggregate_id}: event {event.seq} follows {page.seq}")
        KINDS[kind](page, event)
        page.seq = event.seq
    return page
