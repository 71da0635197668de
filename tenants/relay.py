"""The relay: what the log says has happened is told to live sockets and to whoever asked to be called, at least once.

One process at a time holds the lease "relay". A step takes the oldest outbox rows with their events, publishes one
message for each tenant to the channel group of that tenant, calls the subscribers, and then deletes the rows.
Publishing comes first, so a relay that dies in between repeats a message and loses none.
"""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from tenants.leases import Held, release_lease, take_lease
from tenants.queries import run_query
from tenants.scope import engine_scope

log = logging.getLogger(__name__)

OLDEST = Path(__file__).parent / "sql" / "relay_oldest.sql"
DELETE = Path(__file__).parent / "sql" / "relay_delete.sql"

LEASE = "relay"
LEASE_S = 5.0
RENEW_EVERY_S = 1.0
PUBLISH_TIMEOUT_S = 2.0
REST_AFTER_FAILURE_S = 1.0

PASSED_ON = ("agent_session", "contact", "interaction", "offer", "queue")
"""The only parts of an event's data that leave with a message, and only when they are ids."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the log on its way out. `data` is None when the log has no such event."""

    id: UUID
    tenant_id: UUID
    type: str
    aggregate_type: str
    aggregate_id: UUID
    seq: int
    is_test: bool
    data: dict[str, Any] | None

    def change(self) -> list[Any]:
        """Return what a message says of the event: kinds, ids and its number, nothing personal."""
        ids = {name: value for name in PASSED_ON if _is_id(value := (self.data or {}).get(name))}
        return [self.aggregate_type, str(self.aggregate_id), self.seq, self.type, ids]


Subscriber = Callable[[Happened], None]
_subscribers: dict[str, list[Subscriber]] = {}


def subscribe(event_type: str, subscriber: Subscriber) -> None:
    """Have `subscriber` called for each event of that type: at least once, in the engine's process, outside any scope.

    It must be quick, since the relay waits for it. When it fails, that is logged and the event is not sent again:
    whoever depends on it has a sweep of its own.
    """
    listening = _subscribers.setdefault(event_type, [])
    if subscriber not in listening:
        listening.append(subscriber)


_leaving: list[Callable[[Sequence[Happened]], None]] = []


def on_leaving(hook: Callable[[Sequence[Happened]], None]) -> None:
    """Have `hook` called with the events that leave the outbox, in the transaction that deletes them, role engine.

    What it writes commits with their leaving or not at all, so it hears of every event, at least once. It must be
    quick and may not fail: while it does, nothing leaves.
    """
    if hook not in _leaving:
        _leaving.append(hook)


def live_group(tenant_id: UUID) -> str:
    """Return the name of the channel group in which a tenant's changes are told."""
    return f"tenant.{tenant_id}"


class Relay:
    """One candidate for the relay's duty, used by one thread. `monotonic` is the clock by which it rests and renews."""

    most_at_once = 500
    """How many events a step relays at most."""

    def __init__(self, holder: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._holder, self._monotonic = holder, monotonic
        self._held: Held | None = None
        self._lease_again_at = self._rest_until = float("-inf")
        self._sent: Counter[UUID] = Counter()
        # The channel layer keeps its connections for as long as its event loop lives: one loop for all steps.
        self._loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    @property
    def fence(self) -> int | None:
        """The fence of the lease while it is ours; None while another relays."""
        return self._held.fence if self._held is not None else None

    def step(self) -> int:
        """Relay the oldest events; return how many, 0 when there are none or it is not our turn.

        When the channel layer is away nothing is lost: the rows stay, and after a second it is tried again.
        """
        held = self._lease()
        if held is None or self._monotonic() < self._rest_until:
            return 0
        waiting = _oldest(held)
        known = [event for event in waiting if event.data is not None]
        for event in waiting:
            if event.data is None:
                about = {"event_id": str(event.id), "tenant": str(event.tenant_id)}
                log.error("an outbox row has no event", extra=about)
        published = self._publish(held, known)
        for event in published:
            _tell_subscribers(event)
        unknown = (event for event in waiting if event.data is None)
        return _delete(held, [*published, *unknown])

    def release(self) -> None:
        """Give the duty back at once, so that the next one need not wait for the lease to expire."""
        if self._held is not None:
            release_lease(self._held)
            self._held = None
        self._loop.close()

    def _lease(self) -> Held | None:
        now = self._monotonic()
        if now < self._lease_again_at:
            return self._held
        before, self._held = self._held, take_lease(LEASE, holder=self._holder, seconds=LEASE_S)
        self._lease_again_at = now + RENEW_EVERY_S
        if self._held != before:
            self._sent.clear()
            log.info("the relay's lease changed", extra={"held": self._held is not None})
        return self._held

    def _publish(self, held: Held, events: Sequence[Happened]) -> list[Happened]:
        """Publish the events and return those that were published: all of a tenant's, or none of them."""
        published: list[Happened] = []
        for tenant_id in dict.fromkeys(event.tenant_id for event in events):
            own = [event for event in events if event.tenant_id == tenant_id]
            # Counted before it is sent: what may have arrived although sending failed must not share its number.
            self._sent[tenant_id] += 1
            message = {
                "type": "live.changed",
                "epoch": held.fence,
                "n": self._sent[tenant_id],
                "changes": [event.change() for event in own],
            }
            try:
                self._loop.run(_send(live_group(tenant_id), message))
            except Exception:
                # Whatever ails the channel layer, the rows are kept and the engine's other duties go on.
                log.exception("the channel layer took no message; the events wait", extra={"waiting": len(events)})
                self._rest_until = self._monotonic() + REST_AFTER_FAILURE_S
                break
            published += own
        return published


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("No channel layer is configured.")
    async with asyncio.timeout(PUBLISH_TIMEOUT_S):
        await layer.group_send(group, message)


def _tell_subscribers(event: Happened) -> None:
    for subscriber in _subscribers.get(event.type, ()):
        try:
            subscriber(event)
        except Exception:
            # A hint that failed; its receiver's own sweep is the net.
            log.exception("a subscriber of the log failed", extra={"event_id": str(event.id), "type": event.type})


def _oldest(held: Held) -> list[Happened]:
    with engine_scope(read_only=True):
        rows = run_query(OLDEST, {**_lease_parameters(held), "limit": Relay.most_at_once})
    # Django leaves the decoding of jsonb to its own fields.
    return [Happened(*(*row[:-1], None if row[-1] is None else json.loads(row[-1]))) for row in rows]


def _delete(held: Held, events: Sequence[Happened]) -> int:
    """Delete the outbox rows of what was relayed and return how many; none when another has taken over meanwhile."""
    if not events:
        return 0
    with engine_scope():
        gone = run_query(DELETE, {**_lease_parameters(held), "events": [event.id for event in events]})
        if gone:
            for hook in _leaving:
                hook([event for event in events if event.data is not None])
        return len(gone)


def _lease_parameters(held: Held) -> dict[str, Any]:
    return {"lease": held.name, "holder": held.holder, "fence": held.fence}


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
