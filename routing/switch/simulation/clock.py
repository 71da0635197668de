"""The simulated exchange's own clock, which need not agree with anybody else's."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

_TICK = timedelta(microseconds=1)


class ExchangeClock:
    """Runs `factor` times as fast as the wall and `offset` beside it, and never shows the same time twice.

    A factor above 1 is for tests and trials that look at the exchange alone: a database beside it keeps its own pace.
    """

    def __init__(self, *, factor: float = 1.0, offset: timedelta = timedelta(0), start: datetime | None = None) -> None:
        """`start` is what the wall shows now; the present time unless given."""
        if factor <= 0:
            raise ValueError(f"The clock's factor must be above 0, not {factor}.")
        self.factor = factor
        self._start = (start or datetime.now(UTC)) + offset
        self._began = time.monotonic()
        self._last = self._start

    def now(self) -> datetime:
        """The exchange's time, aware, UTC; later than every one given before."""
        elapsed = timedelta(seconds=(time.monotonic() - self._began) * self.factor)
        self._last = max(self._start + elapsed, self._last + _TICK)
        return self._last

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""
        await asyncio.sleep(max(0.0, seconds) / self.factor)
