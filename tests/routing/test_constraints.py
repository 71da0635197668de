"""What is always true, said by the database itself: two connections try to break it at once, and one is refused.

The rows are real ones, made by the services and taken out; then two transactions put them back, each its own version.
Foreign keys are off meanwhile (`replica`), so that nothing but the constraint in question can refuse.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from agents.public import AgentSession
from billing.models import UsageLine
from routing.models import Contact, Offer
from tenants.models import IdempotencyRecord
from tenants.public import db_now, set_timer, tenant_scope, uuid7
from tests import factories
from tests.routing import calls
from tests.waiting import until

DEADLINE_S = 10.0
NEW, NUMBER = "a new id", "a new number"


@dataclass(frozen=True)
class World:
    """A contact that rings at an agent's, and another that is talked."""

    line: calls.Line
    ringing: Contact
    offer: Offer
    session: AgentSession
    talked: Contact
    handler: AgentSession


@pytest.fixture
def world() -> World:
    line = calls.make_line()
    handler = factories.make_session(line.tenant, ready=True)
    talked = calls.call(line.number)
    calls.talk(talked)
    session = factories.make_session(line.tenant, ready=True)
    ringing = calls.call(line.number)
    usage = UsageLine(
        key=f"contact:{talked.id}", kind="minutes", contact_id=talked.id, occurred_on=date(2026, 3, 1), quantity=1,
        unit="second", unit_price=Decimal(0), amount=Decimal(0), currency="EUR", explanation={},
    )  # fmt: skip
    with tenant_scope(line.tenant.id):
        set_timer("some", tenant_id=line.tenant.id, subject_id=ringing.id, due_at=db_now() + timedelta(hours=1))
        usage.tenant_id = line.tenant.id
        usage.save(force_insert=True)
    return World(line, ringing, calls.offer_of(ringing), session, talked, handler)


Where = Callable[[World], tuple[str, UUID]]


@dataclass(frozen=True)
class Rule:
    """`constraint` keeps two rows apart that differ from the one found by `where` only in `changes`."""

    constraint: str
    table: str
    where: Where
    changes: dict[str, Any]


RULES = [
    Rule("one_open_session_per_agent", "agents_agentsession", lambda w: ("id", w.session.id),
         {"id": NEW, "station_id": NEW}),
    Rule("one_open_session_per_station", "agents_agentsession", lambda w: ("id", w.session.id),
         {"id": NEW, "agent_id": NEW}),
    Rule("slot_once", "agents_slot", lambda w: ("session_id", w.session.id), {"id": NEW}),
    Rule("one_live_offer_per_contact", "routing_offer", lambda w: ("id", w.offer.id),
         {"id": NEW, "leg_channel": NEW, "session_id": NEW, "slot_id": NEW}),
    Rule("routing_offer_leg_channel_key", "routing_offer", lambda w: ("id", w.offer.id),
         {"id": NEW, "contact_id": NEW}),
    Rule("routing_slothold_pkey", "routing_slothold", lambda w: ("offer_id", w.offer.id), {"offer_id": NEW}),
    Rule("offer_holds_one_slot", "routing_slothold", lambda w: ("offer_id", w.offer.id), {"slot_id": NEW}),
    Rule("participation_holds_one_slot", "routing_slothold", lambda w: ("tenant_id", w.line.tenant.id),
         {"slot_id": NEW}),
    Rule("one_open_contact_per_interaction", "routing_contact", lambda w: ("id", w.ringing.id),
         {"id": NEW, "ordinal": NUMBER}),
    Rule("contact_ordinal_once", "routing_contact", lambda w: ("id", w.ringing.id),
         {"id": NEW, "state": "ended", "end_reason": "handled", "ended_at": "2026-03-01T00:00:00Z"}),
    Rule("one_running_segment_per_contact", "routing_segment", lambda w: ("contact_id", w.ringing.id), {"id": NEW}),
    Rule("participates_once", "routing_participation", lambda w: ("contact_id", w.talked.id), {"id": NEW}),
    Rule("one_party_per_contact", "routing_contactparty", lambda w: ("contact_id", w.ringing.id), {"id": NEW}),
    Rule("one_flow_run_per_contact", "routing_flowrun", lambda w: ("contact_id", w.ringing.id), {"id": NEW}),
    Rule("demand_once", "routing_demand", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("eligibility_once", "routing_eligibility", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("profile_once", "agents_skillprofile", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("routing_interaction_caller_channel_key", "routing_interaction",
         lambda w: ("id", w.ringing.interaction_id), {"id": NEW}),
    Rule("routing_leg_channel_id_key", "routing_leg", lambda w: ("interaction_id", w.ringing.interaction_id),
         {"id": NEW}),
    Rule("timer_once", "tenants_timer", lambda w: ("subject_id", w.ringing.id), {"id": NEW}),
    Rule("usage_once", "billing_usageline", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("tenants_number_e164_key", "tenants_number", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("membership_once", "tenants_membership", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("idempotency_once", "tenants_idempotencyrecord", lambda w: ("tenant_id", w.line.tenant.id), {"id": NEW}),
    Rule("tenants_outbox_pkey", "tenants_outbox", lambda w: ("tenant_id", w.line.tenant.id), {}),
]  # fmt: skip


def _take_out(admin: psycopg.Connection, rule: Rule, world: World) -> dict[str, Any]:
    """Delete the table's rows that the rule could meet, and return the one in question as JSON."""
    column, value = rule.where(world)
    if rule.constraint == "participation_holds_one_slot":
        column, value = "participation_id", _participation(admin, world)
    found = admin.execute(
        f"SELECT to_jsonb(r) FROM {rule.table} r WHERE {column} = %s {_LATEST.get(rule.table, '')}", [value]
    )
    row = found.fetchone()
    assert row is not None, f"no row of {rule.table} to begin with"
    admin.execute(f"DELETE FROM {rule.table}")
    taken: dict[str, Any] = row[0]
    return taken


_LATEST = {"routing_segment": "AND ended_at IS NULL"}


def _participation(admin: psycopg.Connection, world: World) -> UUID:
    row = admin.execute("SELECT id FROM routing_participation WHERE contact_id = %s", [world.talked.id]).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def _version(row: dict[str, Any], changes: dict[str, Any]) -> str:
    """Another version of the row, as the JSON to insert."""
    made = {NEW: lambda: str(uuid7()), NUMBER: factories.unique}
    return json.dumps({**row, **{name: made[new]() if new in made else new for name, new in changes.items()}})


def _insert(connection: psycopg.Connection, table: str, version: str) -> None:
    connection.execute(f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, %s::jsonb)).*", [version])


def _is_waiting(admin: psycopg.Connection, pid: int) -> bool:
    row = admin.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.constraint)
def test_of_two_that_insert_at_once_one_is_refused(rule: Rule, world: World, admin_database_url: str) -> None:
    """chatwoot#13577, #13904, #14495: other code paths went round the capacity; racing writers flipped the assignee."""
    if rule.table in ("tenants_membership", "tenants_idempotencyrecord"):
        _furnish(world)
    with (
        psycopg.connect(admin_database_url, autocommit=True) as admin,
        psycopg.connect(admin_database_url) as first,
        psycopg.connect(admin_database_url) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        for connection in (admin, first, second):
            connection.execute("SET session_replication_role = replica")
        row = _take_out(admin, rule, world)
        _insert(first, rule.table, _version(row, rule.changes))
        blocked = pool.submit(_insert, second, rule.table, _version(row, rule.changes))
        until(
            "the second insert waits for the first",
            lambda: _is_waiting(admin, second.info.backend_pid),
            within_s=DEADLINE_S,
            every_s=0.01,
        )
        first.commit()
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            blocked.result(timeout=DEADLINE_S)
        assert refused.value.diag.constraint_name == rule.constraint
        second.rollback()
        assert admin.execute(f"SELECT count(*) FROM {rule.table}").fetchone() == (1,)


def _furnish(world: World) -> None:
    factories.make_person(world.line.tenant)
    with tenant_scope(world.line.tenant.id):
        IdempotencyRecord.objects.create(key="k", owner="o", request_hash="h")


CHECKS: list[tuple[str, str, Where, str]] = [
    ("contact_ends_with_time_and_reason", "routing_contact", lambda w: ("id", w.talked.id), "state = 'ended'"),
    ("contact_ends_with_time_and_reason", "routing_contact", lambda w: ("id", w.talked.id),
     "state = 'ended', ended_at = now()"),
    ("contact_ends_with_time_and_reason", "routing_contact", lambda w: ("id", w.talked.id),
     "state = 'ended', end_reason = 'handled'"),
    ("contact_ends_with_time_and_reason", "routing_contact", lambda w: ("id", w.talked.id), "end_reason = 'handled'"),
    ("contact_ends_with_time_and_reason", "routing_contact", lambda w: ("id", w.talked.id), "ended_at = now()"),
    ("queued_contact_has_demand_and_place", "routing_contact", lambda w: ("id", w.talked.id),
     "state = 'queued', demand_id = NULL"),
    ("queued_contact_has_demand_and_place", "routing_contact", lambda w: ("id", w.talked.id),
     "state = 'queued', order_at = NULL"),
    ("logged_out_has_its_time", "agents_agentsession", lambda w: ("id", w.session.id), "state = 'logged_out'"),
    ("logged_out_has_its_time", "agents_agentsession", lambda w: ("id", w.session.id), "logged_out_at = now()"),
    ("slot_held_by_one_thing", "routing_slothold", lambda w: ("offer_id", w.offer.id), "offer_id = NULL"),
    ("slot_held_by_one_thing", "routing_slothold", lambda w: ("offer_id", w.offer.id), "participation_id = offer_id"),
    ("segment_forward", "routing_segment", lambda w: ("contact_id", w.talked.id),
     "ended_at = started_at - interval '1 microsecond'"),
    ("usage_of_one_thing", "billing_usageline", lambda w: ("tenant_id", w.line.tenant.id), "contact_id = NULL"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "table", "where", "change"), CHECKS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_row_that_contradicts_itself_is_refused(
    *, constraint: str, table: str, where: Where, change: str, world: World, admin_database_url: str
) -> None:
    column, value = where(world)
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            admin.execute(f"UPDATE {table} SET {change} WHERE {column} = %s", [value])
    assert refused.value.diag.constraint_name == constraint
