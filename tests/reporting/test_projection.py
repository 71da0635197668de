"""The records follow from the log: whatever order and however often they are told of it, and made anew from it."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import CommandError, call_command

from agents.public import set_not_ready, set_ready
from reporting.models import CallRecord, LegRecord, OfferRecord, Projection, SessionRecord, Stretch
from reporting.projection import KINDS, LogGapError, Page, tell
from reporting.services.projecting import mark_told, mark_unrelayed, rebuild_records, write_records
from reporting.services.writing import Marked, read_events, values_of
from routing.models import CommandKind, Contact, Segment
from routing.services.desk import finish_wrap_up
from routing.services.offers import reject_offer
from routing.switch.port import Cause
from tenants.public import CSP_TENANT_ID, Event, Happened, Relay, Tenant, engine_scope, tenant_scope, uuid7
from tests.contact_rows import write_down
from tests.factories import make_reason, make_session, make_tenant
from tests.routing import backups, calls
from tests.statements import statements_sent

TABLES = (CallRecord, SessionRecord, Stretch, OfferRecord, LegRecord)


def records(tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tenant's records, table by table."""
    with tenant_scope(tenant.id, read_only=True):
        return {model.__name__: [values_of(row) for row in model.objects.order_by("id")] for model in TABLES}


def events_of(tenant: Tenant) -> list[Happened]:
    """The tenant's log as the relay tells it, in the order of ids."""
    with engine_scope(read_only=True):
        return [
            Happened(
                row.id, row.tenant_id, row.type, row.aggregate_type, row.aggregate_id, row.seq, row.is_test, row.data
            )
            for row in Event.objects.filter(tenant=tenant).order_by("id")
        ]


def forget_all() -> None:
    """Empty all tables of records."""
    with engine_scope():
        for model in (*TABLES, Projection):
            model.objects.all().delete()


def live_a_little() -> Tenant:
    """Two agents and a mix of calls: handled from both sides, missed, rejected, abandoned, talked still, a test."""
    line = calls.make_line(wrap_up_seconds=30, short_abandon_seconds=0)
    ann, bob = make_session(line.tenant, ready=True), make_session(line.tenant)
    first = calls.call(line.number)
    offer = calls.talk(first)
    calls.holds(offer)
    calls.retrieves(offer)
    calls.caller_hangs_up(first)
    calls.leg_ends(offer.leg_channel)
    finish_wrap_up(tenant_id=line.tenant.id, session_id=ann.id, disposition_id=None, note="", actor="agent:ann")

    second = calls.call(line.number)
    calls.rings(calls.offer_of(second))
    calls.leg_ends(calls.offer_of(second).leg_channel, cause=Cause.NO_ANSWER)  # Ann is not ready now
    gives_up = calls.call(line.number)
    set_ready(tenant_id=line.tenant.id, session_id=bob.id, actor="agent:bob")
    missed = calls.offer_of(second)
    reject_offer(tenant_id=line.tenant.id, offer_id=missed.id, session_id=bob.id, reason="busy", actor="agent:bob")
    calls.caller_hangs_up(gives_up)
    set_ready(tenant_id=line.tenant.id, session_id=ann.id, actor="agent:ann")
    offer = calls.talk(second)
    calls.leg_ends(offer.leg_channel)
    calls.caller_hangs_up(second)

    break_time = make_reason(line.tenant, "Break")
    set_not_ready(tenant_id=line.tenant.id, session_id=bob.id, reason_id=break_time.id, actor="agent:bob")
    set_ready(tenant_id=line.tenant.id, session_id=bob.id, actor="agent:bob")
    calls.call(line.number)
    return line.tenant


def test_records_are_those_of_the_contacts_and_their_segments() -> None:
    tenant = live_a_little()
    write_down()

    with engine_scope(read_only=True):
        contacts = {row.id: row for row in Contact.objects.filter(tenant=tenant)}
        found = {row.id: row for row in CallRecord.objects.filter(tenant=tenant)}
        segments = {
            (row.contact_id, row.kind, row.session_id, row.started_at, row.ended_at)
            for row in Segment.objects.filter(tenant=tenant)
        }
        stretches = {
            (row.contact_id, row.kind, row.session_id, row.started_at, row.ended_at)
            for row in Stretch.objects.filter(tenant=tenant, contact_id__isnull=False)
        }

    assert found.keys() == contacts.keys()
    assert stretches == segments
    for name in (
        "state",
        "end_reason",
        "queue_id",
        "arrived_at",
        "queued_at",
        "connected_at",
        "ended_at",
        "metered_ms",
    ):
        assert {key: getattr(row, name) for key, row in found.items()} == {
            key: getattr(row, name) for key, row in contacts.items()
        }, name
    assert sorted(row.hung_up_by for row in found.values()) == ["", "agent", "caller", "caller"]


def test_a_call_on_a_backup_route_has_its_stretches_and_its_leg() -> None:
    line = calls.make_line()
    backups.make_trunk()
    backups.in_force(line, backups.to_number())
    contact = calls.call(line.number)
    (dial,) = calls.commands(contact, CommandKind.DIAL)
    calls.leg_ends(dial.arguments["channel"], cause=Cause.USER_BUSY, sip_status=486)
    calls.caller_hangs_up(contact)
    write_down()

    found = records(line.tenant)
    assert [row["kind"] for row in sorted(found["Stretch"], key=lambda row: row["started_at"])][:2] == ["flow", "ring"]
    assert None not in [row["ended_at"] for row in found["Stretch"]]
    assert {(row["side"], row["ended_by"], row["cause"]) for row in found["LegRecord"]} == {
        ("outside", "far_end", Cause.USER_BUSY),
        ("caller", "far_end", Cause.NORMAL_CLEARING),
    }
    assert rebuild_records(line.tenant.id, check=True) == 0


def test_a_rebuild_from_nothing_gives_the_same_rows() -> None:
    tenant, other = live_a_little(), live_a_little()
    write_down()
    before = records(tenant), records(other)
    assert rebuild_records(tenant.id, check=True) == 0

    forget_all()
    assert rebuild_records(tenant.id, check=True) > 0
    assert [rows for table in records(tenant).values() for rows in table] == []
    for each in (tenant, other):
        rebuild_records(each.id, at_once=3)

    assert (records(tenant), records(other)) == before
    assert write_records() == set()


def test_the_command_says_what_it_found_and_mends_it() -> None:
    tenant = live_a_little()
    write_down()
    assert _command("--tenant", tenant.slug, "--check") == "Every row is what the log says.\n"
    forget_all()

    with pytest.raises(CommandError, match=r"^\d+ rows are not what the log says"):
        _command("--check")
    assert "rows were made anew" in _command()
    assert _command("--check") == "Every row is what the log says.\n"
    with pytest.raises(CommandError, match="no tenant “nobody”"):
        _command("--tenant", "nobody")


def _command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rebuild_records", *arguments, stdout=out)
    return out.getvalue()


def test_a_rebuild_mends_what_was_changed_by_hand() -> None:
    tenant = live_a_little()
    write_down()
    before = records(tenant)
    with engine_scope():
        contact_id = CallRecord.objects.filter(tenant=tenant).values_list("id", flat=True)[0]
        CallRecord.objects.filter(id=contact_id).update(metered_ms=999_999)
        OfferRecord.objects.filter(tenant=tenant).delete()
        Stretch.objects.create(
            tenant=tenant, aggregate_id=contact_id, contact_id=contact_id, seq=99, kind="hold",
            started_at=datetime.now(UTC), ended_at=datetime.now(UTC),
        )  # fmt: skip

    wrong = rebuild_records(tenant.id)

    assert wrong == 1 + len(before["OfferRecord"]) + 1
    assert records(tenant) == before


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_and_however_often_it_is_told_of(seed: int) -> None:
    """asterisk#1736: counters counted twice."""
    chance = random.Random(seed)
    tenant = live_a_little()
    write_down()
    before = records(tenant)
    told = events_of(tenant)
    forget_all()

    messages = [*told, *chance.choices(told, k=len(told))]
    chance.shuffle(messages)
    while messages:
        count = chance.randrange(1, 12)
        with engine_scope():
            mark_told(messages[:count])
        del messages[:count]
        for _round in range(chance.randrange(3)):
            write_records(limit=chance.randrange(1, 5))
    while write_records(limit=2):
        pass

    assert records(tenant) == before
    assert rebuild_records(tenant.id, check=True) == 0


@pytest.mark.parametrize("seed", range(20))
def test_an_aggregates_story_may_be_told_in_any_parts(seed: int) -> None:
    chance = random.Random(seed)
    tenant = live_a_little()
    with engine_scope(read_only=True):
        rows = Event.objects.filter(tenant=tenant, aggregate_type__in=KINDS).order_by("aggregate_id")
        marked = [Marked(*row) for row in rows.values_list("aggregate_id", "tenant_id", "aggregate_type").distinct()]
        stories = read_events(marked)

    for row in marked:
        story = stories[row.aggregate_id]
        whole = tell(Page(row.tenant_id, row.aggregate_id), row.kind, story)
        parts = Page(row.tenant_id, row.aggregate_id)
        begin = 0
        while begin < len(story):
            end = begin + chance.randrange(1, 4)
            tell(parts, row.kind, story[max(0, begin - chance.randrange(3)) : end])  # some of it again
            begin = end
        assert [values_of(each) for each in parts.rows()] == [values_of(each) for each in whole.rows()]


def test_an_event_that_is_committed_late_is_not_missed(admin_database_url: str) -> None:
    tenant = make_tenant()
    early, late = make_session(tenant), make_session(tenant)
    write_down()
    with psycopg.connect(admin_database_url) as slow:
        _state_changed(slow, early.id, tenant.id, seq=2, state="ready")  # its id is older than what is committed next
        set_ready(tenant_id=tenant.id, session_id=late.id, actor="agent:late")
        write_down()
        slow.commit()
    write_down()

    with engine_scope(read_only=True):
        kinds = {
            session.id: list(
                Stretch.objects.filter(session_id=session.id).order_by("seq").values_list("kind", flat=True)
            )
            for session in (early, late)
        }
    assert kinds == {early.id: ["not_ready", "ready"], late.id: ["not_ready", "ready"]}


def test_the_relay_tells_the_records_when_events_leave() -> None:
    tenant = make_tenant()
    session = make_session(tenant)
    relay = Relay(holder="test")
    try:
        while relay.step():
            pass
    finally:
        relay.release()

    with engine_scope(read_only=True):
        marked = Projection.objects.get(aggregate_id=session.id)
    assert (marked.known_seq, marked.done_seq) == (1, 0)
    assert write_records() == {tenant.id}
    assert records(tenant)["SessionRecord"][0]["id"] == session.id


def test_records_do_not_wait_for_the_relay() -> None:
    tenant = live_a_little()

    mark_unrelayed()
    write_records()

    assert len(records(tenant)["CallRecord"]) == 4


def test_what_cannot_be_written_down_is_told_of_and_stops_nothing(admin_database_url: str) -> None:
    tenant = make_tenant()
    broken, whole = make_session(tenant), make_session(tenant)
    with psycopg.connect(admin_database_url) as hand:
        _state_changed(hand, broken.id, tenant.id, seq=3, state="ready")  # there is no second
        hand.commit()
    write_down()

    with engine_scope(read_only=True):
        failed = {row.aggregate_id: row.failed for row in Projection.objects.all()}
        problem = Event.objects.get(tenant_id=CSP_TENANT_ID, type="records.failed")
    assert failed == {broken.id: True, whole.id: False}
    assert problem.data == {"aggregate_type": "agent_session", "aggregate": str(broken.id), "problem": "LogGapError"}
    assert write_records() == set()
    with pytest.raises(LogGapError):
        rebuild_records(tenant.id)


def test_while_one_writes_another_has_nothing_to_do(admin_database_url: str) -> None:
    tenant = make_tenant()
    make_session(tenant)
    mark_unrelayed()
    with psycopg.connect(admin_database_url) as writer:
        writer.execute("SELECT pg_advisory_xact_lock(hashtext('records'))")
        assert write_records() == set()
    assert write_records() == {tenant.id}


def test_a_page_of_many_takes_as_many_statements_as_a_page_of_few() -> None:
    counts = []
    for size in (1, 6):
        line = calls.make_line(tenant=make_tenant(), short_abandon_seconds=0)
        for contact in calls.queued(line, size):
            calls.caller_hangs_up(contact)
        mark_unrelayed()
        with statements_sent() as sent:
            write_records()
        counts.append(len(sent))
    assert counts[0] == counts[1]


def _state_changed(connection: psycopg.Connection, session: UUID, tenant: UUID, *, seq: int, state: str) -> None:
    """Write an event as a service would, with its place in the outbox; nothing is committed."""
    connection.execute(
        """
        WITH written AS (
            INSERT INTO tenants_event (id, tenant_id, type, schema_version, aggregate_type, aggregate_id, seq, actor,
                                       node, occurred_at, recorded_at, is_test, data)
            VALUES (%(id)s, %(tenant)s, 'agent.state_changed', 1, 'agent_session', %(session)s, %(seq)s, 'test', '',
                    now(), now(), false, jsonb_build_object('state', %(state)s::text, 'reason', null))
            RETURNING id, tenant_id
        )
        INSERT INTO tenants_outbox (event_id, tenant_id) SELECT id, tenant_id FROM written
        """,
        {"id": uuid7(), "tenant": tenant, "session": session, "seq": seq, "state": state},
    )
