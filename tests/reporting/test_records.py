"""Call records: every stretch of a contact, and nothing of another tenant's."""

import datetime as dt
from typing import Any

import pytest

from reporting.records import RecordFilter, ShownCall, call_record, find_calls, shown_calls
from routing.public import ContactState
from tenants.public import NotFound, tenant_scope, uuid7
from tests.contact_rows import NOON, make_call, make_contact
from tests.factories import make_agent, make_queue, make_session, make_tenant
from tests.statements import statements_sent

SECOND = dt.timedelta(seconds=1)


def call_records(wanted: RecordFilter) -> list[ShownCall]:
    return shown_calls(find_calls(wanted))


def test_a_record_has_the_contact_and_its_segments() -> None:
    tenant = make_tenant()
    queue, session = make_queue(tenant, name="Loans"), make_session(tenant)
    contact = make_call(tenant, queue, session, wait=10, talk=61.5, wrap_up=20, ani="+8675583660001")

    with tenant_scope(tenant.id, read_only=True):
        record = call_record(contact.id)

    assert (record.record.state, record.record.end_reason, record.record.metered_ms) == ("ended", "handled", 61_500)
    assert (record.calling_number, record.called_number) == ("+8675583660001", "+442079460001")
    assert (record.wait_s, record.talk_s, record.hold_s, record.wrap_up_s) == (10, 61.5, 0, 20)
    assert [agent.name for agent in record.agents] == ["Bob"]
    assert [(segment.kind, segment.seconds, segment.agent and segment.agent.name) for segment in record.segments] == [
        ("flow", 0, None),
        ("queue", 8, None),
        ("ring", 2, "Bob"),
        ("talk", 61.5, "Bob"),
        ("wrap_up", 20, "Bob"),
    ]
    assert record.queue is not None
    assert record.queue.name == "Loans"


def test_segments_across_midnight_keep_their_length() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    contact = make_call(
        tenant,
        make_queue(tenant),
        make_session(tenant),
        at=dt.datetime(2026, 3, 10, 15, 59, 55, tzinfo=dt.UTC),
        wait=10,
        talk=60,
        wrap_up=20,
    )

    with tenant_scope(tenant.id, read_only=True):
        record = call_record(contact.id)

    assert record.wait_s + record.talk_s + record.wrap_up_s == 90
    for one, following in zip(record.segments, record.segments[1:], strict=False):
        assert one.ended_at == following.started_at


def test_a_restricted_number_is_not_shown() -> None:
    tenant = make_tenant()
    contact = make_contact(tenant, ani="+8675583660001", restricted=True)

    with tenant_scope(tenant.id, read_only=True):
        assert call_record(contact.id).calling_number == ""


def test_records_are_found_by_queue_agent_state_and_time() -> None:
    tenant = make_tenant()
    loans, cards = make_queue(tenant), make_queue(tenant)
    ann, bob = make_agent(tenant), make_agent(tenant)
    of_ann, of_bob = make_session(tenant, agent=ann), make_session(tenant, agent=bob)
    first = make_call(tenant, loans, of_ann)
    second = make_call(tenant, cards, of_bob, at=NOON + SECOND)
    third = make_contact(tenant, at=NOON + 2 * SECOND, queue=loans, queued=0, state=ContactState.QUEUED)
    test = make_contact(tenant, at=NOON + 3 * SECOND, is_test=True)

    def found(**wanted: Any) -> list[object]:
        with tenant_scope(tenant.id, read_only=True):
            return [record.record.id for record in call_records(RecordFilter(**wanted))]

    assert found() == [test.id, third.id, second.id, first.id]
    assert found(queue_id=loans.id) == [third.id, first.id]
    assert found(agent_id=bob.id) == [second.id]
    assert found(state=ContactState.QUEUED) == [third.id]
    assert found(begins=NOON + SECOND, ends=NOON + 2 * SECOND) == [second.id]
    assert found(end_reason="handled", with_tests=False) == [second.id, first.id]


def test_the_number_of_statements_does_not_grow() -> None:
    tenant = make_tenant()
    queue, session = make_queue(tenant), make_session(tenant)
    counts = []
    for _ in range(3):
        make_call(tenant, queue, session)
        with tenant_scope(tenant.id, read_only=True), statements_sent() as sent:
            call_records(RecordFilter())
        counts.append(len(sent))

    assert counts == [10, 10, 10]


def test_what_is_another_tenants_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    contact = make_call(other, make_queue(other), make_session(other))

    with tenant_scope(tenant.id, read_only=True):
        assert call_records(RecordFilter()) == []
        for contact_id in (contact.id, uuid7()):
            with pytest.raises(NotFound):
                call_record(contact_id)
