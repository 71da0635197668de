"""A flow asks for a call-back: which number, which queue, and what came of it. Inner step of the tenant's scope."""

from datetime import datetime

from routing.flows.definition import CallBack
from routing.flows.state import FlowState
from routing.models import Contact, ContactParty, Queue
from routing.services.call_back_asking import take_call_back
from routing.services.outside import Outside, callable_number
from tenants.public import Invalid, find_row, region_of

TAKEN, EXISTS = "taken", "exists"


def settle_call_back(contact: Contact, place: CallBack, state: FlowState, outside: Outside, *, at: datetime) -> str:
    """Take the call-back that the caller is at; return what came of it, as the flow's trigger says it.

    The contact is locked. A number that is hidden, mistyped or barred is a refusal with its code.
    """
    party = find_row(ContactParty, "t.contact_id = %s", [contact.id])
    if party is None:
        raise RuntimeError(f"contact {contact.id} has no party")
    try:
        number = callable_number(_wanted(party, place, state), outside, region=region_of(party.dnis))
        queue = Queue.objects.filter(code=place.queue, active=True).first() if place.queue else None
        asked = take_call_back(contact, number=number, name=party.name, queue=queue, at=at)
    except Invalid as refusal:
        return refusal.code
    return EXISTS if asked.existed else TAKEN


def _wanted(party: ContactParty, place: CallBack, state: FlowState) -> str:
    if place.number is not None:
        return state.collected.get(place.number, "")
    return "" if party.ani_restricted else party.ani
