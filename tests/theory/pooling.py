"""Two cases of pooled skills: the same calls and agents through the services and through ciw, wait by wait.

ciw is an independent discrete-event simulation (Palmer, Knight, Harper and Hawa, "Ciw: An open-source discrete event
simulation library", Journal of Simulation 13 (2019)). It knows no skills: its node is told to start the first caller
in its order for whom an able server is free, and to give them the one that our policy prefers. Order, clock, queue
and patience are its own. Seeds and figures were written down before the first run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.theory.loads import US
from tests.theory.recursion import Call

Skills = Mapping[str, int]


@dataclass(frozen=True)
class Stream:
    """Callers who need one skill: `calls_an_hour` of them by Poisson, exponential service and patience."""

    skill: str
    calls_an_hour: float
    service_s: float
    patience_s: float | None = None
    priority: int = 0


@dataclass(frozen=True)
class Case:
    """Streams of callers, and agents with their proficiencies. `most_proficient`: whom the queues prefer."""

    name: str
    seed: int
    streams: tuple[Stream, ...]
    agents: tuple[Skills, ...]
    most_proficient: bool = False

    def calls(self, count: int) -> list[tuple[Stream, Call]]:
        """The first `count` calls in the order of their coming, in microseconds."""
        drawn = [call for number, _ in enumerate(self.streams) for call in self._stream(number, count)]
        return sorted(drawn, key=lambda one: one[1][0])[:count]

    def _stream(self, number: int, count: int) -> list[tuple[Stream, Call]]:
        stream, at_s = self.streams[number], 0.0
        draw = random.Random(f"{self.seed}:{number}").expovariate
        calls: list[tuple[Stream, Call]] = []
        for _ in range(count):
            at_s += draw(stream.calls_an_hour / 3600)
            service, patience = draw(1 / stream.service_s), stream.patience_s and draw(1 / stream.patience_s)
            call = (round(at_s * US), round(service * US), None if patience is None else round(patience * US))
            calls.append((stream, call))
        return calls


CASES = (
    # Two kinds of specialists and some who do both: everybody waits, the longest idle is called.
    Case(
        "S1",
        seed=20130501,
        streams=(Stream("loans", 60, 180), Stream("cards", 75, 120)),
        agents=(*[{"loans": 3}] * 2, *[{"cards": 3}] * 2, *[{"loans": 3, "cards": 3}] * 3),
    ),
    # Cards come first and may be given up; those who know a subject best are called first, and some know a little.
    Case(
        "S2",
        seed=20130502,
        streams=(Stream("loans", 90, 200, 300), Stream("cards", 80, 150, 90, priority=1)),
        agents=(*[{"loans": 5}] * 3, *[{"cards": 5}] * 2, *[{"loans": 2, "cards": 3}] * 3),
        most_proficient=True,
    ),
)


def case_of(name: str) -> Case:
    """Return the case of that name."""
    return next(case for case in CASES if case.name == name)


def order_of(calls: Sequence[tuple[Stream, Call]], skill: str) -> list[int]:
    """Return the numbers of the calls that need the skill, in order."""
    return [number for number, (stream, _) in enumerate(calls) if stream.skill == skill]
