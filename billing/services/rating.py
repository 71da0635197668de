"""Rating: each ended contact becomes one usage line, once, whoever tries how often and however it is interrupted."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from billing.errors import Unratable, UnratedReason
from billing.models import UsageLine
from billing.models.usage import contact_key
from billing.pricebook import Unrated, open_price_book
from routing.public import Contact, ContactState
from tenants.public import NotFound, db_now, record_once, tenant_scope

PAGE = 200
RECENT = timedelta(days=2)
"""How far the frequent sweep looks back; the daily one looks at everything. No contact lives that long."""


@dataclass(slots=True)
class Rating:
    """What rating some contacts came to: the lines written now, and the contacts that could not be rated."""

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
        rating = _rate([contact], tenant_id)
        if rating.unrated:
            reason = rating.unrated[0].reason
            raise Unratable(
                f"Contact {contact_id} is not rated: {UnratedReason(reason).label}",
                code=str(reason),
                contact=str(contact_id),
            )
        return rating.written[0] if rating.written else _written_by_another(contact_id)


def rate_unrated(*, tenant_id: UUID, everything: bool = False) -> Rating:
    """Rate every ended contact of the tenant that has no line yet, page by page, each page in its own transaction.

    Looks at the contacts of the last `RECENT`, or at `everything`. A contact that cannot be rated stays in the list
    of `selectors.unrated` and does not keep the ones behind it from their turn.
    """
    whole = Rating()
    for page in _pages(tenant_id, everything):
        whole.written += page.written
        whole.unrated += page.unrated
    return whole


def _written_by_another(contact_id: UUID) -> UsageLine:
    line: UsageLine = UsageLine.objects.get(key=contact_key(contact_id))
    return line


def contacts_without_line() -> QuerySet[Contact]:
    """The ended contacts that have no usage line, inside the open tenant scope. Ids are UUIDv7: the oldest first."""
    line = UsageLine.objects.filter(contact=OuterRef("id"))
    return Contact.objects.filter(~Exists(line), state=ContactState.ENDED).order_by("id")


def _pages(tenant_id: UUID, everything: bool) -> Iterator[Rating]:
    after = uuid.UUID(int=0)
    while True:
        with tenant_scope(tenant_id):
            contacts = contacts_without_line().filter(id__gt=after)
            if not everything:
                contacts = contacts.filter(arrived_at__gte=db_now() - RECENT)
            page = list(contacts[:PAGE])
            rating = _rate(page, tenant_id) if page else Rating()
        yield rating
        if len(page) < PAGE:
            return
        after = page[-1].id


def _rate(contacts: Sequence[Contact], tenant_id: UUID) -> Rating:
    """Price the contacts and insert their lines, inside the open scope. A line that another wrote first stays."""
    book = open_price_book(contacts, tenant_id=tenant_id)
    rating = Rating()
    lines = []
    for contact in contacts:
        outcome = book.price(contact)
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
