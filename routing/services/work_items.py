"""Work items: contacts without a telephone. A letter, a form, a follow-up waits in a queue, goes to an agent, is done.

Everything until an agent takes it up is what it is for a call: the same queues, order, skills, offers and transfers. An
agent finishes it with what came of it, so there is no wrap-up. Its end is asked for in the tenant's scope and
written by the engine's role; a timer does that should the process die in between.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from agents.public import Channel
from routing.eligibility import find_queue, with_demands
from routing.models import Contact, ContactParty, Interaction, RoutingPolicy, WorkItem
from routing.services.contacts import (
    HIGHEST_PRIORITY,
    contact_unknown,
    enter_queue,
    handler_of,
    is_full,
    lock_contact,
    save,
)
from routing.services.contacts import note as record_event
from routing.services.desk import conclude, contact_over, not_on_contact, refuse_long_note
from routing.services.legs import caller_left
from routing.services.situation import hands_of
from routing.states import ContactState, EndReason
from tenants.public import (
    Conflict,
    Customer,
    Due,
    Invalid,
    NotFound,
    calling_hash,
    claim_timer,
    db_now,
    drop_timer,
    engine_scope,
    insert_row,
    set_timer,
    tenant_scope,
    timer_handler,
    uuid7,
)

WORK_END_TIMER = "work-end"

SUBJECT_LIMIT, BODY_LIMIT, REFERENCE_LIMIT = 200, 20_000, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done, and where it waits. `priority` None: the queue's; `due_at` is aware."""

    queue_code: str
    subject: str
    kind: str = WorkItem.Kind.OTHER
    body: str = ""
    reference: str = ""
    customer_id: UUID | None = None
    language: str = ""
    priority: int | None = None
    due_at: datetime | None = None


def create_work_item(*, tenant_id: UUID, work: Work, actor: str) -> UUID:
    """Let a work item wait in a queue; return its id, which is its contact's.

    Raises NotFound ("queue-unknown", the customer), Conflict "queue-full", Invalid for texts that are empty or too
    long and for a priority above the highest.
    """
    _check(work)
    with tenant_scope(tenant_id, actor=actor, read_only=True):
        customer = Customer.objects.filter(id=work.customer_id).first() if work.customer_id else None
        if work.customer_id and customer is None:
            raise NotFound(_("There is no such customer."), customer=str(work.customer_id))
    return with_demands(lambda: _create(tenant_id, work, customer, actor=actor))


def finish_work_item(
    *, tenant_id: UUID, contact_id: UUID, session_id: UUID, disposition_id: UUID | None, note: str, actor: str
) -> None:
    """Say what came of a work item that the agent has in hand; it is done, and the agent free for the next.

    Raises NotFound (contact, disposition), Conflict "contact-over", Invalid "note-too-long" (4,000 characters).
    """
    refuse_long_note(note)
    with tenant_scope(tenant_id, actor=actor):
        contact = _lock_open_work(contact_id)
        handler = handler_of(contact)
        if handler is None or handler.session_id != session_id:
            raise not_on_contact(contact_id)
        now = db_now()
        conclude(contact, session_id=session_id, disposition_id=disposition_id, note=note, at=now)
        _ask_for_end(contact, EndReason.HANDLED, at=now)
    _end(contact_id)


def cancel_work_item(*, tenant_id: UUID, contact_id: UUID, actor: str) -> None:
    """Take a work item back, whoever has it: it ends as rejected. Raises NotFound, Conflict "contact-over"."""
    with tenant_scope(tenant_id, actor=actor):
        contact = _lock_open_work(contact_id)
        _ask_for_end(contact, EndReason.REJECTED, at=db_now())
    _end(contact_id)


@timer_handler(WORK_END_TIMER)
def end_due_work(due: Due) -> None:
    """The end of a work item was asked for by a process that is gone."""
    _end(due.subject_id, due=due)


def _check(work: Work) -> None:
    for name, text, limit in (
        ("subject", work.subject, SUBJECT_LIMIT),
        ("body", work.body, BODY_LIMIT),
        ("reference", work.reference, REFERENCE_LIMIT),
    ):
        if len(text) > limit:
            values = {"length": len(text), "limit": limit}
            raise Invalid(_("The text has %(length)d characters; %(limit)d fit.") % values, field=name)
    if not work.subject.strip():
        raise Invalid(_("A work item needs a subject."), field="subject")
    if work.priority is not None and not 0 <= work.priority <= HIGHEST_PRIORITY:
        raise Invalid(_("The priority is from 0 to %(most)d.") % {"most": HIGHEST_PRIORITY}, field="priority")


def _create(tenant_id: UUID, work: Work, customer: Customer | None, *, actor: str) -> UUID:
    with engine_scope(actor=actor):
        found = find_queue(tenant_id, work.queue_code, channel=Channel.WORK)
        if found is None:
            message = _("There is no open queue with the code %(queue)s.")
            raise NotFound(message % {"queue": work.queue_code}, code="queue-unknown", queue=work.queue_code)
        queue, demand, policy = found
        if is_full(queue):
            message = _("The queue %(queue)s is full.")
            raise Conflict(message % {"queue": queue.name}, code="queue-full", queue=queue.code)
        now = db_now()
        contact, interaction = _new_contact(tenant_id, work, phone=customer.phone if customer else "", at=now)
        record_event("contact.arrived", contact, at=now, entry_point=None, ordinal=0, node="", sip_call_id="")
        enter_queue(contact, queue, demand, policy, priority=work.priority, answered=False, at=now, since=now)
        if work.due_at is not None and policy.order == RoutingPolicy.Order.EARLIEST_DUE:
            contact.order_at = work.due_at
        insert_row(interaction)
        insert_row(contact)
        name, phone = (customer.name, customer.phone) if customer else ("", "")
        insert_row(ContactParty(tenant_id=tenant_id, contact=contact, ani=phone, name=name))
        insert_row(
            WorkItem(
                id=contact.id,
                tenant_id=tenant_id,
                contact=contact,
                kind=work.kind,
                subject=work.subject,
                body=work.body,
                reference=work.reference,
                customer_id=work.customer_id,
                due_at=work.due_at,
            )
        )
    return contact.id


def _new_contact(tenant_id: UUID, work: Work, *, phone: str, at: datetime) -> tuple[Contact, Interaction]:
    contact_id = uuid7()
    interaction = Interaction(
        node="", caller_channel=f"work.{contact_id}", channel=Channel.WORK, clock_offset_ms=0, started_at=at
    )
    contact = Contact(
        id=contact_id,
        tenant_id=tenant_id,
        interaction=interaction,
        node="",
        caller_channel=interaction.caller_channel,
        channel=Channel.WORK,
        language=work.language,
        calling_hash=calling_hash(phone),
        arrived_at=at,
    )
    return contact, interaction


def _lock_open_work(contact_id: UUID) -> Contact:
    contact = lock_contact(contact_id)
    if contact.channel != Channel.WORK:
        raise contact_unknown(contact_id)
    if contact.state == ContactState.ENDED or contact.ending:
        raise contact_over()
    return contact


def _ask_for_end(contact: Contact, reason: EndReason, *, at: datetime) -> None:
    contact.ending = reason
    record_event("contact.end_asked", contact, at=at)
    save(contact, "ending")
    set_timer(WORK_END_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=at)


def _end(contact_id: UUID, *, due: Due | None = None) -> None:
    with engine_scope():
        contact = lock_contact(contact_id)
        if (due is not None and not claim_timer(due)) or contact.state == ContactState.ENDED:
            return
        drop_timer(WORK_END_TIMER, subject_id=contact.id)
        interaction = Interaction.objects.get(id=contact.interaction_id)
        caller_left(interaction, contact, hands_of(contact), at=db_now(), lost=False)
