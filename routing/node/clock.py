"""What time it is at the exchange, between two of its events."""

import time
from datetime import UTC, datetime, timedelta


class ExchangeClock:
    """The exchange's clock as last heard, carried on by this machine's monotonic one: its wall clock may be wrong."""

    def __init__(self) -> None:
        self._heard: tuple[datetime, float] | None = None

    def set(self, at: datetime) -> None:
        """Take over the exchange's time of an event that has just come."""
        self._heard = (at, time.monotonic())

    def now(self) -> datetime:
        """Return the exchange's time; before anything was heard, this machine's."""
        if self._heard is None:
            return datetime.now(UTC)
        at, heard = self._heard
        return at + timedelta(seconds=time.monotonic() - heard)
