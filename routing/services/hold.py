"""The agent's phone puts the caller on hold by its own key, and takes them back: a stretch of its own in the record."""

from datetime import datetime

from routing.models import Segment
from routing.services.contacts import note, save
from routing.services.segments import begin_segment
from routing.services.situation import look, on_our_clock
from routing.states import SegmentKind
from tenants.public import engine_scope

_EVENTS = {SegmentKind.HOLD: "contact.held", SegmentKind.TALK: "contact.retrieved"}


def leg_held(*, channel: str, at: datetime, node: str) -> None:
    """The leg's far end put us on hold. Only an agent's counts: their caller hears music, and waits."""
    _change(channel, SegmentKind.TALK, SegmentKind.HOLD, at=at, node=node)


def leg_unheld(*, channel: str, at: datetime, node: str) -> None:
    """The leg's far end took us back."""
    _change(channel, SegmentKind.HOLD, SegmentKind.TALK, at=at, node=node)


def _change(channel: str, before: SegmentKind, after: SegmentKind, *, at: datetime, node: str) -> None:
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.ended_at is not None:
            return
        contact, handler = found.contact, found.hands.participation
        if contact is None or handler is None or handler.leg_channel != channel:
            return
        seen = on_our_clock(found.leg.interaction, at)
        # A report that comes again is older than what followed from it.
        running = Segment.objects.filter(contact=contact, kind=before, ended_at__isnull=True, started_at__lte=seen)
        if not running.exists():
            return
        begin_segment(contact, after, at=seen, session_id=handler.session_id)
        note(_EVENTS[after], contact, at=seen, agent_session=handler.session_id)
        save(contact)
