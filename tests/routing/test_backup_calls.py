"""A call on its number's backup routes: which route takes it, what gives way, and what is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from billing.public import rate_contact_task, rate_when_call_ended
from routing.models import (
    BarredPrefix,
    CommandKind,
    Contact,
    Diversion,
    Leg,
    OutboundCall,
    OutboundParty,
    SwitchCommand,
)
from routing.node.handling import end_leg, handle
from routing.services.outbound import meeting_name, outbound_name
from routing.services.outbound_legs import OUTBOUND_ENDED
from routing.services.playback import playback_id
from routing.states import ContactState, EndReason, SegmentKind
from routing.switch.port import Cause, LegAnswered, LegBridged, LegEnded, LegRinging, PlaybackFinished
from routing.switch.simulation.telephones import PhoneHabit, Telephone
from tenants.public import (
    CSP_TENANT_ID,
    Happened,
    db_now,
    engine_scope,
    fire_due_timers,
    set_timer,
    tenant_scope,
    uuid7,
)
from tenants.timers import due_timers, fire
from tests import factories
from tests.routing import backups
from tests.routing.backups import MOBILE, PARTNER, announcement, in_force, make_trunk, to_number, to_queue
from tests.routing.calls import (
    NODE,
    Line,
    call,
    caller_hangs_up,
    caller_is_answered,
    commands,
    hung_up,
    leg_ends,
    make_line,
    now_of,
    offer_of,
    segments,
    talk,
)
from tests.routing.node.test_reconcile import compared, snapshot
from tests.routing.switchboard import switchboard
from tests.waiting import eventually


def the_call(line: Line) -> OutboundCall:
    """The line's latest outbound call."""
    return backups.outbound_calls_of(line.tenant)[-1]


def answers(line: Line) -> None:
    """The telephone outside is lifted, and the two are joined."""
    contact, name, meeting = contact_of(line), outbound_name(the_call(line).id), meeting_name(the_call(line).id)
    handle(LegRinging(channel=name, at=datetime.now(UTC)), node=NODE)
    handle(LegAnswered(channel=name, at=datetime.now(UTC), sip_call_id="outside-1"), node=NODE)
    caller_is_answered(contact)
    members = (contact.caller_channel, name)
    for count, channel in enumerate(members, start=1):
        joined = LegBridged(channel=channel, bridge=meeting, members=members[:count], at=datetime.now(UTC))
        handle(joined, node=NODE)


def contact_of(line: Line) -> Contact:
    """The line's latest contact."""
    with engine_scope(read_only=True):
        row: Contact = Contact.objects.select_related("interaction").filter(tenant=line.tenant).latest("arrived_at")
    return row


def outside_ends(line: Line, *, cause: int = Cause.NORMAL_CLEARING, lost: bool = False) -> None:
    name = outbound_name(the_call(line).id)
    end_leg(LegEnded(channel=name, at=datetime.now(UTC), cause=cause), node=NODE, lost=lost)


def dials(contact: Contact) -> list[SwitchCommand]:
    return commands(contact, CommandKind.DIAL)


# --- queues -----------------------------------------------------------------------------------------------------------


def test_a_call_goes_to_the_backup_queue_and_its_agent() -> None:
    line = make_line()
    other = make_line(line.tenant)
    factories.make_session(line.tenant, ready=True)
    in_force(line, to_queue(other.queue))
    contact = call(line.number)
    assert (contact.state, contact.queue_id) == (ContactState.OFFERED, other.queue.id)
    talk(contact)
    leg_ends(offer_of(contact).leg_channel)
    caller_hangs_up(contact)
    assert now_of(contact).end_reason == EndReason.HANDLED
    (diversion,) = backups.diversions_of(line.tenant)
    assert (diversion.state, diversion.outcome) == ("over", "queued")


def test_a_queue_for_which_nobody_is_logged_in_gives_way_to_the_next_route() -> None:
    line = make_line()
    empty = factories.make_queue(line.tenant, requires={"basque": 5})
    staffed = factories.make_queue(line.tenant)
    factories.make_session(line.tenant)
    in_force(line, to_queue(empty), to_queue(staffed))
    contact = call(line.number)
    assert (contact.state, contact.queue_id) == (ContactState.QUEUED, staffed.id)
    gave_way = [data["why"] for kind, data in backups.events_of(line.tenant, "diversion") if "gave_way" in kind]
    assert gave_way == ["nobody-logged-in"]


def test_without_a_route_that_takes_it_a_call_goes_the_usual_way() -> None:
    line = make_line()
    in_force(line, to_queue(factories.make_queue(line.tenant)))
    contact = call(line.number)
    assert (contact.state, contact.queue_id) == (ContactState.QUEUED, line.queue.id)
    assert backups.diversions_of(line.tenant)[0].outcome == "none"


def test_after_failing_back_a_call_goes_the_usual_way() -> None:
    line = make_line()
    factories.make_session(line.tenant)
    activation = in_force(line, to_queue(factories.make_queue(line.tenant)))
    backups.end(activation)
    assert call(line.number).queue_id == line.queue.id
    assert backups.activation_now(activation).state == "inactive"


# --- numbers ----------------------------------------------------------------------------------------------------------


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


# --- announcements ----------------------------------------------------------------------------------------------------


def test_an_announcement_is_heard_and_then_the_call_is_ended() -> None:
    line = make_line()
    in_force(line, announcement("We are closed for the fire drill."))
    contact = call(line.number)
    kinds = [row.kind for row in commands(contact)]
    assert kinds == [CommandKind.ANSWER, CommandKind.PLAY]
    assert commands(contact)[1].arguments["media"][0]["say"] == "We are closed for the fire drill."
    caller_is_answered(contact)
    heard = playback_id(contact.id, "backup")
    handle(PlaybackFinished(channel=contact.caller_channel, playback=heard, at=datetime.now(UTC)), node=NODE)
    assert contact.caller_channel in hung_up(contact)
    caller_hangs_up(contact)
    assert now_of(contact).end_reason == EndReason.REJECTED
    assert backups.diversions_of(line.tenant)[0].outcome == "announced"


# --- crashes and hand-overs -------------------------------------------------------------------------------------------


def test_a_worker_that_dies_after_taking_the_call_in_leaves_it_to_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    line = make_line()
    in_force(line, announcement())
    with monkeypatch.context() as patch:
        patch.setattr("routing.node.handling.take_next_route", lambda **_: None)
        contact = call(line.number)
    assert backups.diversions_of(line.tenant)[0].state == "choosing"
    fire_due_timers()
    assert backups.diversions_of(line.tenant)[0].state == "announcing"
    assert [row.kind for row in commands(contact)] == [CommandKind.ANSWER, CommandKind.PLAY]


def test_a_contact_on_backup_routes_that_nothing_tells_of_goes_the_usual_way() -> None:
    line = make_line()
    in_force(line, announcement())
    contact = call(line.number)
    with tenant_scope(line.tenant.id):
        Diversion.objects.update(state="over", outcome="by hand")
        set_timer("diversion", tenant_id=line.tenant.id, subject_id=contact.id, due_at=db_now())
    fire_due_timers()
    assert now_of(contact).state == ContactState.ARRIVING
    with engine_scope(read_only=True):
        later = db_now() + timedelta(seconds=10)
    (due,) = [timer for timer in due_timers(until=later) if timer.kind == "flow"]
    fire(due)
    assert (now_of(contact).state, now_of(contact).queue_id) == (ContactState.QUEUED, line.queue.id)


# --- on the simulated exchange ----------------------------------------------------------------------------------------


async def test_a_caller_talks_to_a_mobile_through_the_trunk_of_the_simulated_exchange(tmp_path: Path) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)()
    await sync_to_async(in_force)(line, to_number(ring_seconds=5))
    async with switchboard(sounds=tmp_path) as board:
        trunk = Telephone(board.exchange, "trunk", lambda: PhoneHabit(ring_s=0.05))
        board.exchange.register(trunk)
        caller = board.call(line.number)
        assert await caller.joined(within_s=15)
        assert [(leg.leg.dnis, leg.leg.ani) for leg in trunk.calls] == [(MOBILE, line.number)]
        caller.hang_up()
        outside = await eventually(lambda: [row for row in backups.outbound_calls_of(line.tenant) if row.ended_at])
    assert outside[0].bridged_at is not None
    assert trunk.calls[0].leg.cause == Cause.NORMAL_CLEARING


async def test_a_trunk_that_is_not_there_gives_way_to_the_next_route(tmp_path: Path) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)()
    await sync_to_async(in_force)(line, to_number(), announcement())
    async with switchboard(sounds=tmp_path) as board:
        caller = board.call(line.number)
        assert await caller.over(within_s=20)
    assert caller.is_answered

    def over() -> list[Diversion]:
        return [row for row in backups.diversions_of(line.tenant) if row.outcome == "announced"]

    await eventually(over)


def test_an_outbound_call_that_ended_has_its_contact_rated(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(rate_contact_task, "apply_async", lambda args, retry: sent.append(args))
    tenant, contact = uuid7(), uuid7()
    told = {"contact": str(contact), "metered_ms": 1}
    event = Happened(uuid7(), tenant, OUTBOUND_ENDED, "outbound_call", uuid7(), 1, is_test=False, data=told)
    rate_when_call_ended(event)
    assert sent == [(str(tenant), str(contact))]


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
