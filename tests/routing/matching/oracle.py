"""The routing policy once more, written as naively as it can be: what matching is held against.

Nothing here is shared with `routing.matching`: plain lists, no cuts, no ties left open.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Caller:
    """One who waits. `place` orders callers of equal priority: smaller is first."""

    name: Hashable
    demand: Hashable
    priority: int
    place: Any
    most_proficient: bool
    excluded: frozenset[Hashable]
    channel: str = "voice"


@dataclass(frozen=True)
class Seat:
    """One free slot. `idle` orders them: smaller is idle for longer."""

    name: Hashable
    session: Hashable
    profile: Hashable
    idle: Any
    channel: str = "voice"


def pairs(callers: Sequence[Caller], seats: Sequence[Seat], fits: Mapping[Any, int]) -> list[tuple[Hashable, Hashable]]:
    """`fits`: (demand, profile) to fit, where the verdict is yes.

    Callers in order, each with the seat that suits best of those that are left; who finds none is passed over."""
    left = list(seats)
    made = []
    for caller in sorted(callers, key=lambda one: (-one.priority, one.place)):
        able = [
            seat
            for seat in left
            if (caller.demand, seat.profile) in fits
            and seat.session not in caller.excluded
            and seat.channel == caller.channel
        ]
        if not able:
            continue
        if caller.most_proficient:
            best = max(fits[caller.demand, seat.profile] for seat in able)
            able = [seat for seat in able if fits[caller.demand, seat.profile] == best]
        chosen = min(able, key=lambda seat: seat.idle)
        left.remove(chosen)
        made.append((caller.name, chosen.name))
    return made
