"""A call on its number's backup routes: which route takes it, and what gives way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from routing.models import CommandKind, Diversion
from routing.node.handling import handle
from routing.services.playback import playback_id
from routing.states import ContactState, EndReason
from routing.switch.port import Cause, PlaybackFinished
from routing.switch.simulation.telephones import PhoneHabit, Telephone
from tenants.public import db_now, engine_scope, fire_due_timers, set_timer, tenant_scope
from tenants.timers import due_timers, fire
from tests import factories
from tests.routing import backups
from tests.routing.backups import MOBILE, announcement, in_force, make_trunk, to_number, to_queue
from tests.routing.calls import (
    NODE,
    call,
    caller_hangs_up,
    caller_is_answered,
    commands,
    hung_up,
    leg_ends,
    make_line,
    now_of,
    offer_of,
    talk,
)
from tests.routing.switchboard import switchboard
from tests.waiting import eventually

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
