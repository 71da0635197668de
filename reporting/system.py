"""What happened to the platform itself, out of the event log: runs of its processes, and exceptions.

Read inside the scope of tenant zero, to which these events belong (`tenants.system`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.public import Event


class Sort(StrEnum):
    """What belongs to an installation's day, and what should not be."""

    RUN = "run"
    EXCEPTION = "exception"


KINDS: dict[str, tuple[Sort, Promise]] = {
    "process.started": (Sort.RUN, _("Process started")),
    "process.stopped": (Sort.RUN, _("Process stopped in good order")),
    "lease.taken": (Sort.RUN, _("Duty taken over")),
    "exchange.connected": (Sort.RUN, _("Exchange connected")),
    "exchange.lost": (Sort.EXCEPTION, _("Exchange lost")),
    "exchange.reconciled": (Sort.EXCEPTION, _("Exchange differed from the records and was reconciled")),
    "command.failed": (Sort.EXCEPTION, _("Exchange refused a command")),
    "sweep.caught": (Sort.EXCEPTION, _("Sweep found a pair that no pass had made")),
    "fault.mended": (Sort.EXCEPTION, _("Contradiction found and mended")),
    "timer.put_off": (Sort.EXCEPTION, _("Timer failed and was put off")),
    "records.failed": (Sort.EXCEPTION, _("Events could not be written down")),
    "interaction.rejected": (Sort.EXCEPTION, _("Call turned away")),
}


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """One of them, with what it is called in the active language."""

    event: Event

    @property
    def sort(self) -> Sort:
        return KINDS[self.event.type][0]

    @property
    def label(self) -> str:
        return str(KINDS[self.event.type][1])


def system_events(
    *, sort: Sort | None = None, kind: str = "", before: UUID | None = None, limit: int = 100
) -> Sequence[SystemEvent]:
    """Return the newest `limit` events before that of id `before`, of one sort or kind or of all."""
    kinds = [name for name, (of_sort, _label) in KINDS.items() if sort in (None, of_sort) and kind in ("", name)]
    events = Event.objects.filter(type__in=kinds)
    if before is not None:
        events = events.filter(id__lt=before)
    return [SystemEvent(event) for event in events.order_by("-id")[:limit]]
