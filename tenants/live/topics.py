"""Topics: what can be subscribed to. An app says who may see a topic, what its rows are and what changes them."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from tenants.callers import Caller

Row = dict[str, Any]
"""What a page shows one by one: always whole, JSON, with "id", "kind" and "seq" (the version of what it shows)."""


class Change(NamedTuple):
    """One event as the relay tells it. `ids` are other rows that it concerns, by name ("agent_session", "offer", …)."""

    aggregate_type: str
    aggregate_id: str
    seq: int
    type: str
    ids: dict[str, str]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and in which language (a code of LANGUAGES)."""

    caller: Caller
    language: str

    @property
    def tenant_id(self) -> UUID:
        return self.caller.tenant_id


@dataclass(frozen=True, slots=True)
class Reading:
    """A topic's rows as they were at `at` (the database's clock, UTC). `rows` have different ids."""

    at: datetime
    rows: Sequence[Row]


class Topic:
    """Something that can be subscribed to under `name`.

    `interval_s`: readings begin at least so many seconds apart, however much happens; 0: at once.
    `presence_s`: `attend` is called on subscribing and every so many seconds; None: never.
    """

    name: ClassVar[str]
    interval_s: ClassVar[float] = 0.0
    presence_s: ClassVar[float | None] = None

    def authorise(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller may see the topic. Asked at subscribing and again and again afterwards."""
        raise NotImplementedError

    def audience(self, viewer: Viewer) -> Hashable:
        """Return what tells apart viewers who see different rows: those with the same share each reading."""
        raise NotImplementedError

    def read(self, viewer: Viewer) -> Reading:
        """Read all rows. Opens its own read-only scope; runs in a thread."""
        raise NotImplementedError

    def concerns(self, change: Change, *, viewer: Viewer, shown: Collection[str]) -> bool:
        """Say whether the change can have changed the rows; `shown` are the ids of those that were sent last."""
        raise NotImplementedError

    def attend(self, viewer: Viewer) -> None:
        """Note that somebody is looking. Opens its own scope; runs in a thread."""
