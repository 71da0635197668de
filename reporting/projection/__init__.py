"""From the event log to the records: pure. An aggregate's events, in order, turn its page of records into the next."""

from reporting.projection.page import LogGapError, Logged, Page
from reporting.projection.telling import KINDS, tell

__all__ = ["KINDS", "LogGapError", "Logged", "Page", "tell"]
