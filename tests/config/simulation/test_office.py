"""Simulated agents on real services: they come, work, are adopted by the next run, and go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from agents.public import AgentSession, SessionState, log_in_agent
from config.simulation import temperament
from config.simulation.office import Office, Worker
from routing.public import Contact, ContactState
from routing.switch.simulation.telephones import PhoneHabit, Telephone
from tenants.public import Tenant, tenant_scope
from tests.factories import (
    PASSWORD,
    make_agent,
    make_private_line,
    make_queue,
    make_session,
    make_station,
    make_tenant,
)
from tests.routing.switchboard import switchboard
from tests.waiting import eventually

LOOKS_EVERY_S = 0.05
PACE = 10.0


def make_office(tenant: Tenant, count: int = 1, *, answer_mode: str = "phone") -> Office:
    workers = []
    for _ in range(count):
        station = make_station(tenant, answer_mode=answer_mode)
        agent = make_agent(tenant)
        workers.append(Worker(number=agent.number, password=PASSWORD, extension=station.extension))
    return Office(tenant_id=tenant.id, workers=workers, pace=PACE)


def states(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id, read_only=True):
        return list(AgentSession.objects.filter(logged_out_at=None).values_list("state", flat=True))


def only_contact(tenant: Tenant) -> Contact:
    with tenant_scope(tenant.id, read_only=True):
        row: Contact = Contact.objects.get()
        return row


async def keep_working(office: Office, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        await sync_to_async(office.work)()
        await asyncio.sleep(LOOKS_EVERY_S)


async def test_they_come_and_get_ready() -> None:
    tenant = await sync_to_async(make_tenant)()
    office = await sync_to_async(make_office)(tenant, 2)
    stopping = asyncio.Event()
    working = asyncio.create_task(keep_working(office, stopping))
    await eventually(lambda: states(tenant) == [SessionState.READY] * 2, within_s=10)
    stopping.set()
    await working
    assert await sync_to_async(office.close)() == 2
    assert await sync_to_async(states)(tenant) == []


async def test_they_serve_a_caller_and_wrap_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await sync_to_async(make_tenant)()
    queue = await sync_to_async(make_queue)(tenant, wrap_up_seconds=60)
    line = await sync_to_async(make_private_line)(tenant, queue=queue)
    office = await sync_to_async(make_office)(tenant, answer_mode="desk")

    endpoint = f"{tenant.slug}-{office.workers[0].extension}"
    monkeypatch.setattr(temperament, "REJECTED", 0.0)
    async with switchboard(sounds=tmp_path) as board:
        board.exchange.register(Telephone(board.exchange, endpoint, PhoneHabit))
        stopping = asyncio.Event()
        working = asyncio.create_task(keep_working(office, stopping))
        await eventually(lambda: states(tenant) == [SessionState.READY], within_s=10)
        caller = board.call(line.number.e164)
        assert await caller.joined(within_s=10)
        await eventually(lambda: only_contact(tenant).state == ContactState.ENGAGED)
        caller.hang_up()
        await eventually(lambda: states(tenant) == [SessionState.WRAP_UP])
        await eventually(lambda: states(tenant) == [SessionState.READY], within_s=10)
        stopping.set()
        await working

    assert (await sync_to_async(only_contact)(tenant)).state == ContactState.ENDED


def test_the_next_run_adopts_the_sessions_of_the_last() -> None:
    tenant = make_tenant()
    office = make_office(tenant)
    (worker,) = office.workers
    session = log_in_agent(
        tenant_id=tenant.id, number=worker.number, password=PASSWORD, ip_address="", extension=worker.extension
    )
    successor = Office(tenant_id=tenant.id, workers=office.workers)
    assert successor.look().sessions[worker.number].session_id == session.id
    successor.work()
    assert len(states(tenant)) == 1


def test_a_seat_that_a_person_took_is_left_to_them() -> None:
    tenant = make_tenant()
    station = make_station(tenant)
    make_session(tenant, station=station)
    agent = make_agent(tenant)
    office = Office(
        tenant_id=tenant.id, workers=[Worker(number=agent.number, password=PASSWORD, extension=station.extension)]
    )
    assert office.work() == 0
    assert len(states(tenant)) == 1
