"""Nothing that the engine's role can read, and no event, says who called: every row of a whole call is searched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from routing.models import CommandKind, ContactParty
from routing.node.handling import handle
from routing.public import finish_wrap_up
from routing.switch.port import KeyPressed
from tenants.public import Tenant, calling_hash, tenant_scope
from tests import factories
from tests.routing import calls

NUMBER, NAME, KEYS, NOTE = "+447700900777", "王小明 Wang Xiaoming", "40417", "calls about a divorce"

IDENTIFY = {
    "schema": 1,
    "start": "answer",
    "nodes": {
        "answer": {"type": "answer", "next": "account"},
        "account": {
            "type": "digits", "name": "account", "prompt": {"text": {"en": "Your account, please."}},
            "min_digits": 5, "max_digits": 5, "retries": 1, "timeout_seconds": 5, "next": "wait", "on_timeout": "wait",
        },
        "wait": {"type": "queue", "queue": "QUEUE"},
    },
}  # fmt: skip


@pytest.fixture
def whole_call(admin_database_url: str) -> Iterator[tuple[Tenant, psycopg.Connection]]:
    """A call that gave its account number, was talked, wrapped up with a note, and is over."""
    tenant = factories.make_tenant()
    queue = factories.make_queue(tenant, wrap_up_seconds=30)
    definition = json.loads(json.dumps(IDENTIFY).replace("QUEUE", queue.code))
    entry_point = factories.make_entry_point(
        tenant, flow=factories.make_flow(tenant, definition), number=factories.make_number(tenant)
    )
    session = factories.make_session(tenant, ready=True)
    factories.make_customer(tenant, name=NAME, phone=NUMBER)
    assert entry_point.number is not None
    contact = calls.call(entry_point.number.e164, ani=NUMBER, name=NAME)
    calls.caller_is_answered(contact)
    for key in KEYS:
        handle(KeyPressed(channel=contact.caller_channel, at=datetime.now(UTC), digit=key), node=calls.NODE)
    offer = calls.talk(contact)
    calls.leg_ends(offer.leg_channel)
    calls.caller_hangs_up(contact)
    finish_wrap_up(tenant_id=tenant.id, session_id=session.id, disposition_id=None, note=NOTE, actor="agent:1")
    with tenant_scope(tenant.id, read_only=True):
        party = ContactParty.objects.get(contact_id=contact.id)
        assert (party.ani, party.name, party.digits, party.note) == (NUMBER, NAME, {"account": KEYS}, NOTE)
    assert calls.commands(contact, CommandKind.DIAL)
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        yield tenant, admin


def _tables(admin: psycopg.Connection, role: str) -> list[str]:
    rows = admin.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
        "AND has_table_privilege(%s, c.oid, 'SELECT') ORDER BY 1",
        [role],
    )
    return [row[0] for row in rows]


def _secrets_in(text: str) -> list[str]:
    return [secret for secret in (NUMBER, NUMBER[1:], "王小明", "Xiaoming", KEYS, "divorce") if secret in text]


def test_no_row_that_the_engine_can_read_names_the_caller(whole_call: tuple[Tenant, psycopg.Connection]) -> None:
    _, admin = whole_call
    tables = _tables(admin, "hotseat_engine")
    assert "routing_contact" in tables
    found = {}
    for table in tables:
        rows = admin.execute(f"SELECT to_jsonb(r)::text FROM {table} r").fetchall()
        secrets = _secrets_in("\n".join(row[0] for row in rows))
        if secrets:
            found[table] = secrets
    assert found == {}


def test_the_search_finds_what_is_there(whole_call: tuple[Tenant, psycopg.Connection]) -> None:
    """The tables that only the tenant can read do name the caller: the search above is not blind."""
    _, admin = whole_call
    party = admin.execute("SELECT to_jsonb(r)::text FROM routing_contactparty r").fetchall()
    assert set(_secrets_in(party[0][0])) == {NUMBER, NUMBER[1:], "王小明", "Xiaoming", KEYS, "divorce"}


def test_no_event_names_the_caller(whole_call: tuple[Tenant, psycopg.Connection]) -> None:
    tenant, admin = whole_call
    events = admin.execute(
        "SELECT type, to_jsonb(e)::text FROM tenants_event e WHERE tenant_id = %s", [tenant.id]
    ).fetchall()
    kinds = {kind for kind, _ in events}
    assert kinds >= {
        "contact.arrived", "contact.queued", "offer.created", "offer.connected", "contact.connected", "contact.ended",
        "contact.wrapped_up",
    }  # fmt: skip
    assert [kind for kind, text in events if _secrets_in(text)] == []


def test_callers_are_told_apart_by_a_keyed_hash_that_cannot_be_looked_up_without_the_key(
    whole_call: tuple[Tenant, psycopg.Connection],
) -> None:
    _, admin = whole_call
    (stored,) = admin.execute("SELECT DISTINCT calling_hash FROM routing_contact").fetchone() or ("",)
    assert stored == calling_hash(NUMBER)
    plain = {getattr(hashlib, name)(number.encode()).hexdigest() for name in ("md5", "sha1", "sha256")
             for number in (NUMBER, NUMBER[1:])}  # fmt: skip
    assert stored not in plain
    assert calling_hash("") == ""
