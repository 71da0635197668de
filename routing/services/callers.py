"""Who calls, as the exchange told it; personal, so it is written to `ContactParty` and nowhere else."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `ani` is E.164 or empty."""

    ani: str
    restricted: bool
    dnis: str
    name: str


_recent: OrderedDict[UUID, Caller] = OrderedDict()
_guard = Lock()


def remember_caller(contact_id: UUID, caller: Caller) -> None:
    """Keep in this process's memory who calls, as a copy of what is being written: the latest 4,096 contacts."""
    with _guard:
        _recent[contact_id] = caller
        if len(_recent) > MOST_REMEMBERED:
            _recent.popitem(last=False)


def recent_caller(contact_id: UUID) -> Caller | None:
    """Return who calls if this process remembers it; the row knows in any case."""
    with _guard:
        return _recent.get(contact_id)
