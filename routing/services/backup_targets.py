"""Whom a number's backup routes may lead to: nobody who must not be dialled, and never back to where they began.

Checked when routes are written, again before each activation, and (barred numbers) before each dial.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from routing.models import BackupRoute, BarredPrefix
from tenants.public import Number, engine_scope, find_row, normalise, tenant_scope

SHORT = 6
"""A national short code has at most so many digits; emergency numbers are among them, everywhere."""

MOST_HOPS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one route: `place` counts from 1, `field` is the route's field, `code` is stable."""

    place: int
    field: str
    code: str
    message: str

    def as_error(self) -> dict[str, str]:
        """Return it as a problem document lists it."""
        return {"pointer": f"/routes/{self.place - 1}/{self.field}", "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Way:
    """A route as it is to be judged."""

    place: int
    kind: str
    destination: str = ""
    queue_id: UUID | None = None


def ways_of(routes: Iterable[BackupRoute]) -> list[Way]:
    """Return stored routes as they are to be judged."""
    return [Way(route.position, route.kind, route.destination, route.queue_id) for route in routes]


def barred_by(destination: str, barred: Iterable[BarredPrefix]) -> BarredPrefix | None:
    """Return the longest prefix that bars the number, if one does."""
    found = [row for row in barred if destination.startswith(row.prefix)]
    return max(found, key=lambda row: len(row.prefix), default=None)


def clean_destination(raw: str, *, place: int) -> tuple[str, Fault | None]:
    """Return a number in E.164 form, or what is wrong with it."""
    digits = raw.strip().lstrip("+")
    if digits.isdecimal() and len(digits) <= SHORT:
        message = _("“%(number)s” is a short number. Emergency and service numbers cannot be a backup.")
        return "", Fault(place, "destination", "emergency", message % {"number": raw})
    number = normalise(raw)
    if not number:
        message = _("“%(number)s” is not a number in international form, such as +8675583660001.")
        return "", Fault(place, "destination", "malformed", message % {"number": raw})
    return number, None


def judge_ways(
    ways: Sequence[Way], *, number: Number, watched_queue_id: UUID | None, barred: Sequence[BarredPrefix]
) -> list[Fault]:
    """Return what forbids these routes as the backup of `number`, of all of them. Opens scopes of its own."""
    faults = []
    for way in ways:
        if way.kind == BackupRoute.Kind.DIAL:
            fault = _barred(way, barred) or _loop(way, number)
        else:
            fault = _same_queue(way, watched_queue_id)
        if fault is not None:
            faults.append(fault)
    return faults


def _barred(way: Way, barred: Sequence[BarredPrefix]) -> Fault | None:
    row = barred_by(way.destination, barred)
    if row is None:
        return None
    message = _("%(number)s must not be dialled: numbers from %(prefix)s are barred (%(why)s).")
    said = message % {"number": way.destination, "prefix": row.prefix, "why": row.get_why_display()}
    return Fault(way.place, "destination", row.why, said)


def _same_queue(way: Way, watched_queue_id: UUID | None) -> Fault | None:
    if way.queue_id is None or way.queue_id != watched_queue_id:
        return None
    message = _("This is the queue whose trouble activates the plan; it cannot stand in for itself.")
    return Fault(way.place, "queue", "loop", message)


def _loop(way: Way, number: Number) -> Fault | None:
    """A number of the platform comes back in: follow what stands in for it, and for what stands in for that."""
    if way.destination == number.e164:
        said = _("%(number)s is the number that it would stand in for.")
    elif _leads_in_a_circle(way.destination, number.e164):
        said = _("%(number)s leads in a circle: what stands in for it comes back to where it began.")
    else:
        return None
    return Fault(way.place, "destination", "loop", said % {"number": way.destination})


def _leads_in_a_circle(start: str, number: str) -> bool:
    """Whether following stand-ins from `start`, which stands in for `number`, comes to a number a second time."""
    ways: list[tuple[str, ...]] = [(number, start)]
    for _hop in range(MOST_HOPS):
        if not ways:
            return False
        way = ways.pop()
        following = _stand_ins(way[-1])
        if any(e164 in way for e164 in following):
            return True
        ways += [(*way, e164) for e164 in following]
    # So many stand-ins of stand-ins are a circle for all that a caller would notice.
    return True


def _stand_ins(e164: str) -> list[str]:
    """Return the numbers that stand in for a number of the platform; none for any other.

    A named cross-tenant look-up: of what it finds in another tenant nothing is told but that it leads in a circle.
    """
    with engine_scope(read_only=True):
        found = find_row(Number, "t.e164 = %s", [e164])
    if found is None:
        return []
    with tenant_scope(found.tenant_id, read_only=True):
        rows = BackupRoute.objects.filter(plan__number_id=found.id, kind=BackupRoute.Kind.DIAL)
        return list(rows.values_list("destination", flat=True))
