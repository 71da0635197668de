"""Segments: which stretch of a contact began and ended when. Inner steps; the contact is locked."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from agents.public import AgentSession
from routing.models import Contact, Segment
from routing.states import SegmentKind
from tenants.public import insert_row, uuid7, write, write_query

# Two clocks meet here (the switch's and the database's); a stretch never ends before it began.
_END = "UPDATE routing_segment SET ended_at = greatest(started_at, %s) WHERE ended_at IS NULL"
NEXT_SEGMENT = Path(__file__).parents[1] / "sql" / "next_segment.sql"


def begin_segment(contact: Contact, kind: SegmentKind, *, at: datetime, session_id: UUID | None = None) -> None:
    """End the running stretch of `contact`, if there is one, and begin the next at the same moment."""
    write_query(
        NEXT_SEGMENT,
        {
            "id": uuid7(),
            "tenant": contact.tenant_id,
            "contact": contact.id,
            "kind": str(kind),
            "queue": contact.queue_id,
            "session": session_id,
            "at": at,
        },
    )


def end_segment(contact: Contact, *, at: datetime) -> None:
    """End the running stretch of `contact`. Wrap-up runs beside the contact and ends with the session's state."""
    write(f"{_END} AND contact_id = %s AND kind <> 'wrap_up'", [at, contact.id])


def begin_wrap_up_segment(contact: Contact, *, session_id: UUID, at: datetime) -> None:
    """Begin the agent's work after the contact."""
    insert_row(
        Segment(
            tenant_id=contact.tenant_id,
            contact=contact,
            kind=SegmentKind.WRAP_UP,
            queue_id=contact.queue_id,
            session_id=session_id,
            started_at=at,
        )
    )


def end_wrap_up_segment_of(session: AgentSession, contact_id: UUID, at: datetime) -> None:
    """End the agent's work after the contact. `agents` calls it when a session leaves its wrap-up."""
    write(f"{_END} AND contact_id = %s AND session_id = %s AND kind = 'wrap_up'", [at, contact_id, session.id])
