"""A call from arrival to end, through the real worker, database and passes, on the simulated exchange."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async

from agents.public import AgentSession, Station
from routing.models import Contact, Interaction, Leg, Offer, Participation, Segment, SlotHold
from routing.node.handling import handle
from routing.states import ContactState, EndReason, OfferState, SegmentKind
from routing.switch.port import SwitchConnected
from routing.switch.simulation.telephones import PhoneHabit
from routing.switch.simulator import SimulatedSwitch
from tenants.public import Event, Tenant, engine_scope, tenant_scope
from tests import factories
from tests.routing import calls
from tests.routing.switchboard import switchboard
from tests.waiting import eventually


def _contacts(tenant: Tenant) -> list[Contact]:
    with engine_scope(read_only=True):
        return list(Contact.objects.filter(tenant=tenant).order_by("arrived_at"))


def _ended(tenant: Tenant, count: int = 1) -> list[Contact]:
    ended = [contact for contact in _contacts(tenant) if contact.state == ContactState.ENDED]
    return ended if len(ended) >= count else []


def _engaged(tenant: Tenant) -> list[Contact]:
    return [contact for contact in _contacts(tenant) if contact.state == ContactState.ENGAGED]


def _line(**queue: Any) -> tuple[Tenant, str, Any]:
    tenant = factories.make_tenant()
    made = factories.make_queue(tenant, wrap_up_seconds=queue.pop("wrap_up_seconds", 0), **queue)
    entry_point = factories.make_private_line(tenant, queue=made)
    return tenant, entry_point.number.e164, made


def _agent(tenant: Tenant) -> tuple[AgentSession, Station]:
    station = factories.make_station(tenant)
    return factories.make_session(tenant, station=station, ready=True), station


async def test_it_connects_a_caller_with_a_ready_agent_and_records_every_stretch(tmp_path: Path) -> None:
    tenant, number, _ = await sync_to_async(_line)()
    _, station = await sync_to_async(_agent)(tenant)
    async with switchboard(sounds=tmp_path) as board:
        board.phone(station)
        caller = board.call(number)
        assert await caller.joined(within_s=15)
        await eventually(lambda: _engaged(tenant))
        caller.hang_up()
        (contact,) = await eventually(lambda: _ended(tenant))

    def facts() -> dict[str, Any]:
        with engine_scope(read_only=True):
            interaction = Interaction.objects.get(id=contact.interaction_id)
            assert interaction.answered_at is not None
            assert interaction.ended_at is not None
            return {
                "reason": contact.end_reason,
                "segments": [row.kind for row in Segment.objects.filter(contact=contact)],
                "running": Segment.objects.filter(contact=contact, ended_at__isnull=True).count(),
                "offer": Offer.objects.get(contact=contact).state,
                "holds": SlotHold.objects.count(),
                "left": Participation.objects.get(contact=contact).left_at is not None,
                "legs": Leg.objects.filter(interaction=interaction, ended_at__isnull=False).count(),
                "metered": contact.metered_ms
                == (interaction.ended_at - interaction.answered_at) // timedelta(milliseconds=1),
                "seqs": list(
                    Event.objects.filter(aggregate_id=contact.id).order_by("seq").values_list("seq", flat=True)
                ),
            }

    found = await eventually(lambda: (seen := facts())["legs"] == 2 and seen)
    sequence = found.pop("seqs")
    assert sequence == list(range(1, len(sequence) + 1))
    assert found == {
        "reason": EndReason.HANDLED,
        "segments": [SegmentKind.FLOW, SegmentKind.QUEUE, SegmentKind.RING, SegmentKind.TALK],
        "running": 0,
        "offer": OfferState.CONNECTED,
        "holds": 0,
        "left": True,
        "legs": 2,
        "metered": True,
    }


async def test_a_caller_who_gives_up_in_the_queue_is_abandoned(tmp_path: Path) -> None:
    tenant, number, _ = await sync_to_async(_line)(short_abandon_seconds=0)
    async with switchboard(sounds=tmp_path) as board:
        caller = board.call(number)
        await eventually(lambda: [c for c in _contacts(tenant) if c.state == ContactState.QUEUED])
        caller.hang_up()
        (contact,) = await eventually(lambda: _ended(tenant))
    assert (contact.end_reason, contact.metered_ms) == (EndReason.ABANDONED, 0)


async def test_the_next_agent_rings_when_the_first_does_not_answer(tmp_path: Path) -> None:
    tenant, number, _ = await sync_to_async(_line)(ring_seconds=3)
    silent, silent_phone = await sync_to_async(_agent)(tenant)
    answering, answering_phone = await sync_to_async(_agent)(tenant)
    async with switchboard(sounds=tmp_path) as board:
        board.phone(silent_phone, PhoneHabit(ring_s=None))
        board.phone(answering_phone)
        caller = board.call(number)
        assert await caller.joined(within_s=15)
        missed = await sync_to_async(factories.reread)(silent)
        assert (missed.state, missed.reason.system_code) == ("not_ready", "missed")
        (contact,) = await eventually(lambda: _engaged(tenant))
        caller.hang_up()
        await eventually(lambda: _ended(tenant))

    def offers() -> list[tuple[str, bool]]:
        with tenant_scope(tenant.id, read_only=True):
            rows = Offer.objects.filter(contact=contact).order_by("offered_at")
            return [(row.state, row.session_id == answering.id) for row in rows]

    assert await sync_to_async(offers)() == [(OfferState.TIMED_OUT, False), (OfferState.CONNECTED, True)]


async def test_two_callers_reach_one_agent_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    tenant, number, _ = await sync_to_async(_line)()
    _, station = await sync_to_async(_agent)(tenant)
    async with switchboard(sounds=tmp_path) as board:
        board.phone(station)
        first = board.call(number, ani="+447700900001")
        assert await first.joined(within_s=15)
        second = board.call(number, ani="+447700900002")
        await eventually(lambda: len(_contacts(tenant)) == 2)
        third = board.call(number, ani="+447700900003")
        await eventually(lambda: len([c for c in _contacts(tenant) if c.state == ContactState.QUEUED]) == 2)
        first.hang_up()
        assert await second.joined(within_s=15)
        assert not third.in_company
        second.hang_up()
        assert await third.joined(within_s=15)
        third.hang_up()
        assert len(await eventually(lambda: _ended(tenant, 3))) == 3


async def test_an_unknown_number_is_turned_away_as_unallocated(tmp_path: Path) -> None:
    async with switchboard(sounds=tmp_path) as board:
        caller = board.call("+15550000000")
        assert await caller.over(within_s=15)
        assert caller.cause == 1


async def test_a_flow_goes_on_when_the_end_of_its_prompt_was_told_to_nobody(tmp_path: Path) -> None:
    tenant, _, queue = await sync_to_async(_line)()
    number = await sync_to_async(_greeting)(tenant, queue)
    _, station = await sync_to_async(_agent)(tenant)
    async with switchboard(sounds=tmp_path) as board:
        board.phone(station)
        caller = board.call(number)
        assert await caller.answered(within_s=15)
        switch = board.worker.switch
        assert isinstance(switch, SimulatedSwitch)
        channel = board.exchange.channel(caller.channel)
        await eventually(lambda: bool(channel.playbacks))
        switch.cut()
        await eventually(lambda: not channel.playbacks)
        assert not [contact for contact in await sync_to_async(_contacts)(tenant) if contact.queued_at]
        switch.mend()
        assert await caller.joined(within_s=15)
        caller.hang_up()
        await eventually(lambda: _ended(tenant))


def test_a_prompt_that_began_after_the_connection_is_heard_out() -> None:
    tenant, _, queue = _line()
    began = datetime.now(UTC)
    contact = calls.call(_greeting(tenant, queue), at=began)
    calls.caller_is_answered(contact)
    for connected_at, state in (
        (began - timedelta(milliseconds=1), ContactState.IN_FLOW),
        (began + timedelta(milliseconds=1), ContactState.QUEUED),
    ):
        handle(SwitchConnected(at=connected_at), node=calls.NODE)
        assert calls.now_of(contact).state == state


def _greeting(tenant: Tenant, queue: Any) -> str:
    nodes = {
        "answer": {"type": "answer", "next": "hello"},
        "hello": {"type": "say", "text": {"en": "Hello. " * 5}, "next": "queue"},
        "queue": {"type": "queue", "queue": queue.code},
    }
    flow = factories.make_flow(tenant, {"schema": 1, "start": "answer", "nodes": nodes})
    entry_point = factories.make_entry_point(tenant, flow=flow, number=factories.make_number(tenant))
    assert entry_point.number is not None
    return str(entry_point.number.e164)
