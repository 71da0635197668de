"""What a simulated agent does next: a pure function of what there is to see, of the time and of the seed.

Each delay is drawn from a seed of agent, occasion and object, so that whoever looks again comes to the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from agents.public import NotReadyReason, SessionState
from routing.switch.simulation.plan import seeded

READY_AFTER_LOGIN_S = (0.5, 2.0)
BACK_AFTER_TROUBLE_S = (4.0, 12.0)
BREAK_S = (20.0, 60.0)
MEAN_WORK_BEFORE_BREAK_S = 240.0
ACCEPT_S = (0.8, 3.5)
REJECTED = 0.03
WRAP_UP_S = (3.0, 10.0)
ENDS_IT = 0.2
ENDS_AFTER_S = (15.0, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One agent's session as it stands. Times are the database's.

    `reason` is the system's code of why the agent is not ready, or "chosen". `offer` is one that waits for the desk,
    `contact` the one that is talked with.
    """

    session_id: UUID
    agent_id: UUID
    state: str
    state_since: datetime
    reason: str = ""
    wrap_up_contact_id: UUID | None = None
    offer_id: UUID | None = None
    offered_at: datetime | None = None
    contact_id: UUID | None = None
    talking_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GetReady:
    """Be ready, from whatever it was."""


@dataclass(frozen=True, slots=True)
class TakeBreak:
    """Be not ready, for one of these reasons."""

    reason_id: UUID


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept the offer at the desk."""

    offer_id: UUID


@dataclass(frozen=True, slots=True)
class Reject:
    """Reject the offer at the desk."""

    offer_id: UUID


@dataclass(frozen=True, slots=True)
class EndCall:
    """End the contact from the desk."""

    contact_id: UUID


@dataclass(frozen=True, slots=True)
class WrapUp:
    """Finish the wrap-up with a disposition."""

    disposition_id: UUID | None


Action = GetReady | TakeBreak | Accept | Reject | EndCall | WrapUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperament:
    """One agent's ways; `name` is part of every seed. At a `pace` of 2 everything takes half as long."""

    name: str
    seed: int = 0
    pace: float = 1.0

    def next(
        self,
        seen: Seen,
        *,
        now: datetime,
        reasons: Sequence[UUID],
        dispositions: Sequence[UUID],
        may_pause: bool,
    ) -> Action | None:
        """What to do now, if anything. `may_pause`: enough colleagues are there for a break."""
        if seen.offer_id is not None and seen.offered_at is not None:
            return self._offer(seen.offer_id, self._felt(now - seen.offered_at))
        if seen.contact_id is not None and seen.talking_since is not None:
            return self._talk(seen.contact_id, self._felt(now - seen.talking_since))
        waited_s = self._felt(now - seen.state_since)
        match seen.state:
            case SessionState.NOT_READY:
                return self._not_ready(seen, waited_s)
            case SessionState.READY if may_pause and reasons:
                return self._ready(seen, waited_s, reasons)
            case SessionState.WRAP_UP:
                return self._wrap_up(seen, waited_s, dispositions)
            case _:
                return None

    def _felt(self, time: timedelta) -> float:
        return time.total_seconds() * self.pace

    def _offer(self, offer_id: UUID, waited_s: float) -> Action | None:
        chance = seeded(self.seed, self.name, offer_id)
        if waited_s < chance.uniform(*ACCEPT_S):
            return None
        return Reject(offer_id) if chance.random() < REJECTED else Accept(offer_id)

    def _talk(self, contact_id: UUID, talked_s: float) -> Action | None:
        chance = seeded(self.seed, self.name, contact_id)
        if chance.random() >= ENDS_IT or talked_s < chance.uniform(*ENDS_AFTER_S):
            return None
        return EndCall(contact_id)

    def _not_ready(self, seen: Seen, waited_s: float) -> Action | None:
        chance = seeded(self.seed, self.name, seen.state_since)
        match seen.reason:
            case NotReadyReason.System.LOGGED_IN:
                delay_s = chance.uniform(*READY_AFTER_LOGIN_S)
            case NotReadyReason.System.FORCED:
                return None  # a supervisor said so, and says when it is over
            case "chosen":
                delay_s = chance.uniform(*BREAK_S)
            case _:
                delay_s = chance.uniform(*BACK_AFTER_TROUBLE_S)
        return GetReady() if waited_s >= delay_s else None

    def _ready(self, seen: Seen, waited_s: float, reasons: Sequence[UUID]) -> Action | None:
        chance = seeded(self.seed, self.name, seen.state_since)
        if waited_s < chance.expovariate(1 / MEAN_WORK_BEFORE_BREAK_S):
            return None
        return TakeBreak(chance.choice(reasons))

    def _wrap_up(self, seen: Seen, waited_s: float, dispositions: Sequence[UUID]) -> Action | None:
        chance = seeded(self.seed, self.name, seen.wrap_up_contact_id)
        if waited_s < chance.uniform(*WRAP_UP_S):
            return None
        return WrapUp(chance.choice(dispositions) if dispositions else None)
