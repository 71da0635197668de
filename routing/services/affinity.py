"""Affinity: a contact that for some time goes to one agent alone, then to everybody. Inner steps; it is locked.

It is the contact's, not a demand's: matching reads it with the contact (`routing/matching/sql/waiting.sql`). Whoever
begins it says which agent, by the session in which they are at work: who looks after the customer or served the caller
last, whom a colleague chose, or who has promised to call back.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from agents.public import AgentSession
from routing.models import Contact, Demand, Queue
from tenants.public import drop_timer, find_row, run_query, set_timer

AFFINITY_TIMER = "affinity"
SQL = Path(__file__).parents[1] / "sql"
ACCOUNT_AGENT, LAST_AGENT = SQL / "account_agent.sql", SQL / "last_agent.sql"


def begin_affinity(contact: Contact, queue: Queue, demand: Demand, *, at: datetime) -> tuple[str, ...]:
    """Let a contact that enters the queue now wait for its customer's account agent, or else for the agent who served
    its caller last, as far as the queue wants that.

    Nobody is waited for who is not at work, or lacks the skills. Returns the fields that are to be saved.
    """
    if queue.account_seconds and contact.account_agent_id is not None:
        session_id = _account_agent(contact, demand)
        if session_id is not None:
            return wait_for(contact, session_id, until=at + timedelta(seconds=queue.account_seconds))
    if queue.affinity_seconds and contact.calling_hash:
        session_id = _last_agent(contact, queue, demand, at=at)
        if session_id is not None:
            return wait_for(contact, session_id, until=at + timedelta(seconds=queue.affinity_seconds))
    return end_affinity(contact)


def wait_for(contact: Contact, session_id: UUID, *, until: datetime) -> tuple[str, ...]:
    """Let the contact go to nobody but the agent at work in this session; return the fields that are to be saved."""
    contact.affinity_session_id, contact.affinity_until = session_id, until
    set_timer(AFFINITY_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=until)
    return ("affinity_session", "affinity_until")


def wait_for_agent(contact: Contact, agent_id: UUID, *, until: datetime) -> tuple[str, ...]:
    """Let the contact wait for this agent alone, whoever served its caller last; nothing unless they are at work.

    Returns the fields that are to be saved.
    """
    session = find_row(AgentSession, "t.agent_id = %s AND t.logged_out_at IS NULL", [agent_id])
    if session is None:
        return ()
    return wait_for(contact, session.id, until=until)


def end_affinity(contact: Contact) -> tuple[str, ...]:
    """Let the contact be everybody's again; return the fields that are to be saved, none for one that was."""
    if contact.affinity_until is None:
        return ()
    contact.affinity_until = None
    drop_timer(AFFINITY_TIMER, subject_id=contact.id)
    return ("affinity_until",)


def told_of_affinity(contact: Contact) -> dict[str, Any]:
    """Return what an event of the contact is to say of it: nothing for one that is everybody's."""
    if contact.affinity_until is None:
        return {}
    return {"affinity": contact.affinity_session_id, "affinity_until": contact.affinity_until.isoformat()}


def _account_agent(contact: Contact, demand: Demand) -> UUID | None:
    given = {"tenant": contact.tenant_id, "agent": contact.account_agent_id, "demand": demand.id}
    rows = run_query(ACCOUNT_AGENT, given)
    return rows[0][0] if rows else None


def _last_agent(contact: Contact, queue: Queue, demand: Demand, *, at: datetime) -> UUID | None:
    given = {
        "tenant": contact.tenant_id,
        "hash": contact.calling_hash,
        "since": at - timedelta(days=queue.affinity_days),
        "before": contact.arrived_at,
        "demand": demand.id,
    }
    rows = run_query(LAST_AGENT, given)
    return rows[0][0] if rows else None
