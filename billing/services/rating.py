"""Rating: each metered fact becomes one usage line, once, whoever tries how often and however it is interrupted."""

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from billing.errors import Unratable, UnratedReason
from billing.facts import Fact, calls_without_line, contacts_without_line, facts_of_calls, facts_of_contacts
from billing.models import UsageLine
from billing.models.usage import contact_key
from billing.pricebook import Unrated, open_price_book
from routing.public import Contact, ContactState, OutboundCall
from tenants.public import NotFound, db_now, record_once, tenant_scope

PAGE = 200
RECENT = timedelta(days=2)
"""How far the frequent sweep looks back; the daily one looks at everything. No contact lives that long."""


@dataclass(slots=True)
class Rating:
    """What rating some facts came to: the lines written now, and what could not be rated."""

    written: list[UsageLine] = field(default_factory=list)
    unrated: list[Unrated] = field(default_factory=list)


def rate_contact(*, tenant_id: UUID, contact_id: UUID) -> UsageLine:
    """Write the usage line of an ended contact, or find the one that is there; return it.

    Raises NotFound for a contact that is not the tenant's, Unratable when it has not ended or has no price yet.
    A suspended tenant's contacts are rated like any other's.
    """
    with tenant_scope(tenant_id):
        line: UsageLine | None = UsageLine.objects.filter(key=contact_key(contact_id)).first()
        if line is not None:
            return line
        contact = Contact.objects.filter(id=contact_id).first()
        if contact is None:
            raise NotFound(f"There is no contact {contact_id}.", contact=str(contact_id))
        if contact.state != ContactState.ENDED:
            raise Unratable(
                f"Contact {contact_id} is {contact.state}; it is rated when it has ended.",
                code="contact-not-ended",
                contact=str(contact_id),
            )
        return _rate_one(facts_of_contacts([contact])[0], tenant_id)


def rate_outbound_call(*, tenant_id: UUID, call_id: UUID) -> UsageLine:
    """Write the usage line of an ended call to the outside, or find the one that is there; return it.

    The rate is the longest prefix of the number dialled in the outbound table of the day on which it was dialled.
    Raises NotFound for a call that is not the tenant's, Unratable when it has not ended or has no price yet.
    """
    with tenant_scope(tenant_id):
        call = OutboundCall.objects.filter(id=call_id).first()
        if call is None:
            raise NotFound(f"There is no outbound call {call_id}.", outbound_call=str(call_id))
        if call.ended_at is None:
            raise Unratable(
                f"Outbound call {call_id} has not ended; it is rated when it has.",
                code="call-not-ended",
                outbound_call=str(call_id),
            )
        return _rate_one(facts_of_calls([call])[0], tenant_id)


def rate_ended(*, tenant_id: UUID, contact_ids: Collection[UUID]) -> Rating:
    """Rate those of the contacts that have ended and have no line yet, and the ended calls made for them likewise.

    One transaction. What has no price yet is in `unrated`, and in the list of `selectors.unrated`.
    """
    with tenant_scope(tenant_id):
        contacts = list(contacts_without_line().filter(id__in=contact_ids))
        calls = list(calls_without_line().filter(contact_id__in=contact_ids))
        facts = [*facts_of_contacts(contacts), *facts_of_calls(calls)]
        return _rate(facts, tenant_id) if facts else Rating()


def _rate_one(fact: Fact, tenant_id: UUID) -> UsageLine:
    """Write the fact's line or find the one that is there, inside the open scope; raise Unratable."""
    rating = _rate([fact], tenant_id)
    if rating.unrated:
        reason = rating.unrated[0].reason
        raise Unratable(
            f"{fact.key} is not rated: {UnratedReason(reason).label}", code=str(reason), contact=str(fact.contact_id)
        )
    if rating.written:
        return rating.written[0]
    line: UsageLine = UsageLine.objects.get(key=fact.key)  # written by another
    return line


def rate_unrated(*, tenant_id: UUID, everything: bool = False) -> Rating:
    """Rate every ended contact and outbound call of the tenant that has no line, page by page, each in a transaction.

    Looks at what began within `RECENT`, or at `everything`. What cannot be rated stays in the list of
    `selectors.unrated` and does not keep what is behind it from its turn.
    """
    whole = Rating()
    for pages in (_pages(tenant_id, _next_contacts, everything), _pages(tenant_id, _next_calls, everything)):
        for page in pages:
            whole.written += page.written
            whole.unrated += page.unrated
    return whole


Page = tuple[list[Fact], UUID | None]
"""Facts without a line, and the id after which the next page begins; None when there is none."""


def _next_contacts(after: UUID, since: datetime | None) -> Page:
    rows = contacts_without_line().filter(id__gt=after)
    page = list((rows.filter(arrived_at__gte=since) if since else rows)[:PAGE])
    return facts_of_contacts(page), page[-1].id if len(page) == PAGE else None


def _next_calls(after: UUID, since: datetime | None) -> Page:
    rows = calls_without_line().filter(id__gt=after)
    page = list((rows.filter(began_at__gte=since) if since else rows)[:PAGE])
    return facts_of_calls(page), page[-1].id if len(page) == PAGE else None


def _pages(tenant_id: UUID, next_page: Callable[[UUID, datetime | None], Page], everything: bool) -> Iterator[Rating]:
    after: UUID | None = uuid.UUID(int=0)
    while after is not None:
        with tenant_scope(tenant_id):
            facts, after = next_page(after, None if everything else db_now() - RECENT)
            rating = _rate(facts, tenant_id) if facts else Rating()
        yield rating


def _rate(facts: Sequence[Fact], tenant_id: UUID) -> Rating:
    """Price the facts and insert their lines, inside the open scope. A line that another wrote first stays."""
    book = open_price_book(facts, tenant_id=tenant_id)
    rating = Rating()
    lines = []
    for fact in facts:
        outcome = book.price(fact)
        if isinstance(outcome, Unrated):
            rating.unrated.append(outcome)
        else:
            lines.append(outcome)
    rating.written = _insert(lines)
    return rating


def _insert(lines: list[UsageLine]) -> list[UsageLine]:
    """Insert the lines whose key is new; return those. A concurrent writer of a key is waited for, then wins."""
    UsageLine.objects.bulk_create(lines, ignore_conflicts=True)
    kept = set(UsageLine.objects.filter(id__in=[line.id for line in lines]).values_list("id", flat=True))
    written = [line for line in lines if line.id in kept]
    now = db_now()
    for line in written:
        record_once(
            "usage.rated",
            tenant_id=line.tenant_id,
            kind="usage_line",
            subject_id=line.id,
            at=now,
            contact=str(line.contact_id),
            amount=str(line.amount),
            currency=line.currency,
        )
    return written
