"""Stuck states, made by hand: rows broken past all services, calls at the stations where they break, what was told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from agents.public import AgentSession
from routing.models import Contact, Offer, SlotHold
from tenants.public import Event, engine_scope
from tests import factories
from tests.routing import calls

Break = Callable[..., None]
CONTACT_OVER = (
    "UPDATE routing_contact SET state = 'ended', end_reason = 'handled', ended_at = clock_timestamp(), metered_ms = 0"
)


@contextmanager
def breaking(admin_database_url: str) -> Iterator[Break]:
    """Gives a function that changes the database past all services, as the superuser."""
    with psycopg.connect(admin_database_url, autocommit=True) as admin:

        def change(sql: str, *values: Any) -> None:
            assert admin.execute(sql, values).rowcount > 0, f"nothing was broken by {sql}"

        yield change


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("mended: ")]


def line_and_agent(**queue: Any) -> tuple[calls.Line, AgentSession]:
    line = calls.make_line(**queue)
    return line, factories.make_session(line.tenant, ready=True)


def ringing(**queue: Any) -> tuple[calls.Line, AgentSession, Contact, Offer]:
    line, session = line_and_agent(**queue)
    contact = calls.call(line.number)
    offer = calls.offer_of(contact)
    calls.rings(offer)
    return line, session, contact, offer


def talking(**queue: Any) -> tuple[calls.Line, AgentSession, Contact, Offer]:
    line, session, contact, offer = ringing(**queue)
    calls.talk(contact)
    return line, session, contact, offer


def is_free(session: AgentSession) -> bool:
    slot = factories.slot_of(session)
    return slot.open and not slot.held


def holds() -> int:
    with engine_scope(read_only=True):
        return SlotHold.objects.count()


def count(contact: Contact, kind: str) -> int:
    with engine_scope(read_only=True):
        return Event.objects.filter(aggregate_id=contact.id, type=kind).count()
