"""A contact on its number's backup routes: how that begins and ends. Inner steps; the contact is locked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from routing.backup_states import DIVERSION, DiversionState
from routing.models import Contact, Diversion, OutboundCall
from routing.services.contacts import note, save
from routing.services.outbound import hang_up_out
from routing.states import CONTACT, ContactState, EndReason
from tenants.public import drop_timer, find_row, insert_row, record, set_timer, update_row

DIVERSION_TIMER = "diversion"
BACKUP_LABEL = "backup"


def begin_diversion(
    contact: Contact, activation_id: UUID, *, at: datetime, answered: bool, waited: bool = False
) -> Diversion:
    """Put the contact on the backup routes; the first is then to be tried, by its timer if by nobody before."""
    CONTACT.apply(contact, ContactState.DIVERTED)
    diversion = Diversion(
        tenant_id=contact.tenant_id,
        contact=contact,
        activation_id=activation_id,
        answered=answered,
        waited=waited,
        began_at=at,
    )
    note("contact.diverted", contact, at=at, activation=activation_id, diversion=diversion.id, waited=waited)
    save(contact)
    insert_row(diversion)
    set_timer(DIVERSION_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=at)
    return diversion


def live_diversion(contact: Contact) -> Diversion | None:
    """Return the diversion that the contact is on; it changes only under the contact's lock."""
    if contact.state != ContactState.DIVERTED:
        return None
    return find_row(Diversion, "t.contact_id = %s AND t.state <> 'over'", [contact.id])


def open_call(diversion: Diversion) -> OutboundCall | None:
    """Return the outbound call of the diversion that is not over."""
    return find_row(OutboundCall, "t.diversion_id = %s AND t.ended_at IS NULL", [diversion.id])


def record_diversion(event_type: str, diversion: Diversion, contact: Contact, *, at: datetime, **data: Any) -> None:
    """Record an event of the diversion. The caller saves its `version`."""
    ids = {"contact": contact.id, "interaction": contact.interaction_id, "activation": diversion.activation_id}
    record(event_type, diversion, kind="diversion", at=at, is_test=contact.is_test, **ids, **data)


def end_diversion(contact: Contact, diversion: Diversion, *, outcome: str, at: datetime) -> None:
    """The contact is no more on backup routes: it waits in a queue, goes the usual way, or is over."""
    DIVERSION.apply(diversion, DiversionState.OVER)
    diversion.outcome = outcome
    record_diversion("diversion.ended", diversion, contact, at=at, outcome=outcome)
    update_row(diversion, "state", "outcome", "tried", "answered", "version")
    drop_timer(DIVERSION_TIMER, subject_id=contact.id)


def leave_diversion(contact: Contact, *, at: datetime) -> EndReason | None:
    """The caller's leg is over: end what was dialled for it. Returns what the contact's end is called, if that says it.

    None: the contact is on no backup route, or its end is called as any other.
    """
    diversion = live_diversion(contact)
    if diversion is None:
        return None
    call = open_call(diversion)
    if call is not None:
        hang_up_out(contact, call.id, at=at)
    talked = diversion.state == DiversionState.TALKING
    outcome = "talked" if talked else "announced" if diversion.state == DiversionState.ANNOUNCING else "left"
    end_diversion(contact, diversion, outcome=outcome, at=at)
    return EndReason.OVERFLOWED if talked else None
