"""A call on a backup route to a number outside: dialled, joined, given up, recorded and metered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from routing.models import BarredPrefix, Leg, OutboundParty
from routing.node.handling import end_leg, handle
from routing.services.outbound import outbound_name
from routing.states import ContactState, EndReason, SegmentKind
from routing.switch.port import Cause, LegAnswered, LegEnded
from tenants.public import CSP_TENANT_ID, db_now, engine_scope, tenant_scope
from tenants.timers import due_timers, fire
from tests.routing import backups
from tests.routing.backups import MOBILE, PARTNER, announcement, in_force, make_trunk, to_number
from tests.routing.calls import NODE, call, caller_hangs_up, hung_up, make_line, now_of, segments
from tests.routing.node.test_reconcile import compared, snapshot
from tests.routing.outside import answers, dials, outside_ends, the_call


def test_a_call_reaches_the_number_outside_and_every_second_is_recorded() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    assert contact.state == ContactState.DIVERTED
    (dial,) = dials(contact)
    assert dial.arguments["endpoint"] == "trunk"
    assert MOBILE not in str(dial.arguments)
    answers(line)
    assert segments(contact) == [SegmentKind.FLOW, SegmentKind.RING, SegmentKind.TALK]
    outside_ends(line)
    assert contact.caller_channel in hung_up(contact)
    caller_hangs_up(contact)
    ended, outside = now_of(contact), the_call(line)
    assert (ended.state, ended.end_reason) == (ContactState.ENDED, EndReason.OVERFLOWED)
    assert outside.answered_at is not None
    assert outside.ended_at is not None
    assert outside.metered_ms == (outside.ended_at - outside.answered_at) // timedelta(milliseconds=1)
    with tenant_scope(line.tenant.id, read_only=True):
        assert OutboundParty.objects.get(call=outside).number == MOBILE
    with engine_scope(read_only=True):
        assert Leg.objects.get(id=outside.id).sip_call_id == "outside-1"
    told = dict(backups.events_of(line.tenant, "outbound_call"))
    assert told["outbound.ended"]["metered_ms"] == outside.metered_ms
    assert MOBILE not in str(backups.events_of(line.tenant, "outbound_call", "diversion", "contact", "leg", "backup"))


def test_when_the_caller_hangs_up_the_number_outside_is_hung_up_and_metered() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    answers(line)
    caller_hangs_up(contact)
    assert now_of(contact).end_reason == EndReason.OVERFLOWED
    assert outbound_name(the_call(line).id) in hung_up(contact)
    assert the_call(line).ended_at is None
    outside_ends(line)
    assert the_call(line).metered_ms is not None
    assert now_of(contact).end_reason == EndReason.OVERFLOWED


def test_a_caller_who_gives_up_while_it_rings_outside_stops_the_ringing() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    caller_hangs_up(contact)
    assert (now_of(contact).end_reason, backups.diversions_of(line.tenant)[0].outcome) == (EndReason.LEFT_FLOW, "left")
    assert outbound_name(the_call(line).id) in hung_up(contact)


@pytest.mark.parametrize(
    ("cause", "why"), [(Cause.USER_BUSY, "busy"), (Cause.NO_ANSWER, "no-answer"), (Cause.CONGESTION, "cause-42")]
)
def test_a_number_that_is_not_reached_gives_way_to_the_next(cause: int, why: str) -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number(), to_number(PARTNER))
    contact = call(line.number)
    outside_ends(line, cause=cause)
    first, second = backups.outbound_calls_of(line.tenant)
    assert (first.metered_ms, second.ended_at) == (0, None)
    with tenant_scope(line.tenant.id, read_only=True):
        assert OutboundParty.objects.get(call=second).number == PARTNER
    assert ("diversion.gave_way", why) in [
        (kind, data.get("why")) for kind, data in backups.events_of(line.tenant, "diversion")
    ]
    answers(line)
    assert now_of(contact).state == ContactState.DIVERTED


def test_a_number_outside_that_hangs_up_before_the_bridge_gives_way_and_is_metered() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number(), announcement())
    call(line.number)
    name = outbound_name(the_call(line).id)
    handle(LegAnswered(channel=name, at=datetime.now(UTC) - timedelta(seconds=2)), node=NODE)
    outside_ends(line)
    assert (the_call(line).metered_ms or 0) >= 2000
    assert backups.diversions_of(line.tenant)[0].state == "announcing"


def test_a_number_barred_since_gives_way_at_the_dial() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number(), announcement())
    with tenant_scope(CSP_TENANT_ID):
        BarredPrefix.objects.create(prefix=MOBILE[:8])
    contact = call(line.number)
    assert dials(contact) == []
    assert backups.diversions_of(line.tenant)[0].state == "announcing"


def test_without_a_trunk_a_number_gives_way() -> None:
    line = make_line()
    make_trunk(active=False)
    make_trunk(node="elsewhere")
    in_force(line, to_number(), announcement())
    assert dials(call(line.number)) == []


def test_a_dial_that_the_exchange_never_spoke_of_gives_way_by_the_timer() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number(ring_seconds=3), announcement())
    call(line.number)
    with engine_scope(read_only=True):
        later = db_now() + timedelta(seconds=10)
    (due,) = [timer for timer in due_timers(until=later) if timer.kind == "diversion"]
    fire(due)
    assert backups.diversions_of(line.tenant)[0].state == "announcing"
    (outside,) = backups.outbound_calls_of(line.tenant)
    assert (outside.metered_ms, outside.cause) == (0, Cause.NO_USER_RESPONDING)
    # It comes to life all the same: hung up at once, and paid for.
    name = outbound_name(outside.id)
    handle(LegAnswered(channel=name, at=datetime.now(UTC) - timedelta(seconds=1)), node=NODE)
    outside_ends(line)
    assert (the_call(line).metered_ms or 0) >= 1000
    assert backups.diversions_of(line.tenant)[0].state == "announcing"


def test_reports_that_come_twice_or_late_change_nothing() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    answers(line)
    answers(line)
    outside_ends(line)
    before = the_call(line)
    outside_ends(line, cause=Cause.CONGESTION)
    answers(line)
    caller_hangs_up(contact)
    caller_hangs_up(contact)
    after = the_call(line)
    assert (after.ended_at, after.cause, after.metered_ms) == (before.ended_at, before.cause, before.metered_ms)
    assert [kind for kind, _ in backups.events_of(line.tenant, "outbound_call")] == ["outbound.ended"]


def test_a_call_lost_with_the_exchange_is_lost_once() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    answers(line)
    at = datetime.now(UTC)
    end_leg(LegEnded(channel=contact.caller_channel, at=at, cause=38), node=NODE, lost=True)
    outside_ends(line, cause=38, lost=True)
    assert now_of(contact).end_reason == EndReason.SWITCH_LOST
    assert the_call(line).metered_ms is not None


def test_a_leg_to_the_outside_is_a_stray_only_when_nobody_waits_for_it() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    outside = snapshot(outbound_name(the_call(line).id), answered=False)
    assert compared(snapshot(contact.caller_channel, answered=False), outside).strays == []
    answers(line)
    with engine_scope():
        Leg.objects.update(created_at=db_now() - timedelta(minutes=1))
    caller, talked = snapshot(contact.caller_channel), snapshot(outside.id)
    assert (compared(caller, talked).strays, compared(caller, talked).missed) == ([], [])
    caller_hangs_up(contact)
    assert compared(talked).strays == [outside.id]


def test_an_answer_outside_that_was_missed_is_told_by_the_exchanges_state() -> None:
    line = make_line()
    make_trunk()
    in_force(line, to_number())
    contact = call(line.number)
    outside = snapshot(outbound_name(the_call(line).id))
    for event in compared(snapshot(contact.caller_channel, answered=False), outside).missed:
        handle(event, node=NODE)
    assert backups.diversions_of(line.tenant)[0].state == "talking"
