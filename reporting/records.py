"""Call records as people and programs see them. Read inside the caller's open tenant scope.

What happened comes from the records (`reporting.models`), which hold ids; names, numbers and notes are joined here.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from reporting.models import CallRecord, LegRecord, OfferRecord, SessionRecord, Stretch
from reporting.models.records import StretchKind
from reporting.names import Names, Person, read_names
from routing.public import ContactParty, ContactState
from tenants.public import NotFound, normalise


@dataclass(frozen=True, slots=True)
class Named:
    """Another object, by its id and how people call it."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ShownStretch:
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

    @property
    def label(self) -> str:
        """What it is, in the active language."""
        return str(StretchKind(self.kind).label)


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """The contact asked of one agent, and what became of it."""

    offer: OfferRecord
    agent: Named | None
    agent_number: str | None


@dataclass(frozen=True, slots=True)
class ShownCall:
    """One contact as it was handled. Times are UTC; `calling_number` is "" when it is hidden or unknown.

    `offers` and `legs` (those that are over) are there when one contact is looked at by itself.
    """

    record: CallRecord
    calling_number: str
    called_number: str
    customer_name: str
    note: str
    queue: Named | None
    entry_point: Named | None
    disposition: Named | None
    segments: Sequence[ShownStretch]
    offers: Sequence[ShownOffer] = ()
    legs: Sequence[LegRecord] = ()

    def seconds_of(self, *kinds: StretchKind) -> float:
        """The seconds of the ended stretches of these kinds."""
        return sum(segment.seconds or 0.0 for segment in self.segments if segment.kind in kinds)

    @property
    def wait_s(self) -> float:
        """Waiting in queues, ringing at agents included."""
        return self.seconds_of(StretchKind.QUEUE, StretchKind.RING)

    @property
    def talk_s(self) -> float:
        return self.seconds_of(StretchKind.TALK)

    @property
    def hold_s(self) -> float:
        return self.seconds_of(StretchKind.HOLD)

    @property
    def wrap_up_s(self) -> float:
        return self.seconds_of(StretchKind.WRAP_UP)

    @property
    def agents(self) -> list[Named]:
        """Who talked to the customer, in order, each once."""
        talked = [segment.agent for segment in self.segments if segment.kind == StretchKind.TALK and segment.agent]
        return list(dict.fromkeys(talked))


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are wanted. `begins` and `ends` bound the arrival, the latter excluded; all is optional.

    `number` is who called, in any international way of writing; `agent_id` was rung or talked.
    """

    queue_id: UUID | None = None
    agent_id: UUID | None = None
    state: ContactState | None = None
    end_reason: str | None = None
    number: str | None = None
    begins: dt.datetime | None = None
    ends: dt.datetime | None = None
    with_tests: bool = True


def find_calls(wanted: RecordFilter) -> QuerySet[CallRecord]:
    """The wanted records, the newest first."""
    calls = CallRecord.objects.all()
    if wanted.queue_id:
        calls = calls.filter(queue_id=wanted.queue_id)
    if wanted.agent_id:
        sessions = SessionRecord.objects.filter(agent_id=wanted.agent_id).values("id")
        calls = calls.filter(Exists(Stretch.objects.filter(contact_id=OuterRef("id"), session_id__in=sessions)))
    if wanted.state:
        calls = calls.filter(state=wanted.state)
    if wanted.end_reason:
        calls = calls.filter(end_reason=wanted.end_reason)
    if wanted.number:
        calls = calls.filter(id__in=_contacts_from(wanted.number))
    if wanted.begins:
        calls = calls.filter(arrived_at__gte=wanted.begins)
    if wanted.ends:
        calls = calls.filter(arrived_at__lt=wanted.ends)
    if not wanted.with_tests:
        calls = calls.filter(is_test=False)
    return calls.order_by("-id")


def shown_calls(calls: Iterable[CallRecord]) -> list[ShownCall]:
    """Return the records with their stretches and with names, in their order, by a fixed number of statements."""
    rows = list(calls)
    ids = [row.id for row in rows]
    stretches = Stretch.objects.filter(contact_id__in=ids).order_by("started_at", "seq", "id")
    of_contact: dict[UUID, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        of_contact[stretch.contact_id].append(stretch)
    parties = {party.contact_id: party for party in ContactParty.objects.filter(contact_id__in=ids)}
    names = read_names({stretch.session_id for stretch in stretches if stretch.session_id})
    return [_shown(row, parties.get(row.id), of_contact[row.id], names) for row in rows]


def call_record(contact_id: UUID) -> ShownCall:
    """Return all of one contact; raise NotFound when the tenant in scope has no record of that id."""
    record = CallRecord.objects.filter(id=contact_id).first()
    if record is None:
        raise NotFound(_("There is no contact %(contact)s.") % {"contact": contact_id}, contact=str(contact_id))
    offers = list(OfferRecord.objects.filter(contact_id=contact_id).order_by("offered_at", "id"))
    names = read_names({offer.session_id for offer in offers})
    return replace(
        shown_calls([record])[0],
        offers=[ShownOffer(offer, *_agent(names.of_session(offer.session_id))) for offer in offers],
        legs=list(LegRecord.objects.filter(contact_id=contact_id).order_by("created_at", "id")),
    )


def _contacts_from(number: str) -> QuerySet[ContactParty, dict[str, Any]]:
    """The contacts of callers who showed that number. Walks party_by_ani."""
    e164 = normalise(number)
    callers = ContactParty.objects.filter(ani=e164, ani_restricted=False) if e164 else ContactParty.objects.none()
    return callers.values("contact_id")


def _shown(record: CallRecord, party: ContactParty | None, stretches: Sequence[Stretch], names: Names) -> ShownCall:
    hidden = party is None or party.ani_restricted
    return ShownCall(
        record=record,
        calling_number="" if party is None or hidden else party.ani,
        called_number=party.dnis if party else "",
        customer_name=party.name if party else "",
        note=party.note if party else "",
        queue=_named(record.queue_id, names.queues),
        entry_point=_named(record.entry_point_id, names.entry_points),
        disposition=_named(record.disposition_id, names.dispositions),
        segments=[_stretch(stretch, record, names) for stretch in stretches],
    )


def _stretch(stretch: Stretch, record: CallRecord, names: Names) -> ShownStretch:
    # The work after a contact is told of by the agent's session, which knows nothing of queues.
    queue_id = record.queue_id if stretch.kind == StretchKind.WRAP_UP else stretch.queue_id
    agent, number = _agent(names.of_session(stretch.session_id))
    return ShownStretch(
        id=stretch.id,
        kind=stretch.kind,
        queue=_named(queue_id, names.queues),
        agent=agent,
        agent_number=number,
        session_id=stretch.session_id,
        started_at=stretch.started_at,
        ended_at=stretch.ended_at,
    )


def _agent(person: Person | None) -> tuple[Named | None, str | None]:
    return (Named(person.agent_id, person.name), person.number) if person else (None, None)


def _named(key: UUID | None, names: dict[UUID, str]) -> Named | None:
    """The object by its name; one that was removed since has none."""
    return Named(key, names.get(key, "")) if key else None
