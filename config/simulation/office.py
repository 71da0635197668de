"""One enterprise's simulated agents: looks twice a second, and does through the services what each of them would."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from agents.public import (
    SessionState,
    choosable_reasons,
    log_in_agent,
    log_out,
    open_sessions,
    set_not_ready,
    set_ready,
)
from config.simulation import temperament as ways
from config.simulation.temperament import Action, Seen, Temperament
from routing.models import Disposition, Offer, Participation
from routing.public import OfferState, accept_offer, end_contact, finish_wrap_up, reject_offer
from routing.switch.simulation.plan import seeded
from tenants.public import Conflict, HotseatError, db_now, tenant_scope

log = logging.getLogger(__name__)

LOGIN_WITHIN_S = 4.0
TRY_AGAIN_AFTER = timedelta(seconds=20)
AWAY_AT_MOST = 0.25
REJECTION = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A simulated agent, as the demo's story tells of them."""

    number: str
    password: str
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What there is to see of an enterprise at one moment of the database's clock."""

    now: datetime
    sessions: Mapping[str, Seen]
    reasons: Sequence[UUID]
    dispositions: Sequence[UUID]


@dataclass(slots=True, kw_only=True)
class Office:
    """The simulated agents of one tenant; `pace` is how many times as fast as real ones they are."""

    tenant_id: UUID
    workers: Sequence[Worker]
    seed: int = 0
    pace: float = 1.0
    _not_before: dict[str, datetime] = field(init=False, default_factory=dict)

    def work(self) -> int:
        """Look once and do everything that is due; returns how many things were done."""
        view = self.look()
        if not self._not_before:
            self._not_before = {worker.number: view.now + self._late(worker) for worker in self.workers}
        return sum(self._work_of(worker, view) for worker in self.workers)

    def close(self) -> int:
        """Log out everybody who is on no contact; returns how many."""
        return sum(self._try(partial(self._leave, seen)) for seen in self.look().sessions.values())

    def look(self) -> View:
        """Read the sessions of the simulated agents, with their offers and contacts: five queries."""
        numbers = [worker.number for worker in self.workers]
        with tenant_scope(self.tenant_id, read_only=True):
            sessions = list(open_sessions().filter(agent__number__in=numbers))
            ids = [session.id for session in sessions]
            offers = {
                row.session_id: row
                for row in Offer.objects.filter(session_id__in=ids, state=OfferState.OFFERED, answer_mode="desk")
            }
            talks = {row.session_id: row for row in Participation.objects.filter(session_id__in=ids, left_at=None)}
            return View(
                now=db_now(),
                sessions={
                    session.agent.number: _seen(session, offers.get(session.id), talks.get(session.id))
                    for session in sessions
                },
                reasons=list(choosable_reasons().values_list("id", flat=True)),
                dispositions=list(
                    Disposition.objects.filter(active=True).order_by("name").values_list("id", flat=True)
                ),
            )

    def _work_of(self, worker: Worker, view: View) -> bool:
        seen = view.sessions.get(worker.number)
        if seen is None:
            return self._arrive(worker, view.now)
        mind = Temperament(name=f"{self.tenant_id}/{worker.number}", seed=self.seed, pace=self.pace)
        action = mind.next(
            seen, now=view.now, reasons=view.reasons, dispositions=view.dispositions, may_pause=self._may_pause(view)
        )
        return action is not None and self._try(lambda: self._do(seen, action))

    def _may_pause(self, view: View) -> bool:
        away = sum(seen.state == SessionState.NOT_READY for seen in view.sessions.values())
        return away + 1 <= AWAY_AT_MOST * len(self.workers)

    def _arrive(self, worker: Worker, now: datetime) -> bool:
        """Log in; where a person sits there already, try again later."""
        if now < self._not_before[worker.number]:
            return False
        self._not_before[worker.number] = now + TRY_AGAIN_AFTER
        return self._try(
            lambda: log_in_agent(
                tenant_id=self.tenant_id,
                number=worker.number,
                password=worker.password,
                ip_address="",
                extension=worker.extension,
            )
        )

    def _late(self, worker: Worker) -> timedelta:
        """How long after the doors open somebody comes."""
        return timedelta(
            seconds=seeded(self.seed, self.tenant_id, worker.number).uniform(0, LOGIN_WITHIN_S) / self.pace
        )

    def _leave(self, seen: Seen) -> None:
        log_out(tenant_id=self.tenant_id, session_id=seen.session_id, actor=self._actor(seen))

    def _do(self, seen: Seen, action: Action) -> None:
        common: dict[str, Any] = {"tenant_id": self.tenant_id, "actor": self._actor(seen)}
        session_id = seen.session_id
        match action:
            case ways.GetReady():
                set_ready(session_id=session_id, **common)
            case ways.TakeBreak(reason_id):
                set_not_ready(session_id=session_id, reason_id=reason_id, **common)
            case ways.Accept(offer_id):
                accept_offer(offer_id=offer_id, session_id=session_id, **common)
            case ways.Reject(offer_id):
                reject_offer(offer_id=offer_id, session_id=session_id, reason=REJECTION, **common)
            case ways.EndCall(contact_id):
                end_contact(contact_id=contact_id, session_id=session_id, **common)
            case ways.WrapUp(disposition_id):
                finish_wrap_up(session_id=session_id, disposition_id=disposition_id, note="", **common)

    def _actor(self, seen: Seen) -> str:
        return f"agent:{seen.agent_id}"

    def _try(self, what: Callable[[], object]) -> bool:
        """Do something that the world may have overtaken meanwhile; a refusal is an answer, as for a real person."""
        try:
            what()
        except Conflict as refusal:
            log.debug("simulated agent: %s", refusal)
            return False
        except HotseatError as refusal:
            log.warning("simulated agent: %s", refusal)
            return False
        return True


def _seen(session: Any, offer: Any, talk: Any) -> Seen:
    reason = session.reason
    return Seen(
        session_id=session.id,
        agent_id=session.agent_id,
        state=session.state,
        state_since=session.state_since,
        reason="" if reason is None else reason.system_code or "chosen",
        wrap_up_contact_id=session.wrap_up_contact_id,
        offer_id=offer.id if offer else None,
        offered_at=offer.offered_at if offer else None,
        contact_id=talk.contact_id if talk else None,
        talking_since=talk.joined_at if talk else None,
    )
