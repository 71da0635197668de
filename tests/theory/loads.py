"""The six loads. Seeds and figures were written down before the first run; a load that fails is not drawn again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tests.theory.recursion import Call

US = 1_000_000


@dataclass(frozen=True)
class Load:
    """Poisson arrivals, `offered` erlangs for `agents`, exponential service and patience with these means.

    `patience_s` None: everybody waits (Erlang C). Below it is Erlang A.
    """

    name: str
    seed: int
    agents: int
    offered: float
    service_s: float
    patience_s: float | None = None

    def calls(self, count: int) -> Iterator[Call]:
        """The first `count` calls, in whole microseconds; always the same ones."""
        return islice(self._calls(), count)

    def _calls(self) -> Iterator[Call]:
        draw = random.Random(self.seed).expovariate
        rate, served, patient = self.offered / self.service_s, 1 / self.service_s, self.patience_s
        at_s = 0.0
        while True:
            at_s += draw(rate)
            service, patience = draw(served), None if patient is None else draw(1 / patient)
            yield round(at_s * US), round(service * US), None if patience is None else round(patience * US)


LOADS = (
    Load("C1", seed=19170101, agents=1, offered=0.7, service_s=120),
    Load("C2", seed=19170102, agents=6, offered=4.8, service_s=180),
    Load("C3", seed=19170103, agents=20, offered=18.0, service_s=240),
    Load("A1", seed=19570101, agents=4, offered=4.0, service_s=180, patience_s=180),
    Load("A2", seed=19570102, agents=10, offered=12.0, service_s=200, patience_s=100),
    Load("A3", seed=19570103, agents=50, offered=48.0, service_s=60, patience_s=120),
)
"""A3 is the example of Garnett, Mandelbaum and Reiman (2002), whose published figures are in `test_erlang`."""
