"""Who was there and for what, which the record does not say: inferred from whom they served, and when.

- An agent's skills of a day are the types that were one in twenty of their calls or more, or of which they had one in
  twenty calls or more: what is rare is then still somebody's.
- They are there from their first service of the day to the end of their last, but for absences.
- An absence is a gap of more than a minute between two services in which somebody whom they could serve waited, more
  than 30 s after the first of the two ended, for 30 s or more before the second began. An agent who was idle then was
  not there; one who was idle while nobody waited may have been, and is taken to be.
- After each service they are busy for five seconds more: the median of 9,813 gaps of the bank's agents whose next
  caller was waiting already when the last one left. It is played as wrap-up.

It errs on the side of too few: who came before their first call or stayed after the last is not seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.replay.record import Call

WRAP_UP_S = 5
SKILL_FROM = 0.05
ABSENT_FROM_S = 60
MARGIN_S = 30

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of one day: the types that they serve, and when they are there, in seconds from midnight."""

    code: str
    skills: frozenset[str]
    present: tuple[Stretch, ...]


def infer(calls: Sequence[Call]) -> list[Member]:
    """Return the staff of a day, by their codes."""
    served: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.agent:
            served[call.agent].append(call)
    waiting: dict[str, list[Stretch]] = defaultdict(list)
    for call in calls:
        if call.wait_s:
            waiting[call.type].append((call.at_s, call.at_s + call.wait_s))
    of_type = Counter(call.type for call in calls if call.agent)
    return [_member(code, served[code], waiting, of_type) for code in sorted(served)]


def _member(
    code: str, theirs: Sequence[Call], waiting: Mapping[str, list[Stretch]], of_type: Mapping[str, int]
) -> Member:
    services = sorted((call.began_s, call.began_s + call.service_s) for call in theirs if call.began_s is not None)
    types = Counter(call.type for call in theirs)
    skills = frozenset(kind for kind, count in types.items() if count >= SKILL_FROM * min(len(theirs), of_type[kind]))
    waits = [stretch for kind in sorted(skills) for stretch in waiting.get(kind, ())]
    present, (since, until) = [], services[0]
    for began, ended in services[1:]:
        if began - until > ABSENT_FROM_S and _somebody_waits(waits, until + MARGIN_S, began):
            present.append((since, until))
            since = began
        until = max(until, ended)
    return Member(code, skills, (*present, (since, until)))


def _somebody_waits(waits: Iterable[Stretch], since: int, until: int) -> bool:
    """Whether one of the waits overlaps the time for the margin or longer."""
    return any(min(until, ends) - max(since, begins) >= MARGIN_S for begins, ends in waits)
