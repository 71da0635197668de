"""Ordinary reads of contacts, for the apps above. Each works inside the caller's open tenant scope."""

from collections.abc import Iterable
from uuid import UUID

from routing.models import Contact, ContactParty, Direction, OutboundCall, OutboundParty


def far_numbers(contacts: Iterable[Contact]) -> dict[UUID, str]:
    """Return for each contact the E.164 number at the far end: who called, or who was called if it is outbound.

    "" stands for a number that is hidden, malformed or not recorded. One query, however many contacts.
    """
    outbound = {contact.id: contact.direction == Direction.OUTBOUND for contact in contacts}
    parties = ContactParty.objects.filter(contact_id__in=outbound)
    numbers = dict.fromkeys(outbound, "")
    for contact_id, ani, restricted, dnis in parties.values_list("contact_id", "ani", "ani_restricted", "dnis"):
        if outbound[contact_id]:
            numbers[contact_id] = dnis
        elif not restricted:
            numbers[contact_id] = ani
    return numbers


def numbers_dialled(calls: Iterable[OutboundCall]) -> dict[UUID, str]:
    """Return for each outbound call the number that was dialled, in E.164 form; "" when it was not recorded.

    One query, however many calls.
    """
    numbers = dict.fromkeys((call.id for call in calls), "")
    parties = OutboundParty.objects.filter(call_id__in=numbers)
    return numbers | dict(parties.values_list("call_id", "number"))


def calling_number(contact_id: UUID) -> str:
    """Return who called, in E.164 form, or "" when the number is hidden, malformed or not recorded."""
    party = ContactParty.objects.filter(contact_id=contact_id, ani_restricted=False).first()
    return party.ani if party else ""
