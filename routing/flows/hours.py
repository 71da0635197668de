"""Opening hours: weekly intervals, holidays and special days, on the wall clock of a time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_DAYS = 731


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Minutes after midnight on the wall clock: `start` is in it, `end` (at most 1440) is not."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a service is open.

    `weekly` has seven entries, Monday first. A holiday is closed all day. A special day has intervals of its own
    instead of its weekday's (a Sunday that is worked in exchange for a holiday, a short day before one).
    """

    weekly: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[date]
    special_days: Mapping[date, tuple[Interval, ...]]

    def is_open(self, now: datetime, time_zone: tzinfo) -> bool:
        """Whether the wall clock in `time_zone` at the aware time `now` lies within the hours.

        An hour that the change to summer time skips is never open; one that the change back repeats is open twice.
        Raises ValueError when `now` has no time zone.
        """
        if now.tzinfo is None:
            raise ValueError(f"{now!r} has no time zone; opening hours need an aware time")
        local = now.astimezone(time_zone)
        minute = local.hour * 60 + local.minute
        return any(span.start <= minute < span.end for span in self._intervals(local.date()))

    def next_open(self, now: datetime, time_zone: tzinfo) -> datetime | None:
        """Return the first moment from `now` on at which it is open, to the minute; None if not within two years."""
        if self.is_open(now, time_zone):
            return now
        first = now.astimezone(time_zone).date()
        for day in (first + timedelta(days=count) for count in range(MOST_DAYS)):
            for span in sorted(self._intervals(day)):
                opens = self._opening(day, span, time_zone)
                if opens is not None and opens >= now:
                    return opens
        return None

    def _opening(self, day: date, span: Interval, time_zone: tzinfo) -> datetime | None:
        """Return when the interval begins on that day: later than it says where a clock change skips its beginning."""
        clock = datetime.combine(day, time()) + timedelta(minutes=span.start)
        either = [clock.replace(tzinfo=time_zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        moment = min(either)
        while moment <= max(either):
            if self.is_open(moment, time_zone):
                return moment
            moment += timedelta(minutes=1)
        return None

    def _intervals(self, day: date) -> tuple[Interval, ...]:
        if day in self.holidays:
            return ()
        return self.special_days.get(day, self.weekly[day.weekday()])


def parse_hours(data: Mapping[str, Any]) -> OpeningHours:
    """Return the hours that JSON of the right shape says: "weekly", and perhaps "holidays" and "special_days"."""
    weekly, special = data["weekly"], data.get("special_days", {})
    return OpeningHours(
        weekly=tuple(tuple(parse_interval(pair) for pair in weekly.get(day, ())) for day in WEEKDAYS),
        holidays=frozenset(date.fromisoformat(day) for day in data.get("holidays", ())),
        special_days={
            date.fromisoformat(day): tuple(parse_interval(pair) for pair in pairs) for day, pairs in special.items()
        },
    )


def parse_interval(pair: tuple[str, str]) -> Interval:
    """`("09:00", "17:30")` as minutes; "24:00" is the midnight that ends the day."""
    start, end = pair
    return Interval(_minutes(start), _minutes(end))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
