"""What an agent's desk shows: one row for the session, for each offer, contact, reason and disposition.

Read inside the open scope of the session's tenant, by a number of statements that does not grow with what is shown.
Times are ISO 8601 in UTC. A hidden calling number is not shown, and nobody is looked up by it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from agents.public import AgentSession, SessionState, Skill, choosable_reasons, open_sessions
from routing.models import (
    Channel,
    Contact,
    ContactParty,
    Disposition,
    Offer,
    Participation,
    Segment,
    Transfer,
    WorkItem,
)
from routing.states import LIVE_OFFER, ContactState, SegmentKind
from tenants.public import Customer, Row, run_query

EARLIER_CONTACTS = Path(__file__).parent / "sql" / "earlier_contacts.sql"

JUST_HANDLED = 5
"""How many contacts of this session are shown, the present one and the one in wrap-up included."""

HISTORY = 5
"""How many earlier contacts of the same caller are shown."""

SETTING = 0
"""The sequence number of rows that have no version: what is read later is newer."""


def desk_rows(session_id: UUID) -> list[Row]:
    """Return the rows of an open session's desk; none when it is logged out or is not there."""
    session = open_sessions().filter(id=session_id).first()
    if session is None:
        return []
    offers = list(
        Offer.objects.filter(session_id=session_id, state__in=LIVE_OFFER)
        .select_related("contact__queue")
        .order_by("offered_at", "id")
    )
    parts = _parts(session_id)
    callers = _callers([*(offer.contact for offer in offers), *(part.contact for part in parts)])
    shown = [part.contact for part in parts if part.left_at is None or part.contact_id == session.wrap_up_contact_id]
    histories = _histories([contact for contact in shown if callers[contact.id].ani])
    held = _on_hold(shown)
    of_now = [*(offer.contact for offer in offers), *shown]
    passed_on, works = _transfers(of_now), _works(of_now)
    return [
        _session(session),
        *(
            _offer(
                offer,
                callers[offer.contact_id],
                transfers=passed_on[offer.contact_id],
                work=works.get(offer.contact_id),
            )
            for offer in offers
        ),
        *(
            _contact(
                part,
                callers[part.contact_id],
                hold=part.contact_id in held,
                history=histories[part.contact_id],
                transfers=passed_on[part.contact_id],
                work=works.get(part.contact_id),
            )
            for part in parts
        ),
        *(_choice("reason", reason.id, reason.name) for reason in choosable_reasons()),
        *(_choice("disposition", row.id, row.name) for row in Disposition.objects.filter(active=True)),
    ]


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who calls, as far as the agent may know. `ani` is "" when it is hidden or unknown."""

    ani: str = ""
    dnis: str = ""
    digits: str = ""
    customer: Row | None = field(default=None)

    def row(self) -> Row:
        return {"customer": self.customer, "ani": self.ani, "dnis": self.dnis, "digits": self.digits}


def _parts(session_id: UUID) -> list[Participation]:
    """The session's participations, those that run and the latest, with contact and queue: the newest first."""
    rows = Participation.objects.filter(session_id=session_id).select_related("contact__queue")
    latest = rows.order_by("-joined_at", "-id")[:JUST_HANDLED]
    running = rows.filter(left_at__isnull=True)
    found = {part.id: part for part in (*running, *latest)}
    return sorted(found.values(), key=lambda part: (part.joined_at, part.id), reverse=True)


def _on_hold(contacts: Iterable[Contact]) -> set[UUID]:
    """Those whose caller hears music just now: one statement."""
    ids = [contact.id for contact in contacts]
    running = Segment.objects.filter(contact_id__in=ids, kind=SegmentKind.HOLD, ended_at__isnull=True)
    return set(running.values_list("contact_id", flat=True))


def _callers(contacts: Iterable[Contact]) -> dict[UUID, _Caller]:
    """Who calls in each contact: two statements."""
    ids = {contact.id for contact in contacts}
    parties: dict[UUID, ContactParty] = {
        party.contact_id: party for party in ContactParty.objects.filter(contact_id__in=ids)
    }
    numbers = {party.ani for party in parties.values() if party.ani and not party.ani_restricted}
    # Several customers may share a number; the one who was entered last is shown.
    customers = {row.phone: row for row in Customer.objects.filter(phone__in=numbers).order_by("id")}
    return {id_: _caller(parties.get(id_), customers) for id_ in ids}


def _caller(party: ContactParty | None, customers: dict[str, Customer]) -> _Caller:
    if party is None:
        return _Caller()
    ani = "" if party.ani_restricted else party.ani
    digits = ", ".join(str(typed) for typed in party.digits.values() if typed)
    customer = customers.get(ani)
    known = (
        None
        if customer is None
        else {
            "id": str(customer.id),
            "name": customer.name,
            "segment": customer.segment,
            "phone": customer.phone,
        }
    )
    return _Caller(ani=ani, dnis=party.dnis, digits=digits, customer=known)


def _histories(contacts: list[Contact]) -> dict[UUID, list[Row]]:
    """Earlier contacts of each contact's caller, the newest first: one statement."""
    histories: dict[UUID, list[Row]] = defaultdict(list)
    known = [contact for contact in contacts if contact.calling_hash]
    if not known:
        return histories
    parameters: dict[str, Any] = {
        "tenant": known[0].tenant_id,
        "contacts": [contact.id for contact in known],
        "hashes": [contact.calling_hash for contact in known],
        "before": [contact.arrived_at for contact in known],
        "limit": HISTORY,
    }
    for contact_id, at, queue, disposition, agent in run_query(EARLIER_CONTACTS, parameters):
        entry = {"at": _iso(at), "queue": queue, "agent": agent, "disposition": disposition}
        histories[contact_id].append(entry)
    return histories


def _transfers(contacts: Iterable[Contact]) -> dict[UUID, list[Row]]:
    """Who passed each contact on, when and why, in order: one statement."""
    transfers: dict[UUID, list[Row]] = defaultdict(list)
    rows = Transfer.objects.filter(contact_id__in={contact.id for contact in contacts})
    for row in rows.select_related("session__agent__user", "queue"):
        transfers[row.contact_id].append(
            {
                "at": _iso(row.at),
                "agent": row.session.agent.user.name,
                "queue": row.queue.name if row.queue else None,
                "how": row.get_kind_display(),
                "reason": row.get_reason_display(),
                "note": row.note,
            }
        )
    return transfers


def _works(contacts: Iterable[Contact]) -> dict[UUID, Row]:
    """What the work items among the contacts are about: one statement, none where there are none."""
    ids = [contact.id for contact in contacts if contact.channel == Channel.WORK]
    rows = WorkItem.objects.filter(id__in=ids).select_related("customer") if ids else ()
    return {
        row.id: {
            "kind": row.get_kind_display(),
            "subject": row.subject,
            "body": row.body,
            "reference": row.reference,
            "customer": row.customer.name if row.customer else None,
            "due_at": _iso(row.due_at),
        }
        for row in rows
    }


def _session(session: AgentSession) -> Row:
    wrapping_up = session.state == SessionState.WRAP_UP
    return {
        "id": str(session.id),
        "kind": "session",
        "seq": session.version,
        "state": session.state,
        "reason_id": str(session.reason_id) if session.reason_id else None,
        "reason": str(session.reason) if session.reason else None,
        # What follows a contact is what the agent is now; `next_state` speaks only of a wrap-up that runs.
        "next_state": session.next_state if wrapping_up else session.state,
        "wrap_up_until": _iso(session.wrap_up_until),
        "since": _iso(session.state_since),
        "agent_number": session.agent.number,
        "name": session.agent.user.name,
        "station": session.station.site.name,
        "extension": session.station.extension,
        "phone_reachable": session.station.reachable,
        "skills": _skills(session.profile.skills),
    }


def _skills(proficiencies: dict[str, int]) -> list[Row]:
    names = dict(Skill.objects.filter(code__in=proficiencies).values_list("code", "name"))
    skills = [{"name": names.get(code, code), "proficiency": level} for code, level in proficiencies.items()]
    return sorted(skills, key=lambda skill: str(skill["name"]))


def _offer(offer: Offer, caller: _Caller, *, transfers: list[Row], work: Row | None) -> Row:
    return {
        "id": str(offer.id),
        "kind": "offer",
        "seq": offer.contact.version,
        "contact_id": str(offer.contact_id),
        "state": offer.state,
        "queue": _queue(offer.contact),
        "offered_at": _iso(offer.offered_at),
        "lease_expires_at": _iso(offer.lease_expires_at),
        "language": offer.contact.language,
        "answer_mode": offer.answer_mode,
        "transfers": transfers,
        "work": work,
        **caller.row(),
    }


def _contact(
    part: Participation,
    caller: _Caller,
    *,
    hold: bool,
    history: list[Row],
    transfers: list[Row],
    work: Row | None,
) -> Row:
    contact = part.contact
    ended_at = part.left_at or contact.ended_at
    return {
        "id": str(contact.id),
        "kind": "contact",
        "seq": contact.version,
        # For the agent it is over when they have left, whatever becomes of the caller.
        "state": str(ContactState.ENDED) if ended_at else contact.state,
        "queue": _queue(contact),
        "connected_at": _iso(part.joined_at),
        "ended_at": _iso(ended_at),
        "language": contact.language,
        "hold": hold,
        "history": history,
        "transfers": transfers,
        "channel": contact.channel,
        "work": work,
        "escalates": bool(contact.queue and contact.queue.escalates_to),
        **caller.row(),
    }


def _choice(kind: str, id_: UUID, name: str) -> Row:
    return {"id": str(id_), "kind": kind, "seq": SETTING, "name": name}


def _queue(contact: Contact) -> str | None:
    return contact.queue.name if contact.queue else None


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat()
