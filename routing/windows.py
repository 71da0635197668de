"""Times that people name on the clock of their own place: what moment is meant, when the clock is changed too."""

import zoneinfo
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from tenants.public import Invalid


def zone_named(name: str) -> zoneinfo.ZoneInfo:
    """Return the time zone of that name (IANA); raise Invalid "zone-unknown"."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as problem:
        message = _("“%(zone)s” is no time zone, such as Asia/Shanghai or Europe/London.")
        raise Invalid(message % {"zone": name[:64]}, code="zone-unknown") from problem


def local_moment(clock: datetime, zone: zoneinfo.ZoneInfo, *, latest: bool = False) -> datetime:
    """Return the moment (UTC) at which the clock in `zone` shows `clock`, which has no zone of its own.

    A time that the change back repeats is the first of the two, or with `latest` the last: so a window holds both.
    Raises Invalid "time-skipped" for one that the change to summer time leaves out.
    """
    moment = clock.replace(tzinfo=zone, fold=int(latest)).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != clock:
        message = _("%(time)s does not exist in %(zone)s: the clock is put forward then. Choose another time.")
        said = message % {"time": clock.strftime("%Y-%m-%d %H:%M"), "zone": zone.key}
        raise Invalid(said, code="time-skipped")
    return moment


def is_repeated(clock: datetime, zone: zoneinfo.ZoneInfo) -> bool:
    """Whether the clock in `zone` shows this time twice, because it is put back."""
    return clock.replace(tzinfo=zone, fold=0).utcoffset() != clock.replace(tzinfo=zone, fold=1).utcoffset()
