"""What is rated: metered facts, each with a key of its own, whichever rows of routing they stand in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from billing.models import UsageLine
from billing.models.usage import contact_key, outbound_key
from routing.public import Contact, ContactState, Direction, OutboundCall, far_numbers, numbers_dialled


@dataclass(frozen=True, slots=True)
class Fact:
    """One stretch of metered time. `number` is the far end's in E.164 form, "" if hidden or unknown.

    `began_at` is the instant that decides about the price: a contact's arrival, an outbound call's dialling.
    """

    key: str
    contact_id: UUID
    outbound_call_id: UUID | None
    direction: str
    number: str
    began_at: datetime
    metered_ms: int | None
    is_test: bool


def facts_of_contacts(contacts: Sequence[Contact]) -> list[Fact]:
    """The callers' time on these contacts, in their order; one query, inside the open tenant scope."""
    numbers = far_numbers(contacts)
    return [
        Fact(
            key=contact_key(contact.id),
            contact_id=contact.id,
            outbound_call_id=None,
            direction=contact.direction,
            number=numbers[contact.id],
            began_at=contact.arrived_at,
            metered_ms=contact.metered_ms,
            is_test=contact.is_test,
        )
        for contact in contacts
    ]


def facts_of_calls(calls: Sequence[OutboundCall]) -> list[Fact]:
    """The time on these ended outbound calls, in their order; one query, inside the open tenant scope."""
    numbers = numbers_dialled(calls)
    return [
        Fact(
            key=outbound_key(call.id),
            contact_id=call.contact_id,
            outbound_call_id=call.id,
            direction=Direction.OUTBOUND,
            number=numbers[call.id],
            began_at=call.began_at,
            metered_ms=call.metered_ms,
            is_test=call.is_test,
        )
        for call in calls
    ]


def facts_of_lines(lines: Iterable[UsageLine]) -> dict[UUID, Fact]:
    """The facts behind these lines of minutes, by the lines' ids: four queries, inside the open tenant scope."""
    lines = list(lines)
    calls = OutboundCall.objects.filter(id__in=[line.outbound_call_id for line in lines if line.outbound_call_id])
    contacts = Contact.objects.filter(id__in=[line.contact_id for line in lines if not line.outbound_call_id])
    facts = {fact.key: fact for fact in (*facts_of_contacts(list(contacts)), *facts_of_calls(list(calls)))}
    return {line.id: facts[line.key] for line in lines}


def contacts_without_line() -> QuerySet[Contact]:
    """The ended contacts that have no usage line, inside the open tenant scope. Ids are UUIDv7: the oldest first."""
    line = UsageLine.objects.filter(contact=OuterRef("id"), outbound_call__isnull=True, corrects__isnull=True)
    return Contact.objects.filter(~Exists(line), state=ContactState.ENDED).order_by("id")


def calls_without_line() -> QuerySet[OutboundCall]:
    """The ended outbound calls that have no usage line, inside the open tenant scope, the oldest first."""
    line = UsageLine.objects.filter(outbound_call=OuterRef("id"), corrects__isnull=True)
    rows: QuerySet[OutboundCall] = OutboundCall.objects.filter(~Exists(line), ended_at__isnull=False).order_by("id")
    return rows
