"""Tables of `reporting`: what is written down of the event log. Every row can be made again from it."""

from reporting.models.records import CallRecord, HungUpBy, LegRecord, OfferRecord, Projection, SessionRecord, Stretch

__all__ = ["CallRecord", "HungUpBy", "LegRecord", "OfferRecord", "Projection", "SessionRecord", "Stretch"]
