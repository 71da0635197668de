"""The routing policy, pure: contacts in order, each to the slot that its queue prefers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

Fits = Mapping[tuple[UUID, UUID], int]
"""(demand, profile) → fit, for the pairs whose verdict is yes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued contact. `excluded` are the sessions that it is not to be offered to now.

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
    row: Sequence[Any]

    @property
    def place(self) -> tuple[int, datetime, UUID]:
        """The one documented order: priority (high first), then `order_at`, then the id so that ties are settled."""
        return (-self.priority, self.order_at, self.id)


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A slot that is open and not held; then what the policy does not look at: its session's version and telephone."""

    id: UUID
    session_id: UUID
    profile_id: UUID
    channel: str
    idle_since: datetime
    session_version: int
    answer_mode: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A contact and the slot chosen for it, with how many slots could have served it and how well this one does."""

    contact: Waiting
    slot: FreeSlot
    candidates: int
    fit: int


def decide(
    contacts: Sequence[Waiting],
    slots: Sequence[FreeSlot],
    fits: Fits,
    *,
    cut_demands: Collection[UUID] = (),
    cut_profiles: Collection[UUID] = (),
) -> list[Pair]:
    """Return the pairs of one pass.

    The first contact in order that has an eligible free slot gets the one that its queue's rule prefers; contacts
    without one are walked past. `cut_demands` and `cut_profiles` are those of which only the first rows were read:
    deciding stops where the rows that are missing could matter, and the next round reads on.
    """
    free = {slot.id: slot for slot in slots}
    left_in_demand = _count(contact.demand_id for contact in contacts)
    left_in_profile = _count(slot.profile_id for slot in slots)
    pairs: list[Pair] = []
    for contact in sorted(contacts, key=lambda waiting: waiting.place):
        eligible = [
            (fits[contact.demand_id, slot.profile_id], slot)
            for slot in free.values()
            if slot.channel == contact.channel
            and (contact.demand_id, slot.profile_id) in fits
            and slot.session_id not in contact.excluded
        ]
        if contact.excluded and _hides_more(contact, eligible, free.values(), fits) & set(cut_profiles):
            break
        if eligible:
            fit, slot = min(eligible, key=lambda candidate: _preference(contact.preference, *candidate))
            pairs.append(Pair(contact=contact, slot=slot, candidates=len(eligible), fit=fit))
            del free[slot.id]
            left_in_profile[slot.profile_id] -= 1
            if slot.profile_id in cut_profiles and not left_in_profile[slot.profile_id]:
                break
        left_in_demand[contact.demand_id] -= 1
        if contact.demand_id in cut_demands and not left_in_demand[contact.demand_id]:
            break
    return pairs


def _hides_more(
    contact: Waiting, eligible: Collection[tuple[int, FreeSlot]], free: Iterable[FreeSlot], fits: Fits
) -> set[UUID]:
    """Return the profiles that fit and of which the contact excludes all that was read: it might have others."""
    read = {
        slot.profile_id
        for slot in free
        if slot.channel == contact.channel and (contact.demand_id, slot.profile_id) in fits
    }
    return read - {slot.profile_id for _, slot in eligible}


def _preference(rule: str, fit: int, slot: FreeSlot) -> tuple[int, datetime, UUID]:
    return (-fit if rule == "most_proficient" else 0, slot.idle_since, slot.id)


def _count(keys: Iterable[UUID]) -> dict[UUID, int]:
    counts: dict[UUID, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return counts
