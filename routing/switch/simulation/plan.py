"""Who calls whom, how often and how patiently; which telephones there are: the simulated exchange's script, as JSON."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from routing.switch.simulation.telephones import PhoneHabit


def seeded(*parts: object) -> random.Random:
    """A source of chance of its own for whatever the parts name; equal parts give equal chance."""
    return random.Random(":".join(map(str, parts)))  # noqa: S311 - chance, not secrets


@dataclass(frozen=True, slots=True)
class Duration:
    """A lognormal time: half are shorter than `median_s`; `sigma` is the deviation of its logarithm (0: all alike).

    Talk times are close to lognormal: Brown et al., "Statistical Analysis of a Telephone Call Center", JASA 100 (2005).
    """

    median_s: float
    sigma: float = 0.5

    def draw(self, chance: random.Random) -> float:
        """One such time in seconds."""
        return chance.lognormvariate(math.log(self.median_s), self.sigma)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerPlan:
    """A person who may call: the number that is sent, and the name where the network sends one."""

    number: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePlan:
    """A number that is called, by a Poisson process of `calls_per_minute`.

    `keys` are pressed one after another once the call is answered, each after a pause between the two `key_pause_s`.
    Patience while nobody is there is exponential with the mean `patience_s`; `hidden` of the callers (0 to 1) do not
    show their number.
    """

    dnis: str
    calls_per_minute: float
    callers: tuple[CallerPlan, ...]
    keys: str = ""
    key_pause_s: tuple[float, float] = (2.0, 5.0)
    patience_s: float = 60.0
    talk: Duration = field(default=Duration(30.0))
    hidden: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePlan:
    """A telephone: picked up after a time between the two `ring_s`; `missed` of its calls (0 to 1) ring in vain.

    `talk`, where given, is after how long its user hangs up, if the caller has not before.
    """

    endpoint: str
    ring_s: tuple[float, float] = (1.0, 4.0)
    missed: float = 0.0
    talk: Duration | None = None

    def habit(self, chance: random.Random) -> PhoneHabit:
        """What it does with its next call."""
        if chance.random() < self.missed:
            return PhoneHabit(ring_s=None)
        talk_s = None if self.talk is None else self.talk.draw(chance)
        return PhoneHabit(ring_s=chance.uniform(*self.ring_s), talk_s=talk_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPlan:
    """The whole script. Equal seeds give equal callers, patience and talk times, line by line and phone by phone."""

    seed: int = 0
    lines: tuple[LinePlan, ...] = ()
    phones: tuple[PhonePlan, ...] = ()


def read_plan(path: Path) -> TrafficPlan:
    """Read a script. Raises OSError, or ValueError for JSON of another shape."""
    data = json.loads(path.read_text(encoding="utf-8"))
    try:
        return TrafficPlan(
            seed=int(data.get("seed", 0)),
            lines=tuple(_line(line) for line in data.get("lines", ())),
            phones=tuple(_phone(phone) for phone in data.get("phones", ())),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a script of simulated traffic: {error!r}") from error


def _line(data: Mapping[str, Any]) -> LinePlan:
    return LinePlan(
        **{
            **data,
            "callers": tuple(CallerPlan(**caller) for caller in data["callers"]),
            "key_pause_s": _range(data.get("key_pause_s", (2.0, 5.0))),
            "talk": Duration(**data["talk"]) if "talk" in data else Duration(30.0),
        }
    )


def _phone(data: Mapping[str, Any]) -> PhonePlan:
    talk = data.get("talk")
    return PhonePlan(
        **{
            **data,
            "ring_s": _range(data.get("ring_s", (1.0, 4.0))),
            "talk": None if talk is None else Duration(**talk),
        }
    )


def _range(pair: Any) -> tuple[float, float]:
    least, most = pair
    return float(least), float(most)
