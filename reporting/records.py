"""Call records: what became of each contact, stretch by stretch. Read inside the caller's open tenant scope."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext as _

from routing.public import Contact, ContactParty, ContactState, Disposition, EntryPoint, Queue, Segment, SegmentKind
from tenants.public import NotFound


@dataclass(frozen=True, slots=True)
class Named:
    """Another object, by its id and how people call it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A stretch of a contact; `ended_at` and `seconds` are None while it runs."""

    id: UUID
    kind: str
    queue: Named | None
    agent: Named | None
    agent_number: str | None
    session_id: UUID | None
    started_at: dt.datetime
    ended_at: dt.datetime | None

    @property
    def seconds(self) -> float | None:
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One contact as it was handled. Times are UTC; `calling_number` is "" when it is hidden or unknown."""

    id: UUID
    interaction_id: UUID
    ordinal: int
    state: str
    end_reason: str
    direction: str
    channel: str
    language: str
    is_test: bool
    calling_number: str
    called_number: str
    customer_name: str
    queue: Named | None
    entry_point: Named | None
    disposition: Named | None
    note: str
    arrived_at: dt.datetime
    queued_at: dt.datetime | None
    connected_at: dt.datetime | None
    ended_at: dt.datetime | None
    metered_ms: int | None
    segments: Sequence[SegmentRecord]

    def seconds_of(self, *kinds: SegmentKind) -> float:
        """The seconds of the ended stretches of these kinds."""
        return sum(segment.seconds or 0.0 for segment in self.segments if segment.kind in kinds)

    @property
    def wait_s(self) -> float:
        """Waiting in queues, ringing at agents included."""
        return self.seconds_of(SegmentKind.QUEUE, SegmentKind.RING)

    @property
    def talk_s(self) -> float:
        return self.seconds_of(SegmentKind.TALK)

    @property
    def hold_s(self) -> float:
        return self.seconds_of(SegmentKind.HOLD)

    @property
    def wrap_up_s(self) -> float:
        return self.seconds_of(SegmentKind.WRAP_UP)

    @property
    def agents(self) -> list[Named]:
        """Who talked to the customer, in order, each once."""
        talked = [segment.agent for segment in self.segments if segment.kind == SegmentKind.TALK and segment.agent]
        return list(dict.fromkeys(talked))


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are wanted. `begins` and `ends` bound the arrival, the latter excluded; all is optional."""

    queue_id: UUID | None = None
    agent_id: UUID | None = None
    state: ContactState | None = None
    end_reason: str | None = None
    begins: dt.datetime | None = None
    ends: dt.datetime | None = None
    with_tests: bool = True


def find_contacts(wanted: RecordFilter) -> QuerySet[Contact]:
    """The contacts behind the wanted records, the newest first, with what `records_of` reads of each."""
    contacts = Contact.objects.all()
    if wanted.queue_id:
        contacts = contacts.filter(queue_id=wanted.queue_id)
    if wanted.agent_id:
        served = Segment.objects.filter(contact=OuterRef("id"), session__agent_id=wanted.agent_id)
        contacts = contacts.filter(Exists(served))
    if wanted.state:
        contacts = contacts.filter(state=wanted.state)
    if wanted.end_reason:
        contacts = contacts.filter(end_reason=wanted.end_reason)
    if wanted.begins:
        contacts = contacts.filter(arrived_at__gte=wanted.begins)
    if wanted.ends:
        contacts = contacts.filter(arrived_at__lt=wanted.ends)
    if not wanted.with_tests:
        contacts = contacts.filter(is_test=False)
    return with_segments(contacts).order_by("-arrived_at", "-id")


def with_segments(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Have the contacts read with all that their records need, by a fixed number of statements."""
    segments = Segment.objects.select_related("queue", "session__agent__user").order_by("started_at", "id")
    return contacts.select_related("queue", "entry_point", "disposition").prefetch_related(
        Prefetch("segments", queryset=segments)
    )


def records_of(contacts: Sequence[Contact]) -> list[CallRecord]:
    """Make the records of contacts that `find_contacts` found, in their order: one statement more."""
    parties = {party.contact_id: party for party in ContactParty.objects.filter(contact__in=contacts)}
    return [_record(contact, parties.get(contact.id)) for contact in contacts]


def call_records(wanted: RecordFilter, *, limit: int = 100) -> list[CallRecord]:
    """Return the newest `limit` wanted records."""
    return records_of(list(find_contacts(wanted)[:limit]))


def call_record(contact_id: UUID) -> CallRecord:
    """Return the record of one contact; raise NotFound when the tenant in scope has none of that id."""
    contact = with_segments(Contact.objects.filter(id=contact_id)).first()
    if contact is None:
        raise NotFound(_("There is no contact %(contact)s.") % {"contact": contact_id}, contact=str(contact_id))
    return records_of([contact])[0]


def _record(contact: Contact, party: ContactParty | None) -> CallRecord:
    hidden = party is None or party.ani_restricted
    return CallRecord(
        id=contact.id,
        interaction_id=contact.interaction_id,
        ordinal=contact.ordinal,
        state=contact.state,
        end_reason=contact.end_reason,
        direction=contact.direction,
        channel=contact.channel,
        language=contact.language,
        is_test=contact.is_test,
        calling_number="" if party is None or hidden else party.ani,
        called_number=party.dnis if party else "",
        customer_name=party.name if party else "",
        queue=_named(contact.queue),
        entry_point=_named(contact.entry_point),
        disposition=_named(contact.disposition),
        note=party.note if party else "",
        arrived_at=contact.arrived_at,
        queued_at=contact.queued_at,
        connected_at=contact.connected_at,
        ended_at=contact.ended_at,
        metered_ms=contact.metered_ms,
        segments=[_segment(segment) for segment in contact.segments.all()],
    )


def _segment(segment: Segment) -> SegmentRecord:
    agent = segment.session.agent if segment.session else None
    return SegmentRecord(
        id=segment.id,
        kind=segment.kind,
        queue=_named(segment.queue),
        agent=Named(agent.id, agent.user.name) if agent else None,
        agent_number=agent.number if agent else None,
        session_id=segment.session_id,
        started_at=segment.started_at,
        ended_at=segment.ended_at,
    )


def _named(row: Queue | EntryPoint | Disposition | None) -> Named | None:
    return Named(row.id, row.name) if row else None
