"""The door of `routing`: everything that other apps may use."""

from routing.models import (
    Channel,
    Contact,
    ContactParty,
    Direction,
    Disposition,
    EntryPoint,
    Interaction,
    Offer,
    Participation,
    Queue,
    Segment,
)
from routing.selectors import calling_number, far_numbers
from routing.states import LIVE_OFFER, ContactState, EndReason, OfferState, SegmentKind

__all__ = [
    "LIVE_OFFER",
    "Channel",
    "Contact",
    "ContactParty",
    "ContactState",
    "Direction",
    "Disposition",
    "EndReason",
    "EntryPoint",
    "Interaction",
    "Offer",
    "OfferState",
    "Participation",
    "Queue",
    "Segment",
    "SegmentKind",
    "calling_number",
    "far_numbers",
]
