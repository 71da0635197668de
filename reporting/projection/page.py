"""What an aggregate's next events may change: its record, the stretch that runs, the offers that live."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from reporting.models import CallRecord, OfferRecord, SessionRecord, Stretch
from tenants.public import TenantModel


class LogGapError(Exception):
    """An aggregate's events do not follow on what has been written down of it."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event of the log. `data` are JSON values: ids as text."""

    id: UUID
    tenant_id: UUID
    type: str
    aggregate_type: str
    aggregate_id: UUID
    seq: int
    actor: str
    occurred_at: datetime
    is_test: bool
    data: dict[str, Any]

    def ref(self, name: str) -> UUID | None:
        """Return an id out of the data; None where there is none."""
        value = self.data.get(name)
        return UUID(value) if value else None

    def must(self, name: str) -> UUID:
        """Return an id that such an event always has."""
        return UUID(self.data[name])

    def must_time(self, name: str) -> datetime:
        """Return a moment that such an event always has."""
        return datetime.fromisoformat(self.data[name])

    def time(self, name: str) -> datetime | None:
        """Return a moment out of the data; None where there is none."""
        value = self.data.get(name)
        return datetime.fromisoformat(value) if value else None


@dataclass
class Page:
    """The records of one aggregate after its event `seq`, as far as what follows can change them.

    `changed` collects rows to be saved, in the order in which a database can take them: what ends before what begins.
    """

    tenant_id: UUID
    aggregate_id: UUID
    seq: int = 0
    call: CallRecord | None = None
    session: SessionRecord | None = None
    running: Stretch | None = None
    offers: dict[UUID, OfferRecord] = field(default_factory=dict)
    changed: dict[UUID, TenantModel] = field(default_factory=dict)

    def keep(self, row: TenantModel) -> None:
        """Have the row saved as it is when the page is done."""
        self.changed[row.id] = row

    def known_call(self) -> CallRecord:
        """Return the contact's record, which will be saved; raise LogGapError when the log has not told of it."""
        if self.call is None:
            raise LogGapError(f"contact {self.aggregate_id} has no beginning in the log")
        self.keep(self.call)
        return self.call

    def known_session(self) -> SessionRecord:
        """Return the session's record, which will be saved; raise LogGapError when the log has not told of it."""
        if self.session is None:
            raise LogGapError(f"agent session {self.aggregate_id} has no beginning in the log")
        self.keep(self.session)
        return self.session

    def must_reach(self, seq: int) -> None:
        """Raise LogGapError unless the log has told of event `seq`, which somebody has heard of."""
        if self.seq < seq:
            raise LogGapError(f"{self.aggregate_id}: the log has no event {seq}")

    def begin(self, event: Logged, kind: str, **details: Any) -> None:
        """End the stretch that runs, and begin one of `kind` at the same moment."""
        self.end(event.occurred_at)
        self.running = Stretch(
            id=event.id,
            tenant_id=self.tenant_id,
            aggregate_id=self.aggregate_id,
            seq=event.seq,
            kind=kind,
            started_at=event.occurred_at,
            **details,
        )
        self.keep(self.running)

    def end(self, at: datetime) -> Stretch | None:
        """End the stretch that runs and return it; None without one.

        Two clocks meet here, the switch's and the database's: a stretch never ends before it began.
        """
        ended, self.running = self.running, None
        if ended is not None:
            ended.ended_at = max(ended.started_at, at)
            self.keep(ended)
        return ended

    def rows(self) -> Iterator[TenantModel]:
        """Yield what has changed, in an order in which it can be saved."""
        yield from self.changed.values()


def length(stretch: Stretch) -> timedelta:
    """Return how long a stretch lasted that is over."""
    if stretch.ended_at is None:
        raise AssertionError("a stretch that runs has no length")
    return stretch.ended_at - stretch.started_at
