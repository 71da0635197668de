"""A day, as a tenant's clock has it."""

import datetime as dt
import zoneinfo
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day in a time zone, from midnight to midnight: 23 or 25 hours when the clocks change."""

    date: dt.date
    zone: zoneinfo.ZoneInfo

    @classmethod
    def at(cls, moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> "Day":
        """Return the day that `moment` falls on there."""
        return cls(moment.astimezone(zone).date(), zone)

    @property
    def begins(self) -> dt.datetime:
        """Local midnight, in UTC."""
        return _midnight(self.date, self.zone)

    @property
    def ends(self) -> dt.datetime:
        """The next local midnight, in UTC; it is not part of the day."""
        return _midnight(self.date + dt.timedelta(days=1), self.zone)


def _midnight(date: dt.date, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    # Where a day begins at 01:00 because midnight was skipped, converting through UTC gives that first moment.
    return dt.datetime.combine(date, dt.time(), tzinfo=zone).astimezone(dt.UTC)
