"""What a seed decides: who is killed, and when. Made before anything runs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

RATE = 4.0
"""Callers a second."""

GAP_S = 3.0
"""Seconds between two kills, on average; they come like calls do (exponential gaps)."""

VICTIMS = ("engine", "switch", "valkey", "web", "worker")


@dataclass(frozen=True)
class Kill:
    """One SIGKILL, so many seconds after the first call."""

    at_s: float
    victim: str


@dataclass(frozen=True)
class Plan:
    """A run, as far as it is decided."""

    seed: int
    contacts: int
    kills: tuple[Kill, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "contacts": self.contacts,
            "rate": RATE,
            "kills": [[round(kill.at_s, 2), kill.victim] for kill in self.kills],
        }


def plan(*, seed: int, contacts: int) -> Plan:
    """The same for the same seed and number of contacts."""
    chance = random.Random(seed)
    kills, at_s = [], 2.0
    while (at_s := at_s + chance.expovariate(1 / GAP_S)) < contacts / RATE:
        kills.append(Kill(at_s, chance.choice(VICTIMS)))
    return Plan(seed, contacts, tuple(kills))
