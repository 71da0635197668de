"""A call that was passed on is one record: answered once, where and when it was first; stretches tell the rest."""

from __future__ import annotations

from itertools import pairwise

from reporting.models import CallRecord, Stretch
from reporting.services.projecting import rebuild_records
from routing.services import transfers
from routing.services.transfers import Asked
from tenants.public import engine_scope
from tests import factories
from tests.contact_rows import write_down
from tests.routing import calls


def test_an_escalated_call_is_answered_once_and_each_agents_time_is_theirs() -> None:
    tenant = factories.make_tenant()
    experts = factories.make_queue(tenant, code="experts", wrap_up_seconds=30)
    line = calls.make_line(tenant, wrap_up_seconds=30, escalates_to="experts")
    first = factories.make_session(tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)
    calls.holds(offer)
    expert = factories.make_session(tenant, ready=True)
    transfers.escalate_contact(
        asked=Asked(tenant_id=tenant.id, contact_id=contact.id, session_id=first.id, actor="agent:1")
    )
    calls.leg_ends(offer.leg_channel)
    calls.talk(contact)
    calls.caller_hangs_up(contact)
    write_down()

    with engine_scope(read_only=True):
        record = CallRecord.objects.get(id=contact.id)
        stretches = list(Stretch.objects.filter(aggregate_id=contact.id).order_by("started_at", "id"))
        wrapped = set(
            Stretch.objects.filter(contact_id=contact.id, kind="wrap_up").values_list("session_id", flat=True)
        )
    assert (record.transfers, record.session_id, record.queue_id) == (1, first.id, line.queue.id)
    assert record.queued_at is not None
    assert record.connected_at is not None
    assert record.queued_at <= record.connected_at
    assert [(row.kind, row.queue_id, row.session_id) for row in stretches] == [
        ("flow", None, None),
        ("queue", line.queue.id, None),
        ("ring", line.queue.id, first.id),
        ("talk", line.queue.id, first.id),
        ("hold", line.queue.id, first.id),
        ("queue", experts.id, None),
        ("ring", experts.id, expert.id),
        ("talk", experts.id, expert.id),
    ]
    for before, after in pairwise(stretches):
        assert before.ended_at == after.started_at
    assert wrapped == {first.id, expert.id}
    talked = sum(
        (row.ended_at - row.started_at for row in stretches if row.kind == "talk" and row.ended_at), record.held
    )
    assert record.talked + record.held == talked
    assert rebuild_records(tenant.id, check=True) == 0
