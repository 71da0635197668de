"""The routing policy, pure: contacts in order, each to the slot that its queue prefers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

Fits = Mapping[tuple[UUID, UUID], int]
"""(demand, profile) → fit, for the pairs whose verdict is yes."""

Kind = tuple[UUID, str]
"""What slots are read by: profile and channel."""

ALL = 2**31
"""More rows than there are."""

ORDERS = {
    "longest_idle": "idle_since",
    "most_proficient": "idle_since",
    "least_occupied": "occupancy",
    "fewest_contacts": "contacts",
    "round_robin": "offered_at",
}
"""What each rule of a queue compares slots of one profile by: the smallest is preferred. All of these fit alike."""

USUAL_ORDER = "idle_since"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued contact. `excluded` are the sessions that it is not to be offered to now; `only` is the one to which
    alone it is, while its affinity is in force.

    `row` is all that was read of it, which the policy does not look at.
    """

    id: UUID
    tenant_id: UUID
    demand_id: UUID
    channel: str
    priority: int
    order_at: datetime
    preference: str
    ring_seconds: int
    excluded: frozenset[UUID]
    only: UUID | None
    row: Sequence[Any]

    @property
    def place(self) -> tuple[int, datetime, UUID]:
        """The one documented order: priority (high first), then `order_at`, then the id so that ties are settled."""
        return (-self.priority, self.order_at, self.id)

    def may_go_to(self, slot: "FreeSlot") -> bool:
        """Whether the slot's agent is one whom this contact may be offered to now, if their skills fit."""
        return slot.session_id not in self.excluded and self.only in (None, slot.session_id)


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A slot that is open and not held; then what the policy does not look at: its session's version and telephone.

    `occupancy`, `contacts`, `offered_at` and `blocks` are told by `agents.models.Slot`.
    """

    id: UUID
    session_id: UUID
    profile_id: UUID
    channel: str
    idle_since: datetime
    occupancy: float
    contacts: int
    offered_at: datetime
    blocks: Sequence[str]
    session_version: int
    answer_mode: str
    endpoint: str

    @property
    def kind(self) -> Kind:
        """The list that it is in."""
        return (self.profile_id, self.channel)

    def keeps_shut(self, other: "FreeSlot") -> bool:
        """Whether the other slot may not be taken while this one is held."""
        return other.session_id == self.session_id and other.channel in self.blocks


@dataclass(frozen=True, slots=True)
class Pair:
    """A contact and the slot chosen for it, with how many slots could have served it and how well this one does."""

    contact: Waiting
    slot: FreeSlot
    candidates: int
    fit: int


def decide(
    contacts: Sequence[Waiting], slots: Sequence[FreeSlot], fits: Fits, *, rows: int = ALL, most: int = ALL
) -> tuple[list[Pair], bool]:
    """Return the pairs of one round, and whether rows that were not read might pair besides.

    The first contact in order that has an eligible free slot gets the one that its queue's rule prefers; contacts
    without one are walked past. A slot that is given away takes those that it keeps shut with it. Of each demand, and
    of each profile in each order that a contact's rule asks for, the first `rows` were read, of all those contacts the
    first `most`, and all slots of sessions to which alone a contact may go. Deciding stops where the rows that are
    missing could matter, and the next round reads on.
    """
    suiting = _by_demand(fits)
    free = _by_kind(slots)
    heads = Heads(slots, rows)
    left_in_demand = Counter(contact.demand_id for contact in contacts)
    cut_demands = {demand for demand, count in left_in_demand.items() if count >= rows}
    pairs: list[Pair] = []
    for contact in sorted(contacts, key=lambda waiting: waiting.place):
        kinds = [(fit, (profile, contact.channel)) for profile, fit in suiting[contact.demand_id]]
        if heads.are_used_up(contact, [kind for _, kind in kinds], free):
            return pairs, True
        eligible = [(fit, slot) for fit, kind in kinds for slot in free[kind].values() if contact.may_go_to(slot)]
        if eligible:
            fit, slot = min(eligible, key=lambda candidate: _preference(contact.preference, *candidate))
            pairs.append(Pair(contact=contact, slot=slot, candidates=len(eligible), fit=fit))
            _take(slot, free)
        left_in_demand[contact.demand_id] -= 1
        # Behind it may be more of the demand; they matter only to slots that could serve it.
        if (
            contact.demand_id in cut_demands
            and not left_in_demand[contact.demand_id]
            and any(free[kind] or heads.is_cut(kind) for _, kind in kinds)
        ):
            return pairs, True
    # Behind the last may be more of any demand that somebody could serve.
    able = {profile for _, profile in fits}
    return pairs, len(contacts) >= most and any(
        slots_left or heads.is_cut(kind) for kind, slots_left in free.items() if kind[0] in able
    )


def _by_demand(fits: Fits) -> Mapping[UUID, list[tuple[UUID, int]]]:
    """Return the profiles that can serve each demand, with how well."""
    found: defaultdict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    for (demand, profile), fit in fits.items():
        found[demand].append((profile, fit))
    return found


def _by_kind(slots: Iterable[FreeSlot]) -> defaultdict[Kind, dict[UUID, FreeSlot]]:
    found: defaultdict[Kind, dict[UUID, FreeSlot]] = defaultdict(dict)
    for slot in slots:
        found[slot.kind][slot.id] = slot
    return found


def _take(slot: FreeSlot, free: Mapping[Kind, dict[UUID, FreeSlot]]) -> None:
    """Give the slot away, and with it those of its session that it keeps shut."""
    del free[slot.kind][slot.id]
    if not slot.blocks:
        return
    for others in free.values():
        for shut in [other.id for other in others.values() if slot.keeps_shut(other)]:
            del others[shut]


class Heads:
    """The beginnings of the lists that were cut: behind them there may be slots that were not read."""

    def __init__(self, slots: Iterable[FreeSlot], rows: int) -> None:
        self._rows = rows
        self._cut = {kind: list(found.values()) for kind, found in _by_kind(slots).items() if len(found) >= rows}
        self._heads: dict[tuple[Kind, str], list[FreeSlot]] = {}

    @property
    def are_cut(self) -> bool:
        """Whether there may be slots that were not read."""
        return bool(self._cut)

    def is_cut(self, kind: Kind) -> bool:
        """Whether there may be slots of this kind that were not read."""
        return kind in self._cut

    def are_used_up(
        self, contact: Waiting, kinds: Iterable[Kind], free: Mapping[Kind, Mapping[UUID, FreeSlot]]
    ) -> bool:
        """Whether a list of one of the kinds, which suit the contact, has nothing left to offer it of what was read in
        the order it asks for.

        What was read besides, in other orders, may come behind what was not.
        """
        if contact.only is not None or not self._cut:
            return False
        return any(
            kind in self._cut
            and not any(
                slot.id in free[kind] and contact.may_go_to(slot)
                for slot in self._head(kind, ORDERS[contact.preference])
            )
            for kind in kinds
        )

    def _head(self, kind: Kind, order: str) -> Collection[FreeSlot]:
        if (kind, order) not in self._heads:
            self._heads[kind, order] = sorted(self._cut[kind], key=_key(order))[: self._rows]
        return self._heads[kind, order]


@cache
def _key(order: str) -> Callable[[FreeSlot], tuple[Any, ...]]:
    """Return what slots of one profile are sorted by; ties are settled by who is idle for longest, then by the id."""
    return attrgetter(order, "idle_since", "id")


def _preference(rule: str, fit: int, slot: FreeSlot) -> tuple[Any, ...]:
    return (-fit if rule == "most_proficient" else 0, *_key(ORDERS[rule])(slot))
