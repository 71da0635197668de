"""What a demo enterprise is made of, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from routing.switch.simulation.plan import Duration

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPlan:
    """A member of staff who signs in with an e-mail address."""

    name: str
    email: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """An agent, who sits at the station of the same place in the list; `skills` by code with the proficiency."""

    number: str
    name: str
    team: str
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPlan:
    """A seat. The endpoint's name follows from the enterprise and the extension."""

    extension: str
    site: str
    answer_mode: str = "phone"
    ip_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlan:
    """A queue and what it needs."""

    code: str
    name: str
    requires: str
    steps: Sequence[Mapping[str, Any]] = ()
    preference: str = "longest_idle"
    wrap_up_seconds: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """An entry point with its flow. `e164` None: only the public number's menu leads there.

    `calls_per_minute` and `keys` are for the simulated callers of its number.
    """

    code: str
    name: str
    definition: Definition
    e164: str | None = None
    public: bool = False
    language: str = "en"
    calls_per_minute: float = 0.0
    keys: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPlan:
    """A customer who also calls."""

    name: str
    phone: str
    segment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePlan:
    """A price per minute by the beginning of the caller's number; "" is all others."""

    prefix: str
    price_per_minute: Decimal
    increment_seconds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterprisePlan:
    """One tenant and everything in it. `menu_key` chooses it in the public number's menu."""

    slug: str
    name: str
    language: str
    time_zone: str
    currency: str
    menu_key: str
    people: tuple[PersonPlan, ...]
    skills: Mapping[str, str]
    agents: tuple[AgentPlan, ...]
    stations: tuple[StationPlan, ...]
    queues: tuple[QueuePlan, ...]
    services: tuple[ServicePlan, ...]
    customers: tuple[CustomerPlan, ...]
    dispositions: tuple[str, ...]
    reasons: tuple[str, ...]
    rates: tuple[RatePlan, ...]
    seat_price: Decimal
    number_price: Decimal
    public_calls_per_minute: float = 1.0
    talk: Duration = field(default=Duration(25.0, 0.6))

    @property
    def sites(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(station.site for station in self.stations))

    @property
    def teams(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(agent.team for agent in self.agents))

    def endpoint(self, extension: str) -> str:
        """The SIP endpoint of a station."""
        return f"{self.slug}-{extension}"
