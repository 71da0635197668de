"""Passing a contact on, blindly: to a queue, back to it, to the next tier, to one agent, to another tenant's service.

The agent who had it is done with it at once: their part ends, their wrap-up begins, their phone is hung up. Everything
is looked at before anything is changed, so what cannot be done leaves the caller where they were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from agents.public import AgentSession, Slot, lock_sessions, may_take_contacts, open_sessions
from routing.eligibility import find_queue, with_demands
from routing.flows import FlowState
from routing.models import CommandKind, Contact, Demand, Eligibility, Participation, Queue, RoutingPolicy, Transfer
from routing.services.affinity import wait_for
from routing.services.arrive import Arrival
from routing.services.commands import send
from routing.services.contacts import (
    AGED,
    HIGHEST_PRIORITY,
    came_at,
    contact_unknown,
    entertain,
    handler_of,
    is_full,
    lock_contact,
    lock_open_contact,
    note,
    save,
    wait_in_queue,
)
from routing.services.desk import contact_over, not_on_contact
from routing.services.flow import start_flow
from routing.services.hand_over import begin_next, caller_of_contact, find_service
from routing.services.legs import part
from routing.services.offers import exclude
from routing.services.situation import bridge_of_leg
from routing.states import CONTACT, ContactState, TransferKind, TransferReason
from tenants.public import Conflict, Invalid, NotFound, db_now, engine_scope, insert_row, tenant_scope

NOTE_LIMIT = 500
NOT_BACK = timedelta(minutes=5)
"""How long a contact is not offered to the agent who passed it on."""

CHOSEN_ALONE = timedelta(seconds=60)
"""How long a contact that was passed on to one agent goes to nobody else."""

Found = tuple[Queue, Demand, RoutingPolicy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks that which contact be passed on, and why. `session_id` is the agent's, who must be on it; None: anybody
    who may. `reason` is one of `TransferReason`; `note` is for the next agent, 500 characters at most.
    """

    tenant_id: UUID
    contact_id: UUID
    actor: str
    session_id: UUID | None = None
    reason: str = TransferReason.OTHER
    note: str = ""


def transfer_to_queue(*, asked: Asked, queue_code: str) -> None:
    """Let the contact wait in another queue of the tenant.

    Raises NotFound (contact, "queue-unknown"), Conflict ("contact-over", "not-talking", "queue-full"), Invalid
    ("reason-unknown", "note-too-long").
    """
    _pass_to_queue(asked, TransferKind.QUEUE, lambda contact: queue_code)


def escalate_contact(*, asked: Asked) -> None:
    """Let the contact wait in the queue to which its own escalates.

    Raises what `transfer_to_queue` does, and Conflict "no-next-tier".
    """
    _pass_to_queue(asked, TransferKind.ESCALATION, _next_tier)


def return_to_queue(*, asked: Asked) -> None:
    """Let the contact wait in its own queue again, for somebody else. Raises what `transfer_to_queue` does."""
    _pass_to_queue(asked, TransferKind.RETURN, _own_queue)


def transfer_to_agent(*, asked: Asked, agent_number: str) -> None:
    """Let the contact go to one agent, who must be ready, free, and fit for its queue or the next tier.

    Raises what `transfer_to_queue` does, NotFound "agent-unknown" for one who is not logged in, Invalid
    "transfer-to-self", Conflict "agent-busy" and "agent-unfit".
    """
    _check(asked)
    with_demands(lambda: _pass_to_agent(asked, agent_number))


def transfer_to_service(*, asked: Asked, tenant: str, service: str) -> None:
    """Hand the contact over to a public service of another tenant: `tenant` and `service` are their codes.

    A named cross-tenant service, like the flow's hand-over: reason and note stay behind. Raises what
    `transfer_to_queue` does, and NotFound "service-unknown".
    """
    _check(asked)
    arrival = with_demands(lambda: _hand_over(asked, tenant, service))
    if not arrival.is_under_way:
        start_flow(tenant_id=arrival.tenant_id, contact_id=arrival.contact_id, node="")


def _check(asked: Asked) -> None:
    if asked.reason not in TransferReason.values:
        known = ", ".join(TransferReason.values)
        message = _("“%(reason)s” is no reason to pass a contact on; there are: %(known)s.")
        told = message % {"reason": asked.reason, "known": known}
        raise Invalid(told, code="reason-unknown", reason=asked.reason)
    if len(asked.note) > NOTE_LIMIT:
        message = _("The note has %(length)d characters; %(limit)d fit.")
        told = message % {"length": len(asked.note), "limit": NOTE_LIMIT}
        raise Invalid(told, code="note-too-long", limit=NOTE_LIMIT)


def _pass_to_queue(asked: Asked, kind: TransferKind, code_of: Callable[[Contact], str]) -> None:
    _check(asked)
    with_demands(lambda: _wait_elsewhere(asked, kind, code_of))


def _wait_elsewhere(asked: Asked, kind: TransferKind, code_of: Callable[[Contact], str]) -> None:
    with tenant_scope(asked.tenant_id, actor=asked.actor):
        contact = lock_contact(asked.contact_id)
        handler = _handler(contact, asked)
        found = _open_queue(contact, code_of(contact))
        if found[0].id != contact.queue_id and is_full(found[0]):
            message = _("The queue %(queue)s is full. The caller is still with you.")
            raise Conflict(message % {"queue": found[0].name}, code="queue-full", queue=found[0].code)
        session = lock_sessions([handler.session_id])[handler.session_id]
        now = db_now()
        _release(contact, handler, session, at=now)
        _tell(contact, asked, kind, session, at=now, to_queue=found[0])
        exclude(contact, session, until=now + NOT_BACK)
        _wait_in(contact, found, at=now)


def _pass_to_agent(asked: Asked, agent_number: str) -> None:
    with tenant_scope(asked.tenant_id, actor=asked.actor):
        contact = lock_contact(asked.contact_id)
        handler = _handler(contact, asked)
        chosen = open_sessions().filter(agent__number=agent_number).values_list("id", flat=True).first()
        if chosen is None:
            message = _("Agent %(agent)s is not logged in.")
            raise NotFound(message % {"agent": agent_number}, code="agent-unknown", agent=agent_number)
        if chosen == handler.session_id:
            raise Invalid(_("You cannot pass a contact on to yourself."), code="transfer-to-self")
        sessions = lock_sessions([handler.session_id, chosen])
        if not _is_free(sessions[chosen], contact):
            message = _("Agent %(agent)s is not free. The caller is still with you.")
            raise Conflict(message % {"agent": agent_number}, code="agent-busy", agent=agent_number)
        found = _queue_for(contact, sessions[chosen], agent_number)
        session, now = sessions[handler.session_id], db_now()
        _release(contact, handler, session, at=now)
        _tell(contact, asked, TransferKind.AGENT, session, at=now, to_queue=found[0], to_session=sessions[chosen])
        exclude(contact, session, until=now + NOT_BACK)
        _wait_in(contact, found, at=now)
        save(contact, *wait_for(contact, chosen, until=now + CHOSEN_ALONE))


def _hand_over(asked: Asked, tenant: str, code: str) -> Arrival:
    interaction_id, caller = caller_of_contact(asked.tenant_id, asked.contact_id)
    with engine_scope(actor=asked.actor):
        contact = lock_open_contact(interaction_id)
        if contact is None or (contact.tenant_id, contact.id) != (asked.tenant_id, asked.contact_id):
            raise contact_over()
        handler = _handler(contact, asked)
        service = {
            "tenant": tenant,
            "service": code,
            "state": FlowState(answered=True).as_json(),
            "language": contact.language,
        }
        target = find_service(service)
        if target is None:
            message = _("There is no public service %(service)s of %(tenant)s. The caller is still with you.")
            told = message % {"service": code, "tenant": tenant}
            raise NotFound(told, code="service-unknown", tenant=tenant, service=code)
        session = lock_sessions([handler.session_id])[handler.session_id]
        now = db_now()
        _release(contact, handler, session, at=now)
        _tell(contact, asked, TransferKind.SERVICE, session, at=now)
        return Arrival.of(begin_next(contact, target, caller=caller, service=service, at=now))


def _handler(contact: Contact, asked: Asked) -> Participation:
    """Return who is on the contact, if it can be passed on for whoever asks."""
    if contact.tenant_id != asked.tenant_id:
        raise contact_unknown(contact.id)
    if contact.state == ContactState.ENDED or contact.ending:
        raise contact_over()
    handler = handler_of(contact)
    if asked.session_id is not None and (handler is None or handler.session_id != asked.session_id):
        raise not_on_contact(contact.id)
    if handler is None:
        raise Conflict(_("Nobody talks with this caller now."), code="not-talking")
    return handler


def _open_queue(contact: Contact, code: str) -> Found:
    found = find_queue(contact.tenant_id, code, channel=contact.channel)
    if found is None:
        message = _("There is no open queue with the code %(queue)s. The caller is still with you.")
        raise NotFound(message % {"queue": code}, code="queue-unknown", queue=code)
    return found


def _own_queue(contact: Contact) -> str:
    # Who is talked with has come out of a queue.
    return contact.queue.code if contact.queue else ""


def _next_tier(contact: Contact) -> str:
    if contact.queue is None or not contact.queue.escalates_to:
        raise Conflict(_("This queue has no next tier. The caller is still with you."), code="no-next-tier")
    return str(contact.queue.escalates_to)


def _is_free(session: AgentSession, contact: Contact) -> bool:
    free = Slot.objects.filter(session_id=session.id, channel=contact.channel, open=True, held=False)
    return may_take_contacts(session) and free.exists()


def _queue_for(contact: Contact, session: AgentSession, agent_number: str) -> Found:
    """Return the contact's queue, or else its next tier, in the first of which the agent can serve it."""
    own = contact.queue
    for code in (own.code, own.escalates_to) if own else ():
        found = find_queue(contact.tenant_id, code, channel=contact.channel) if code else None
        verdict = (
            Eligibility.objects.filter(demand=found[1], profile_id=session.profile_id, fits=True) if found else None
        )
        if found and verdict is not None and verdict.exists():
            return found
    message = _("Agent %(agent)s lacks the skills that this queue asks for. Choose another queue instead.")
    raise Conflict(message % {"agent": agent_number}, code="agent-unfit", agent=agent_number)


def _release(contact: Contact, handler: Participation, session: AgentSession, *, at: datetime) -> None:
    """Take the agent off the contact: slot, wrap-up and phone are their own affair from now on."""
    part(contact, handler, session, at=at)
    for kind, session_id, arguments in (
        (CommandKind.DESTROY_BRIDGE, None, {"bridge": bridge_of_leg(handler.leg_channel)}),
        (CommandKind.HANG_UP, session.id, {"channel": handler.leg_channel}),
    ):
        send(
            kind,
            node=contact.node,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            session_id=session_id,
            at=at,
            arguments=arguments,
        )


def _tell(
    contact: Contact,
    asked: Asked,
    kind: TransferKind,
    session: AgentSession,
    *,
    at: datetime,
    to_queue: Queue | None = None,
    to_session: AgentSession | None = None,
) -> None:
    insert_row(
        Transfer(
            tenant_id=contact.tenant_id,
            contact=contact,
            kind=kind,
            reason=asked.reason,
            note=asked.note,
            session=session,
            queue_id=contact.queue_id,
            to_queue=to_queue,
            to_session=to_session,
            at=at,
        )
    )
    note(
        "contact.transferred",
        contact,
        at=at,
        how=str(kind),
        reason=str(asked.reason),
        agent_session=session.id,
        to_queue=to_queue.id if to_queue else None,
        to_session=to_session.id if to_session else None,
    )


def _wait_in(contact: Contact, found: Found, *, at: datetime) -> None:
    """Let the contact wait, by the moment at which it first came, with the higher of its and the queue's priority."""
    queue, demand, policy = found
    since = came_at(contact, contact.queue or queue, policy, at=at)
    highest = min(max(contact.priority, queue.priority), HIGHEST_PRIORITY)
    priority = AGED if contact.priority == AGED else highest
    CONTACT.apply(contact, ContactState.QUEUED)
    wait_in_queue(contact, queue, demand, policy, priority=priority, at=at, since=since)
    entertain(contact, answered=True, at=at)
