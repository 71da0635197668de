"""A worker whose database goes, whose exchange falls silent, or that is told to stop: nothing is lost or repeated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from routing.models import CommandKind, Contact, SwitchCommand
from routing.node import commands, holding
from routing.node import worker as worker_module
from routing.node.execution import Command
from routing.node.execution import claim as execution_claim
from routing.states import ContactState
from routing.switch.port import Cause, SwitchRefused, SwitchUnavailable
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.faults import Faults
from routing.switch.simulation.telephones import PhoneHabit, place_call
from routing.switch.simulator import SimulatedSwitch
from tenants.public import Event, Process, engine_scope
from tests.routing import calls
from tests.routing.node.test_worker import (
    NUMBER,
    QUIET_DAY,
    _connected,
    _whole_call,
    all_legs_over,
    in_state,
    line_with_agent,
    register,
    worker_on,
)
from tests.waiting import eventually

in_thread = sync_to_async


def _open_commands() -> list[tuple[str, str]]:
    with engine_scope(read_only=True):
        rows = SwitchCommand.objects.using("engine").exclude(state__in=("done", "failed"))
        return list(rows.values_list("kind", "state"))


def _detail() -> dict[str, Any]:
    with engine_scope(read_only=True):
        row = Process.objects.using("engine").filter(name="switch").first()
        return dict(row.detail) if row else {}


def _away_for(monkeypatch: pytest.MonkeyPatch, name: str, seconds: float) -> None:
    """Let the database not answer `name` for so long, from now."""
    place = holding if hasattr(holding, name) else commands
    real: Callable[..., Any] = getattr(place, name)
    back = time.monotonic() + seconds

    def work(*args: Any, **given: Any) -> Any:
        if time.monotonic() < back:
            raise OperationalError("the server closed the connection unexpectedly")
        return real(*args, **given)

    monkeypatch.setattr(place, name, work)


async def test_a_database_that_is_away_for_a_moment_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        held = worker.lease.held
        for name in ("take_lease", "report_progress", "claim"):
            _away_for(monkeypatch, name, 1.5)
        await _whole_call(exchange, line, within_s=12)
        assert worker.lease.held == held
    exchange.stop()


async def test_a_worker_that_lost_its_lease_with_the_database_stands_by_and_serves_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(holding, "RENEW_SECONDS", 0.2)
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        assert await caller.joined(within_s=8)
        await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED))
        before = worker.lease.held
        for name in ("take_lease", "report_progress", "claim", "release_lease", "return_unheard", "settle_done"):
            _away_for(monkeypatch, name, 2.0)
        await eventually(lambda: worker.lease.held is not None and worker.lease.held.fence > before.fence)
        assert not caller.is_over, "calls go on"
        await eventually(lambda: exchange._report is not None)
        caller.hang_up()
        await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
        await eventually(lambda: all_legs_over(line.tenant))
    exchange.stop()


async def test_commands_under_way_when_it_is_stopped_are_finished_and_settled(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    phone = register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one", faults=Faults(latency_s=(0.4, 0.4))) as worker:
        await _connected(worker)
        place_call(exchange, dnis=line.number, ani=NUMBER)
        await eventually(lambda: in_state(line.tenant, ContactState.OFFERED))
        await eventually(lambda: ("dial", "begun") in _open_commands())
    assert await in_thread(_open_commands)() == []
    assert len(phone.calls) == 1
    exchange.stop()


async def test_commands_whose_claim_was_committed_and_not_heard_of_are_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    phone = register(exchange, station)
    lost: list[Command] = []

    def claim(*args: Any, **given: Any) -> Any:
        commands = execution_claim(*args, **given)
        if commands and not any(command.kind == CommandKind.DIAL for command in lost):
            lost.extend(commands)
            raise OperationalError("the connection broke after the commit")
        return commands

    monkeypatch.setattr(commands, "claim", claim)
    # As if another process had asked: the worker claims all of it.
    monkeypatch.setattr(worker_module, "enlist_worker", lambda _worker: lambda: None)
    async with worker_on(exchange, tmp_path, holder="one"):
        await _whole_call(exchange, line, within_s=12)
    exchange.stop()
    assert "dial" in {command.kind for command in lost}
    assert len(phone.calls) == 1


async def test_commands_of_its_own_whose_commit_was_not_heard_of_are_carried_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    phone = register(exchange, station)
    unheard: list[str] = []
    line_up = commands.NodeCommands.line_up

    def deaf(worker: Any, commands: Any) -> Any:
        lined_up = line_up(worker, commands)
        kinds = [str(command.kind) for command in commands]
        if "dial" in kinds and not unheard:
            unheard.extend(kinds)
            return replace(lined_up, end=lambda _begun: lined_up.end(None))
        return lined_up

    monkeypatch.setattr(commands.NodeCommands, "line_up", deaf)
    async with worker_on(exchange, tmp_path, holder="one"):
        await _whole_call(exchange, line, within_s=12)
    exchange.stop()
    assert "dial" in unheard
    assert len(phone.calls) == 1


async def test_a_dial_that_arrived_without_an_answer_rings_no_telephone_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    phone = register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        real = worker.switch.dial
        unheard: list[str] = []

        async def dial(*, channel: str, **given: Any) -> None:
            await real(channel=channel, **given)
            if not unheard:
                unheard.append(channel)
                await eventually(lambda: phone.calls)
                exchange.end(exchange.live[channel], Cause.NORMAL_CLEARING)
                # Asterisk takes the name of a leg that is over for a new one.
                exchange._dialled.discard(channel)
                raise SwitchUnavailable("the answer was lost")

        monkeypatch.setattr(worker.switch, "dial", dial)
        place_call(exchange, dnis=line.number, ani=NUMBER)
        await eventually(lambda: _dials() == ["done"])
        assert len(phone.calls) == 1
    exchange.stop()


def _dials() -> list[str]:
    with engine_scope(read_only=True):
        rows = SwitchCommand.objects.using("engine").filter(kind=CommandKind.DIAL)
        return list(rows.order_by("id").values_list("state", flat=True))[:1]


async def test_it_says_whether_it_is_connected_to_its_exchange(tmp_path: Path) -> None:
    exchange = Exchange()
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await eventually(lambda: _detail() == {"connected": True})
        worker.switch.cut()
        await eventually(lambda: _detail() == {"connected": False})
        worker.switch.mend()
        await eventually(lambda: _detail() == {"connected": True})
    exchange.stop()


def _dial_strays(exchange: Exchange, endpoint: str) -> list[Any]:
    for number in range(3):
        exchange.dial(
            f"agent.00000000-0000-7000-8000-00000000dea{number}", endpoint=endpoint, caller_id_name="",
            caller_id_number="", timeout_s=30, headers={},
        )  # fmt: skip
    return list(exchange.live.values())


async def test_a_stray_leg_that_cannot_be_hung_up_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station, PhoneHabit(ring_s=None))
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        first, *others = _dial_strays(exchange, station.endpoint)
        real = worker.switch.hang_up

        async def hang_up(*, channel: str, **given: Any) -> None:
            if channel == first.id:
                raise SwitchRefused("not this one")
            await real(channel=channel, **given)

        monkeypatch.setattr(worker.switch, "hang_up", hang_up)
        await worker.agreement.reconcile()
        async with asyncio.timeout(5):
            await asyncio.gather(*[leg.was_ended.wait() for leg in others])
        assert first.id in exchange.live
    exchange.stop()


async def test_a_worker_without_its_lease_hangs_nothing_up(tmp_path: Path) -> None:
    _, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station, PhoneHabit(ring_s=None))
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        strays = _dial_strays(exchange, station.endpoint)
        worker.lease.is_good = lambda: False
        await worker.agreement.reconcile()
        await worker.reports.drain()
        assert set(exchange.live) == {leg.id for leg in strays}
    exchange.stop()


async def test_a_telephone_rings_again_only_when_its_last_leg_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real exchange says that it hangs up before the telephone has heard of it."""
    line, _, station = await in_thread(line_with_agent)()
    exchange, hang_up, dial = Exchange(), SimulatedSwitch.hang_up, SimulatedSwitch.dial
    hanging_up: list[asyncio.Task[None]] = []
    alive_as_it_rang: list[set[str]] = []

    async def later(switch: SimulatedSwitch, **leg: Any) -> None:
        await asyncio.sleep(commands.HANGING_UP_SECONDS / 2)
        await hang_up(switch, **leg)

    async def acknowledged_at_once(switch: SimulatedSwitch, **leg: Any) -> bool:
        hanging_up.append(asyncio.create_task(later(switch, **leg)))
        return True

    async def noted(switch: SimulatedSwitch, **leg: Any) -> None:
        alive_as_it_rang.append(set(switch.exchange.live) - {caller.channel for caller in callers})
        await dial(switch, **leg)

    monkeypatch.setattr(SimulatedSwitch, "hang_up", acknowledged_at_once)
    monkeypatch.setattr(SimulatedSwitch, "dial", noted)
    register(exchange, station)
    callers = [place_call(exchange, dnis=line.number, ani=NUMBER) for _ in range(2)]
    async with worker_on(exchange, tmp_path, holder="one"):
        for _ in callers:
            talking = await eventually(
                lambda: [one for one in callers if one.in_company and not one.is_over], within_s=8
            )
            talking[0].hang_up()
        await eventually(lambda: all_legs_over(line.tenant), within_s=8)
    exchange.stop()
    assert len(hanging_up) == 2
    assert alive_as_it_rang == [set(), set()]


async def test_a_command_begun_as_the_lease_seemed_over_is_carried_out_when_it_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database stood still for as long as a lease lasts, then told of the commit before the renewal."""
    line, _, station = await in_thread(line_with_agent)()
    exchange, carry_out = Exchange(), commands.NodeCommands._do
    phone = register(exchange, station)
    too_late: list[Command] = []
    async with worker_on(exchange, tmp_path, holder="one") as worker:

        async def do(of: commands.NodeCommands, command: Command) -> None:
            good = worker.lease.is_good
            if command.kind == CommandKind.DIAL and not too_late:
                too_late.append(command)
                worker.lease.is_good = lambda: False
            await carry_out(of, command)
            worker.lease.is_good = good

        monkeypatch.setattr(commands.NodeCommands, "_do", do)
        await _connected(worker)
        place_call(exchange, dnis=line.number, ani=NUMBER)
        await eventually(lambda: len(phone.calls) == 1, within_s=5)
        assert len(too_late) == 1
    exchange.stop()


async def test_an_agent_whose_caller_leaves_is_hung_up_at_once_and_the_record_is_the_same(
    tmp_path: Path, admin_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ahead of the command to do so, which is written with the record: here that waits for somebody who holds a row."""
    line, _, station = await in_thread(line_with_agent)()
    exchange, hang_up = Exchange(), SimulatedSwitch.hang_up
    asked: list[str] = []

    async def noted(switch: SimulatedSwitch, **leg: Any) -> bool:
        asked.append(leg["channel"])
        return await hang_up(switch, **leg)

    monkeypatch.setattr(SimulatedSwitch, "hang_up", noted)
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        contact = cast(Contact, await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED), within_s=8))
        with psycopg.connect(admin_database_url) as stopped:
            stopped.execute("SELECT FROM routing_contact WHERE id = %s FOR UPDATE", [contact.id])
            caller.hang_up()
            await eventually(lambda: not exchange.live)
            assert await in_thread(in_state)(line.tenant, ContactState.ENGAGED)
        await eventually(lambda: all_legs_over(line.tenant))
        await eventually(lambda: not _open_commands())
    exchange.stop()
    assert len(asked) == 1
    assert await in_thread(calls.record_of)(contact) == QUIET_DAY
    assert await in_thread(_ends)(contact) == [("caller", "far_end"), ("agent", "hotseat")]


def _ends(contact: Contact) -> list[tuple[str, str]]:
    """Which leg ended, and by whom, in the order in which it was told."""
    with engine_scope(read_only=True):
        ended = Event.objects.using("engine").filter(type="leg.ended", data__contact=str(contact.id)).order_by("id")
        return [(event.data["side"], event.data["ended_by"]) for event in ended]


async def test_a_worker_without_its_lease_hangs_up_no_agent_either(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED), within_s=8)
        good, worker.lease.is_good = worker.lease.is_good, lambda: False
        caller.hang_up()
        await eventually(lambda: in_state(line.tenant, ContactState.ENDED))
        assert len(exchange.live) == 1
        worker.lease.is_good = good
        await eventually(lambda: not exchange.live)
    exchange.stop()


async def test_of_two_legs_that_ended_unheard_the_first_is_who_hung_up(tmp_path: Path) -> None:
    line, _, station = await in_thread(line_with_agent)()
    exchange = Exchange()
    register(exchange, station)
    async with worker_on(exchange, tmp_path, holder="one") as worker:
        await _connected(worker)
        caller = place_call(exchange, dnis=line.number, ani=NUMBER)
        contact = cast(Contact, await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED), within_s=8))
    caller.hang_up()
    (agents_leg,) = exchange.live.values()
    exchange.end(agents_leg, Cause.NORMAL_CLEARING)
    async with worker_on(exchange, tmp_path, holder="two"):
        await eventually(lambda: all_legs_over(line.tenant), within_s=8)
    exchange.stop()
    assert await in_thread(calls.record_of)(contact) == QUIET_DAY
    assert await in_thread(_ends)(contact) == [("caller", "far_end"), ("agent", "hotseat")]
