"""A matching pass: one at a time for a pool, decide all pairs, lock, check again, write, until nothing pairs."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import OperationalError
from psycopg.errors import LockNotAvailable, SerializationFailure

from agents.public import Station, hold_slots
from routing.matching.decide import ORDERS, USUAL_ORDER, FreeSlot, Heads, Pair, Waiting, decide
from routing.models import Channel, Contact, Offer, SlotHold
from routing.services.contacts import note, save
from routing.services.offers import LEASE_MARGIN, OFFER_TIMER, leg_channel_of, send_dial
from routing.services.segments import begin_segment
from routing.states import CONTACT, ContactState, SegmentKind
from tenants.public import (
    CLOCK,
    Scope,
    current_scope,
    engine_scope,
    insert_rows,
    load_query,
    set_timer,
    trying_again,
    uuid7,
    write,
)

SQL = Path(__file__).parent / "sql"
FREE = {order: load_query(SQL / "free.sql").format(order=order) for order in set(ORDERS.values())}
OF_CONTACT = (
    *("id", "tenant_id", "interaction_id", "node", "caller_channel", "state", "direction", "channel", "language"),
    *("is_test", "queue_id", "demand_id", "step", "priority", "order_at", "queued_at", "version"),
)
"""What the rows of `waiting.sql` begin with: all that an offer needs of its contact, in the order of the model."""

_OF_POLICY: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(
    *map(OF_CONTACT.index, ("id", "tenant_id", "demand_id", "channel", "priority", "order_at")),
)

ROWS_A_ROUND = 16
"""How many contacts of a demand, and slots of a profile, a round reads."""

CONTACTS_A_ROW = 4
"""How many times as many contacts a round reads of all demands together: who is far behind waits for a later round."""

_BEGIN = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true){besides}, {ours}, clock_timestamp()
"""
"""The clock is read when the lock has been given: a select list is evaluated from left to right.

A pass has a few statements, each with one good plan, whatever its parameters are. PostgreSQL thinks that arrays of one
deserve plans of their own, and would make them in each pass anew, which took longer than the rest of it.
"""

POOL_LOCK = _BEGIN.format(besides="", ours="pg_advisory_xact_lock(hashtextextended(%s, 0)) IS NOT NULL")
POOL_LOCK_IF_FREE = _BEGIN.format(
    # Nor does it wait for a row: somebody stopped may hold an agent's.
    besides=", set_config('lock_timeout', '100ms', true)",
    ours="pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
)

CLOCK_READ = f"SELECT true, ({CLOCK.sql})"


class PoolTaken(Exception):
    """Another pass of the pool is under way, or somebody holds a row that this one needs."""


def run_pool(pool: UUID, *, wait: bool = True) -> int:
    """Match the pool until nothing pairs, and return how many offers were made.

    One transaction under the pool's lock, at READ COMMITTED: the lock is taken in a statement of its own before
    anything is read, so that the rows read are those that the last holder left. Unless it may `wait` for locks, it
    raises `PoolTaken` when others have them. It begins anew when something that it chose has changed meanwhile.
    """
    while True:
        try:
            with engine_scope():
                return _pass(pool, first=(POOL_LOCK if wait else POOL_LOCK_IF_FREE, [f"pool:{pool}"]))
        except OperationalError as problem:
            if isinstance(problem.__cause__, LockNotAvailable) and not wait:
                raise PoolTaken from problem
            if not isinstance(problem.__cause__, SerializationFailure):
                raise


def match_within(pool: UUID) -> int:
    """Match the pool in the open scope; raise `PoolTaken` when others have its lock."""
    return _pass(pool, first=(POOL_LOCK_IF_FREE, [f"pool:{pool}"]))


def _pass(pool: UUID, *, first: tuple[str, Sequence[Any]]) -> int:
    offers, reading = 0, Reading(ROWS_A_ROUND)
    now, found = _look(pool, reading, first=first)
    while found.slots and found.contacts:
        wider = reading.for_all(found)
        if wider == reading:
            pairs, leaves_more = decide(
                found.contacts, found.slots, found.fits, rows=reading.rows, most=reading.contacts
            )
            if pairs:
                _make_offers(pairs, now=now)
                offers += len(pairs)
            if not leaves_more:
                break
            if not pairs:
                wider = replace(reading, rows=reading.rows * 4)
        reading = wider
        now, found = _look(pool, reading, first=(CLOCK_READ, ()))
    return offers


@dataclass(frozen=True, slots=True)
class Found:
    """What a round reads: free slots, contacts that wait, and who fits whom; of the last two none when none is free."""

    slots: Sequence[FreeSlot]
    contacts: Sequence[Waiting]
    fits: Mapping[tuple[UUID, UUID], int]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a round is to read: the first `rows` contacts of each demand that a free slot suits, and of all these the
    first `contacts`; the first `rows` slots of each profile in each of `orders`; and the slots of `sessions`.

    As a rule one order says it all: while fewer slots than `rows` are free, all of them are read.
    """

    rows: int
    orders: frozenset[str] = frozenset({USUAL_ORDER})
    sessions: frozenset[UUID] = frozenset()

    @property
    def contacts(self) -> int:
        """The most contacts that are read, of all demands together."""
        return self.rows * CONTACTS_A_ROW

    def for_all(self, found: Found) -> "Reading":
        """Return what else it takes to choose for all who were found to wait: orders that their queues' rules ask for,
        slots of agents to whom alone they may go. Nothing else while all free slots have been read.
        """
        if not Heads(found.slots, self.rows).are_cut:
            return self
        orders = {ORDERS[contact.preference] for contact in found.contacts if contact.only is None}
        sessions = {contact.only for contact in found.contacts if contact.only is not None}
        return replace(self, orders=self.orders | orders, sessions=self.sessions | sessions)

    def queries(self, pool: UUID) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the queries: those for slots, then for contacts, then for who fits whom."""
        given = {"pool": pool, "limit": self.rows, "most": self.contacts, "channels": list(Channel.values)}
        given["sessions"] = list(self.sessions)
        texts = [FREE[order] for order in sorted(self.orders)]
        if self.sessions:
            texts.append(load_query(SQL / "free_of.sql"))
        texts += [load_query(SQL / name) for name in ("waiting.sql", "fits.sql")]
        return [(text, given) for text in texts]


def _look(pool: UUID, reading: Reading, *, first: tuple[str, Sequence[Any]]) -> tuple[datetime, Found]:
    """Read one round in one round trip, behind `first`, which ends with whether the pool is ours, and the clock."""
    queries = reading.queries(pool)
    ((*_, ours, now),), *lists, waiting, verdicts = current_scope().statements.read(first, *queries)
    if not ours:
        raise PoolTaken
    slots = {row[0]: FreeSlot(*row) for rows in lists for row in rows}
    fits = {(demand, profile): fit for demand, profile, fit in verdicts}
    return now, Found(list(slots.values()), [_waiting(row) for row in waiting], fits)


def _waiting(row: Sequence[Any]) -> Waiting:
    preference, ring_seconds, excluded, only = row[len(OF_CONTACT) :]
    return Waiting(*_OF_POLICY(row), *[preference, ring_seconds, frozenset(excluded), only, row])


def _make_offers(pairs: Sequence[Pair], *, now: datetime) -> None:
    """Claim what was chosen, and write the offers. It travels together: where the claim fails, nothing is written."""
    alias = current_scope().alias
    contacts = [Contact.from_db(alias, OF_CONTACT, pair.contact.row[: len(OF_CONTACT)]) for pair in pairs]
    slots = [pair.slot.id for pair in pairs]
    of_contacts = [[contact.id for contact in contacts], [contact.version for contact in contacts]]
    of_sessions = [[pair.slot.session_id for pair in pairs], [pair.slot.session_version for pair in pairs]]
    write("SELECT routing_claim_pairs(%s, %s, %s, %s, %s)", [*of_contacts, *of_sessions, slots])
    offers = [_new_offer(contact, pair, now=now) for contact, pair in zip(contacts, pairs, strict=True)]
    insert_rows(offers)
    # A slot is held when it is chosen, not when it rings.
    insert_rows(
        [
            SlotHold(slot_id=slot, tenant_id=offer.tenant_id, offer=offer)
            for slot, offer in zip(slots, offers, strict=True)
        ]
    )
    hold_slots(slots, blocking=[pair.slot.id for pair in pairs if pair.slot.blocks], at=now)
    for contact, pair, offer in zip(contacts, pairs, offers, strict=True):
        _announce(contact, offer, pair, now=now)


def _new_offer(contact: Contact, pair: Pair, *, now: datetime) -> Offer:
    offer_id = uuid7()
    return Offer(
        id=offer_id,
        tenant_id=contact.tenant_id,
        contact=contact,
        session_id=pair.slot.session_id,
        agent_tenant_id=contact.tenant_id,
        slot_id=pair.slot.id,
        leg_channel=leg_channel_of(offer_id),
        answer_mode=pair.slot.answer_mode if contact.channel == Channel.VOICE else Station.AnswerMode.DESK,
        offered_at=now,
        decision=_decision(contact, pair),
        lease_expires_at=now + timedelta(seconds=pair.contact.ring_seconds) + LEASE_MARGIN,
    )


def _announce(contact: Contact, offer: Offer, pair: Pair, *, now: datetime) -> None:
    """Write what follows from one offer: the contact is offered, the lease runs, and the phone is to ring."""
    CONTACT.apply(contact, ContactState.OFFERED)
    note(
        "offer.created",
        contact,
        at=now,
        offer=offer.id,
        agent_session=offer.session_id,
        waited_ms=(now - contact.queued_at) // timedelta(milliseconds=1) if contact.queued_at else 0,
        decision=offer.decision,
    )
    save(contact)
    begin_segment(contact, SegmentKind.RING, at=now, session_id=offer.session_id)
    set_timer(
        OFFER_TIMER,
        tenant_id=contact.tenant_id,
        subject_id=offer.id,
        due_at=offer.lease_expires_at,
        contact=contact.id,
        fence=offer.fence,
    )
    if offer.answer_mode == "phone":
        send_dial(contact, offer, endpoint=pair.slot.endpoint, seconds=pair.contact.ring_seconds, at=now)


def _decision(contact: Contact, pair: Pair) -> dict[str, Any]:
    """Return why this contact went to this agent, for whoever asks later."""
    by = ORDERS[pair.contact.preference]
    figure = getattr(pair.slot, by)
    reasons = {by: figure.isoformat() if isinstance(figure, datetime) else figure}
    if pair.contact.only is not None:
        reasons["affinity"] = str(pair.contact.only)
    return {
        **reasons,
        "demand": str(contact.demand_id),
        "step": contact.step,
        "priority": pair.contact.priority,
        "order_at": pair.contact.order_at.isoformat(),
        "candidates": pair.candidates,
        "preference": pair.contact.preference,
        "fit": pair.fit,
        "idle_since": pair.slot.idle_since.isoformat(),
        "excluded": [str(session) for session in sorted(pair.contact.excluded)],
    }


class MatchRunner:
    """Runs the passes that this process asks for. One that still waits for a pool's lock serves all who ask meanwhile.

    A request that comes while a pass of the same pool has not begun needs none of its own: that pass will see it. So
    a flood of requests occupies two threads a pool at most: one that matches and one that waits. With an `executor`,
    who asks never is the one that waits: they run the pass when nobody else does, and leave it to the executor's
    threads when somebody does, in this process or another.

    `run` matches a pool; given ``wait=False``, it says whether the pool was free.
    """

    def __init__(self, *, run: Callable[..., bool], executor: Executor | None = None) -> None:
        self._run_pool, self._executor = run, executor
        self._guard = threading.Lock()
        self._waiting: set[UUID] = set()
        self._running: dict[UUID, threading.Lock] = defaultdict(threading.Lock)

    def __call__(self, pools: frozenset[UUID]) -> None:
        for pool in sorted(pools):
            if not self._join(pool):
                continue
            if self._executor is None:
                self._run(pool)
            elif not self._run_at_once(pool):
                self._executor.submit(self._run, pool)

    def within(self, scope: Scope) -> None:
        """Match in the scope that asks, at its end, while nobody else matches the pool: one transaction for both.

        Whoever asks for the pool's lock next waits for the commit, so sees what this scope has changed, as if it had
        been committed before. Only where the engine's role asks, and only at the first try: what holds up a pass must
        hold up no report.
        """
        if scope.tenant_id is not None or len(scope.pools) != 1 or trying_again():
            return
        (pool,) = scope.pools
        lock = self._lock_of(pool)
        if not lock.acquire(blocking=False):
            return
        scope.endings.append(lambda _kept: lock.release())
        with contextlib.suppress(PoolTaken):
            match_within(pool)
            scope.pools.clear()

    def _join(self, pool: UUID) -> bool:
        """Return whether this request is the one that is to wait for the pool; False when another does already."""
        with self._guard:
            if pool in self._waiting:
                return False
            self._waiting.add(pool)
            return True

    def _begin(self, pool: UUID) -> None:
        with self._guard:
            self._waiting.discard(pool)

    def _lock_of(self, pool: UUID) -> threading.Lock:
        with self._guard:
            return self._running[pool]

    def _run(self, pool: UUID) -> None:
        with self._lock_of(pool):
            self._begin(pool)
            self._run_pool(pool)

    def _run_at_once(self, pool: UUID) -> bool:
        """Run the pass unless the pool is taken; return False when a pass of it is still to be run."""
        lock = self._lock_of(pool)
        if not lock.acquire(blocking=False):
            return False
        try:
            self._begin(pool)
            return self._run_pool(pool, wait=False) or not self._join(pool)
        finally:
            lock.release()
