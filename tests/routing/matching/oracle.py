"""The routing policy once more, written as naively as it can be: what matching is held against.

Nothing here is shared with `routing.matching`: plain lists, no cuts, no ties left open.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Caller:
    """One who waits. `place` orders callers of equal priority: smaller is first. `rule` is what their queue prefers;
    `only` is the session to which alone they may go, if there is one."""

    name: Hashable
    demand: Hashable
    priority: int
    place: Any
    rule: str
    excluded: frozenset[Hashable]
    channel: str = "voice"
    only: Hashable | None = None


@dataclass(frozen=True)
class Seat:
    """One free slot. `idle` orders them: smaller is idle for longer. So do `turn`, when it was offered something last,
    `share`, how busy it was, and `served`, how many contacts it has had, for the rules that go by them. While it is
    taken, none of the channels that it `blocks` comes to its session."""

    name: Hashable
    session: Hashable
    profile: Hashable
    idle: Any
    channel: str = "voice"
    turn: Any = 0
    share: Any = 0
    served: int = 0
    blocks: Sequence[str] = ()


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
        if caller.only is not None:
            able = [seat for seat in able if seat.session == caller.only]
        if not able:
            continue
        if caller.rule == "most_proficient":
            best = max(fits[caller.demand, seat.profile] for seat in able)
            able = [seat for seat in able if fits[caller.demand, seat.profile] == best]
        elif caller.rule == "least_occupied":
            least = min(seat.share for seat in able)
            able = [seat for seat in able if seat.share == least]
        elif caller.rule == "fewest_contacts":
            fewest = min(seat.served for seat in able)
            able = [seat for seat in able if seat.served == fewest]
        elif caller.rule == "round_robin":
            first = min(seat.turn for seat in able)
            able = [seat for seat in able if seat.turn == first]
        chosen = min(able, key=lambda seat: seat.idle)
        left.remove(chosen)
        left = [seat for seat in left if seat.session != chosen.session or seat.channel not in chosen.blocks]
        made.append((caller.name, chosen.name))
    return made
