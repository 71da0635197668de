"""What an agent does with a contact from the desk, besides accepting it: end it, and say what came of it."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from agents.public import AgentSession, end_wrap_up, lock_sessions
from routing.models import Channel, CommandKind, Contact, ContactParty, Direction, Disposition
from routing.services.commands import caller_command
from routing.services.contacts import IN_QUEUE, handler_of, lock_contact, save
from routing.services.contacts import note as record_event
from routing.states import ContactState, EndReason
from tenants.public import Conflict, Invalid, NotFound, db_now, tenant_scope

NOTE_LIMIT = 4000


def end_contact(*, tenant_id: UUID, contact_id: UUID, actor: str, session_id: UUID | None = None) -> None:
    """Hang up the contact's caller. The contact ends when the switch reports it.

    `session_id` is the agent's who asks: they end only a contact that they are on. A contact in the queue ends as
    rejected, one that is talked as handled. Raises NotFound, Conflict "contact-over", "is-call-back", "is-work-item".
    """
    with tenant_scope(tenant_id, actor=actor):
        contact = lock_contact(contact_id)
        if contact.state == ContactState.ENDED:
            raise contact_over()
        if contact.channel == Channel.WORK:
            raise Conflict(_("This contact is a work item: finish or cancel that instead."), code="is-work-item")
        if contact.direction == Direction.OUTBOUND and contact.state in IN_QUEUE:
            message = _("This contact is a call-back: cancel that instead.")
            raise Conflict(message, code="is-call-back", call_back=str(contact.call_back_id))
        participation = handler_of(contact)
        if session_id is not None and (participation is None or participation.session_id != session_id):
            raise not_on_contact(contact_id)
        now = db_now()
        engaged = contact.state == ContactState.ENGAGED
        contact.ending = EndReason.HANDLED if engaged else EndReason.REJECTED
        record_event("contact.end_asked", contact, at=now)
        save(contact, "ending")
        caller_command(contact, CommandKind.HANG_UP, at=now)


def finish_wrap_up(*, tenant_id: UUID, session_id: UUID, disposition_id: UUID | None, note: str, actor: str) -> None:
    """Finish the work after a contact: what came of it, a note, and on to the next state.

    Raises NotFound (session, disposition), Conflict "not-in-wrap-up", Invalid "note-too-long" (4,000 characters).
    """
    refuse_long_note(note)
    with tenant_scope(tenant_id, actor=actor):
        contact = _lock_wrapped_up(session_id)
        session = lock_sessions([session_id]).get(session_id)
        if session is None:
            raise NotFound(_("There is no such agent session."), session=str(session_id))
        if contact is None or session.wrap_up_contact_id != contact.id:
            raise Conflict(_("You are not in wrap-up."), code="not-in-wrap-up")
        now = db_now()
        conclude(contact, session_id=session_id, disposition_id=disposition_id, note=note, at=now)
        end_wrap_up(session, at=now)


def refuse_long_note(note: str) -> None:
    """Raise Invalid "note-too-long" for one that does not fit."""
    if len(note) > NOTE_LIMIT:
        raise Invalid(
            _("The note has %(length)d characters; %(limit)d fit.") % {"length": len(note), "limit": NOTE_LIMIT},
            code="note-too-long",
            limit=NOTE_LIMIT,
        )


def conclude(contact: Contact, *, session_id: UUID, disposition_id: UUID | None, note: str, at: datetime) -> None:
    """Keep what came of a contact, by its agent's word. Inner step, role app; raises NotFound (disposition)."""
    if disposition_id is not None:
        disposition = Disposition.objects.filter(id=disposition_id, active=True).first()
        if disposition is None:
            raise NotFound(
                _("There is no such disposition. Choose one from the list."), disposition=str(disposition_id)
            )
        contact.disposition = disposition
    if note:
        ContactParty.objects.filter(contact=contact).update(note=note)
    record_event("contact.wrapped_up", contact, at=at, agent_session=session_id, disposition=contact.disposition_id)
    save(contact, "disposition")


def contact_over() -> Conflict:
    """Return the error that says so."""
    return Conflict(_("This contact is over already."), code="contact-over")


def not_on_contact(contact_id: UUID) -> NotFound:
    """Return the error for an agent who does something with a contact that they are not on."""
    return NotFound(_("You are on no contact %(contact)s.") % {"contact": contact_id}, contact=str(contact_id))


def _lock_wrapped_up(session_id: UUID) -> Contact | None:
    """Lock the contact before its session, as everyone does; the session's own word is checked again afterwards."""
    contact_id = AgentSession.objects.filter(id=session_id).values_list("wrap_up_contact_id", flat=True).first()
    return lock_contact(contact_id) if contact_id else None
