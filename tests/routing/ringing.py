"""A caller who rings at the only agent's, and what the desk and the engine may do about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents.public import AgentSession, Station
from routing.models import Contact, Offer, SlotHold
from routing.public import accept_offer, reject_offer
from tenants import timers
from tenants.models import Timer
from tenants.public import Due, engine_scope
from tests import factories
from tests.routing import calls

DESK, PHONE = Station.AnswerMode.DESK, Station.AnswerMode.PHONE
LOCK_CONTACT = "SELECT 1 FROM routing_contact WHERE id = %s FOR UPDATE"


def ringing(*, answer_mode: str = PHONE, **queue: Any) -> tuple[calls.Line, AgentSession, Contact, Offer]:
    """A caller who rings at the only agent's."""
    line = calls.make_line(**queue)
    session = seated(line, answer_mode=answer_mode)
    contact = calls.call(line.number)
    calls.pair_up(contact, session)
    return line, session, contact, calls.offer_of(contact)


def seated(line: calls.Line, *, answer_mode: str = PHONE) -> AgentSession:
    return factories.make_session(
        line.tenant, station=factories.make_station(line.tenant, answer_mode=answer_mode), ready=True
    )


def accept(offer: Offer) -> None:
    accept_offer(tenant_id=offer.tenant_id, offer_id=offer.id, session_id=offer.session_id, actor="agent:1")


def reject(offer: Offer) -> None:
    reject_offer(
        tenant_id=offer.tenant_id, offer_id=offer.id, session_id=offer.session_id, reason="agent", actor="agent:1"
    )


def due(kind: str, subject: UUID) -> Due:
    """The subject's timer, as an engine would find it when it is due."""
    with engine_scope(read_only=True):
        row = Timer.objects.get(kind=kind, subject_id=subject)
        return Due(row.id, row.tenant_id, row.kind, row.subject_id, row.due_at, row.data)


def fire(kind: str, subject: UUID) -> None:
    """Let the subject's timer be due now."""
    timers.fire(due(kind, subject))


def timer_kinds(*subjects: UUID) -> list[str]:
    with engine_scope(read_only=True):
        return sorted(Timer.objects.filter(subject_id__in=subjects).values_list("kind", flat=True))


def holds() -> int:
    with engine_scope(read_only=True):
        return SlotHold.objects.count()
