"""A worker against an exchange that misbehaves: the record is that of a quiet day.

SIGKILL of a real worker process while calls go on is tested on Asterisk (`tests/lab`): the simulated exchange lives in
the worker's own process and would die with it. Here the worker alone is stopped and replaced; the exchange goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.public import AgentSession, Station, set_not_ready, set_ready
from config.wiring import matching_aside
from routing.models import CommandKind, Contact, Interaction, Leg, SwitchCommand, SwitchNode
from routing.node import Sounds, SwitchWorker
from routing.speech import SpeechCache, speech_engine
from routing.states import ContactState, EndReason
from routing.switch.port import Cause
from routing.switch.simulation.clock import ExchangeClock
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.faults import Faults
from routing.switch.simulation.telephones import PhoneHabit, Telephone, place_call
from routing.switch.simulator import SimulatedSwitch
from tenants.models import Lease
from tenants.public import Event, Tenant, db_now, engine_scope
from tests import factories
from tests.routing import calls
from tests.waiting import eventually

NUMBER = "+447700900999"
in_thread = sync_to_async


@asynccontextmanager
async def worker_on(
    exchange: Exchange, sounds: Path, *, holder: str, faults: Faults | None = None
) -> AsyncIterator[Any]:
    """A worker of the node until the block ends."""
    engine = speech_engine("silent", switch="simulator")
    worker = SwitchWorker(
        node=calls.NODE,
        open_switch=lambda: SimulatedSwitch(exchange=exchange, faults=faults),
        sounds=Sounds(directory=sounds, speech=SpeechCache(sounds, engine)),
        holder=holder,
    )
    with matching_aside():
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running


def register(exchange: Exchange, station: Station, habit: PhoneHabit | None = None) -> Telephone:
    telephone = Telephone(exchange, station.endpoint, lambda: habit or PhoneHabit(ring_s=0.05))
    exchange.register(telephone)
    return telephone


def line_with_agent(**queue: Any) -> tuple[calls.Line, AgentSession, Station]:
    line = calls.make_line(**queue)
    station = factories.make_station(line.tenant)
    return line, factories.make_session(line.tenant, station=station, ready=True), station


def only_contact(tenant: Tenant) -> Contact | None:
    with engine_scope(read_only=True):
        return Contact.objects.filter(tenant=tenant).order_by("arrived_at").first()


def in_state(tenant: Tenant, state: str) -> Contact | None:
    contact = only_contact(tenant)
    return contact if contact and contact.state == state else None


def all_legs_over(tenant: Tenant) -> bool:
    with engine_scope(read_only=True):
        mine = Leg.objects.using("engine").filter(interaction__contacts__tenant=tenant)
        return mine.exists() and not mine.filter(ended_at=None).exists()


QUIET_DAY = {
    "state": ContactState.ENDED,
    "reason": EndReason.HANDLED,
    "answered": True,
    "over": True,
    "segments": [("flow", True), ("queue", True), ("ring", True), ("talk", True)],
    "offers": ["connected"],
    "handlers": [True],
    "legs": [(True, True, True), (True, True, True)],
}


async def _whole_call(exchange: Exchange, line: calls.Line, *, within_s: float = 8.0) -> dict[str, Any]:
    caller = place_call(exchange, dnis=line.number, ani=NUMBER)
    assert await caller.joined(within_s=within_s)
    await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED), within_s=within_s)
    caller.hang_up()
    contact = await eventually(lambda: in_state(line.tenant, ContactState.ENDED), within_s=within_s)
    assert contact is not None
    await eventually(lambda: all_legs_over(line.tenant), within_s=within_s)
    return await in_thread(calls.record_of)(contact)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(seed=1, doubled=1.0),
        Faults(seed=2, doubled=0.5, late=0.4),
        Faults(seed=3, late=0.5),
        Faults(seed=4, doubled=0.5, late=0.3, latency_s=(0.0, 0.05)),
        Faults(seed=5, unavailable=0.3),
    ],
    ids=["doubled", "doubled and late", "late", "slow as well", "answers lost"],
)
async def test_doubled_late_and_lost_reports_leave_the_record_of_a_quiet_day(tmp_path: Path, faults: Faults) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one", faults=faults):
        found = await _whole_call(exchange, line, within_s=15)
    exchange.stop()
    assert found == QUIET_DAY
    assert await in_thread(_events_once)(line.tenant)


def _events_once(tenant: Tenant) -> bool:
    """Each thing that happens once is in the log once, and numbers have no gap."""
    contact = only_contact(tenant)
    assert contact is not None
    with engine_scope(read_only=True):
        rows = list(Event.objects.filter(aggregate_id=contact.id).order_by("seq").values_list("seq", "type"))
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    kinds = [kind for _, kind in rows]
    return all(
        kinds.count(once) == 1 for once in ("contact.arrived", "contact.connected", "contact.ended", "offer.created")
    )


async def test_a_call_that_came_while_nobody_listened_is_picked_up(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    caller = place_call(exchange, dnis=line.number, ani=NUMBER)
    assert not caller.is_over
    async with worker_on(exchange, tmp_path, holder="one"):
        assert await caller.joined(within_s=8)
        caller.hang_up()
        await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
    exchange.stop()


async def test_an_arrival_whose_report_was_lost_is_adopted_by_reconciliation(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        worker.switch.faults.lost = 1.0
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        worker.switch.faults.lost = 0.0
        await worker.agreement.reconcile()
        assert await caller.joined(within_s=8)
        caller.hang_up()
        await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
    exchange.stop()


async def _connected(worker: SwitchWorker) -> None:
    def seen() -> bool:
        with engine_scope(read_only=True):
            return SwitchNode.objects.using("engine").filter(name=calls.NODE, connected=True).exists()

    await eventually(seen)
    assert worker.lease.held is not None


async def test_a_leg_that_vanished_ends_its_contact_once_at_the_time_last_seen_alive(tmp_path: Path) -> None:
    line, session, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        assert await caller.joined(within_s=8)
        contact = await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED))
        assert contact is not None
        worker.switch.faults.lost = 1.0
        for channel in list(exchange.live.values()):
            exchange.end(channel, Cause.NETWORK_OUT_OF_ORDER)
        exchange.over.clear()
        worker.switch.faults.lost = 0.0
        await asyncio.gather(*[worker.agreement.reconcile() for _ in range(3)])
        ended = await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
        await eventually(lambda: all_legs_over(line.tenant))
    exchange.stop()
    assert ended is not None
    assert ended.end_reason == EndReason.SWITCH_LOST
    assert not (await in_thread(factories.slot_of)(session)).held
    assert await in_thread(_count_events)(ended, "contact.ended") == 1


async def test_a_caller_who_left_while_no_worker_was_connected_is_abandoned_at_that_very_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = await in_thread(calls.make_line)(short_abandon_seconds=0)
    exchange = Exchange()
    async with worker_on(exchange, tmp_path, holder="one"):
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        contact = await eventually(lambda: in_state(line.tenant, ContactState.QUEUED))
    caller.hang_up()
    async with worker_on(exchange, tmp_path, holder="two"):
        ended = await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
        await eventually(lambda: all_legs_over(line.tenant))
    left_at = exchange.over[caller.channel].at
    exchange.stop()
    assert contact is not None
    assert ended is not None
    offset = timedelta(milliseconds=await in_thread(_offset_of)(ended))
    assert (ended.end_reason, ended.ended_at) == (EndReason.ABANDONED, left_at + offset)
    assert "lost with its exchange" not in caplog.text


async def test_an_answer_that_nobody_heard_of_is_metered_all_the_same(tmp_path: Path) -> None:
    line = await in_thread(calls.make_line)(short_abandon_seconds=0)
    exchange = Exchange()
    async with worker_on(exchange, tmp_path, holder="one"):
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        contact = await eventually(lambda: in_state(line.tenant, ContactState.QUEUED))
    assert contact is not None
    await in_thread(_ask_for_answer)(contact)
    exchange.answer(caller.channel)
    await asyncio.sleep(0.5)
    caller.hang_up()
    async with worker_on(exchange, tmp_path, holder="two"):
        ended = await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
    exchange.stop()
    assert ended is not None
    assert ended.end_reason == EndReason.ABANDONED
    assert 400 < (ended.metered_ms or 0) < 900


def _ask_for_answer(contact: Contact) -> None:
    """A worker began to have the caller's leg answered, and died."""
    with engine_scope():
        SwitchCommand.objects.create(
            node=calls.NODE,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            kind=CommandKind.ANSWER,
            arguments={"channel": contact.caller_channel},
            state="done",
            created_at=db_now(),
            begun_at=db_now(),
        )


def _offset_of(contact: Contact) -> int:
    with engine_scope(read_only=True):
        return Interaction.objects.using("engine").get(id=contact.interaction_id).clock_offset_ms


def _count_events(contact: Contact, kind: str) -> int:
    with engine_scope(read_only=True):
        return Event.objects.filter(aggregate_id=contact.id, type=kind).count()


async def test_a_stray_leg_is_hung_up_and_a_strangers_is_left_alone(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    phone = register(exchange, station, PhoneHabit(ring_s=None))
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        exchange.dial(
            "agent.00000000-0000-7000-8000-00000000dead", endpoint=station.endpoint, caller_id_name="",
            caller_id_number="", timeout_s=30, headers={},
        )  # fmt: skip
        (leg,) = exchange.live.values()
        await worker.agreement.reconcile()
        async with asyncio.timeout(5):
            await leg.was_ended.wait()
    exchange.stop()
    assert len(phone.calls) == 1
    assert await in_thread(only_contact)(line.tenant) is None


# --- one worker after another -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["queue", "ring", "talk"])
async def test_another_worker_takes_over_in_the_middle_of_a_call(tmp_path: Path, moment: str) -> None:
    """The first is cut off from the exchange and loses its lease; the second goes on from the rows alone."""
    line, session, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    telephone = register(exchange, station, PhoneHabit(ring_s=2.0 if moment == "ring" else 0.05))
    if moment == "queue":
        await in_thread(_pause)(line, session)
    caller = place_call(exchange, dnis=line.number, ani=NUMBER)
    until = {"queue": ContactState.QUEUED, "ring": ContactState.OFFERED, "talk": ContactState.ENGAGED}[moment]
    async with worker_on(exchange, tmp_path, holder="one"):
        await eventually(lambda: in_state(line.tenant, until), within_s=8)
        if moment == "ring":
            await eventually(lambda: _dialled(line.tenant))
    assert not caller.is_over
    await in_thread(_expire_lease)()
    async with worker_on(exchange, tmp_path, holder="two"):
        # What the caller does before anybody listens again is never reported.
        await eventually(lambda: exchange._report is not None)
        if moment == "queue":
            await in_thread(_resume)(line, session)
        assert await caller.joined(within_s=10)
        await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED), within_s=8)
        caller.hang_up()
        contact = await eventually(lambda: in_state(line.tenant, ContactState.ENDED), within_s=8)
        await eventually(lambda: all_legs_over(line.tenant), within_s=8)
    exchange.stop()
    assert contact is not None
    assert len(telephone.calls) == 1
    assert await in_thread(calls.record_of)(contact) == QUIET_DAY


def _pause(line: calls.Line, session: AgentSession) -> None:
    reason = factories.make_reason(line.tenant)
    set_not_ready(tenant_id=line.tenant.id, session_id=session.id, reason_id=reason.id, actor="agent:1")


def _resume(line: calls.Line, session: AgentSession) -> None:
    set_ready(tenant_id=line.tenant.id, session_id=session.id, actor="agent:1")


def _dialled(tenant: Tenant) -> bool:
    with engine_scope(read_only=True):
        return SwitchCommand.objects.using("engine").filter(kind=CommandKind.DIAL, state="done").exists()


def _expire_lease() -> None:
    with engine_scope():
        Lease.objects.using("engine").update(expires_at=db_now())


async def test_the_standby_waits_and_takes_over_when_the_lease_is_given_back(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="two") as second:
        await eventually(lambda: second.lease.held is not None)
        async with worker_on(exchange, tmp_path / "first", holder="one") as first:
            await asyncio.sleep(0)
            assert first.lease.held is None
        found = await _whole_call(exchange, line)
    exchange.stop()
    assert found == QUIET_DAY


async def test_metered_time_is_the_exchanges_own(tmp_path: Path) -> None:
    """Durations come from the exchange's clock, whatever the database's says; the offset is fixed at the arrival."""
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange(clock=ExchangeClock(offset=timedelta(hours=-3)))
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one"):
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        assert await caller.joined(within_s=8)
        await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED))
        caller.hang_up()
        contact = await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
    exchange.stop()
    assert contact is not None
    assert contact.metered_ms == pytest.approx(caller.talk_seconds * 1000, abs=2)

    def offset_ms() -> int:
        with engine_scope(read_only=True):
            return Interaction.objects.using("engine").get(id=contact.interaction_id).clock_offset_ms

    assert await in_thread(offset_ms)() == pytest.approx(3 * 3600_000, abs=60_000)
