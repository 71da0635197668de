"""What only the simulator does: its own clock, faults on demand, callers and phones by chance that a seed repeats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from routing.switch.port import (
    CallArrived,
    EndpointChanged,
    LegBridged,
    LegEnded,
    SwitchLost,
    SwitchRefused,
    SwitchUnavailable,
)
from routing.switch.simulation.clock import ExchangeClock
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.faults import Faults
from routing.switch.simulation.plan import CallerPlan, Duration, LinePlan, PhonePlan, TrafficPlan, read_plan, seeded
from routing.switch.simulation.telephones import PhoneHabit, Telephone, place_call, wants_auto_answer
from routing.switch.simulation.traffic import Traffic
from routing.switch.simulator import SimulatedSwitch
from tests.routing.switch.ear import listening

pytestmark = pytest.mark.nodb

FACTOR = 50.0


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    running = Exchange(clock=ExchangeClock(factor=FACTOR))
    yield running
    running.stop()


def test_its_clock_stands_beside_the_wall_and_never_shows_a_time_twice() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = ExchangeClock(offset=timedelta(hours=-1), start=start)
    times = [clock.now() for _ in range(1000)]
    assert len(set(times)) == 1000
    assert times == sorted(times)
    assert timedelta(hours=-1) <= times[0] - start < timedelta(minutes=-59)


def test_a_clock_that_stands_still_or_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, not -1"):
        ExchangeClock(factor=-1)


async def test_two_boots_never_share_a_channel(exchange: Exchange) -> None:
    other = Exchange()
    assert exchange.incoming(dnis="1").id != other.incoming(dnis="1").id
    other.stop()


async def test_a_refusing_exchange_refuses_and_a_deaf_one_does_not_answer(exchange: Exchange) -> None:
    faults = Faults(refused=1.0)
    async with listening(SimulatedSwitch(exchange=exchange, faults=faults)) as ear:
        with pytest.raises(SwitchRefused):
            await ear.switch.channels()
        faults.refused = 0.0
        assert isinstance(ear.switch, SimulatedSwitch)
        ear.switch.cut(deaf=True)
        with pytest.raises(SwitchUnavailable):
            await ear.switch.channels()
        await ear.event(SwitchLost)


async def test_an_answer_that_is_lost_leaves_open_whether_it_was_done(exchange: Exchange) -> None:
    done = set()
    async with listening(SimulatedSwitch(exchange=exchange, faults=Faults(seed=3))) as ear:
        assert isinstance(ear.switch, SimulatedSwitch)
        for _ in range(20):
            caller = place_call(exchange, dnis="1")
            ear.switch.faults.unavailable = 1.0
            with pytest.raises(SwitchUnavailable):
                await ear.switch.answer(channel=caller.channel)
            done.add(caller.is_answered)
            ear.switch.faults.unavailable = 0.0
    assert done == {True, False}


async def test_events_are_doubled_lost_and_late_as_the_faults_say(exchange: Exchange) -> None:
    async def heard(faults: Faults) -> list[str]:
        async with listening(SimulatedSwitch(exchange=exchange, faults=faults)) as ear:
            calls = [exchange.incoming(dnis="1") for _ in range(6)]
            exchange.end(calls[-1], 16)
            await asyncio.sleep(0)
        names = {call.id: str(number) for number, call in enumerate(calls)}
        return [names[event.channel] for event in ear.heard if isinstance(event, CallArrived)]

    assert await heard(Faults(lost=1.0)) == []
    assert await heard(Faults(doubled=1.0)) == list("001122334455")
    assert await heard(Faults(late=1.0)) == list("103254")


async def test_a_command_takes_as_long_as_the_faults_say(exchange: Exchange) -> None:
    async with listening(SimulatedSwitch(exchange=exchange, faults=Faults(latency_s=(2.0, 2.0)))) as ear:
        before = exchange.time()
        await ear.switch.endpoints()
        assert exchange.time() - before >= timedelta(seconds=2)


def test_a_phone_answers_by_itself_when_the_invite_asks_it_to() -> None:
    assert wants_auto_answer({"Call-Info": "<sip:127.0.0.1>;answer-after=0"})
    assert wants_auto_answer({"alert-info": "<http://127.0.0.1>;info=alert-autoanswer"})
    assert not wants_auto_answer({"Call-Info": "<sip:127.0.0.1>"})


def test_a_script_of_another_shape_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "simulation.json"
    script.write_text('{"lines": [{"dnis": "1"}]}')
    with pytest.raises(ValueError, match="is not a script"):
        read_plan(script)


def test_a_script_is_read_with_its_defaults(tmp_path: Path) -> None:
    script = tmp_path / "simulation.json"
    line = {"dnis": "+1", "calls_per_minute": 2, "callers": [{"number": "+2"}], "talk": {"median_s": 9}}
    script.write_text(json.dumps({"lines": [line], "phones": [{"endpoint": "acme-1"}]}))
    plan = read_plan(script)
    assert plan.lines[0].talk == Duration(9, 0.5)
    assert plan.lines[0].callers == (CallerPlan(number="+2"),)
    assert plan.phones[0].talk is None


def test_times_are_lognormal_about_their_median() -> None:
    chance = seeded("talk")
    drawn = sorted(Duration(30, 0.5).draw(chance) for _ in range(4001))
    assert 28.5 < drawn[2000] < 31.5
    assert drawn[0] > 0


BUSY = TrafficPlan(
    seed=7,
    lines=(LinePlan(dnis="+100", calls_per_minute=30, callers=(CallerPlan(number="+1"), CallerPlan(number="+2"))),),
    phones=(PhonePlan(endpoint="acme-1001"),),
)


async def arrivals(seed: int, count: int) -> list[Any]:
    exchange = Exchange(clock=ExchangeClock(factor=FACTOR))
    async with listening(SimulatedSwitch(exchange=exchange)) as ear:
        Traffic(exchange, Path("/nowhere")).follow(TrafficPlan(seed=seed, lines=BUSY.lines, phones=BUSY.phones))
        await ear.event(CallArrived, number=count)
        assert ear.of(EndpointChanged, endpoint="acme-1001", reachable=True)
        exchange.stop()
        return [(event.dnis, event.ani) for event in ear.of(CallArrived)[:count]]


async def test_equal_seeds_give_equal_callers_and_others_other_ones() -> None:
    first, again, other = await asyncio.gather(arrivals(7, 12), arrivals(7, 12), arrivals(8, 12))
    assert first == again
    assert first != other


async def test_traffic_follows_its_script_when_it_comes_and_when_it_changes(tmp_path: Path, exchange: Exchange) -> None:
    script = tmp_path / "simulation.json"
    switch = SimulatedSwitch(exchange=exchange, traffic=Traffic(exchange, script))
    async with listening(switch) as ear:
        script.write_text(json.dumps({"phones": [{"endpoint": "acme-1001"}]}))
        await ear.event(EndpointChanged, endpoint="acme-1001", reachable=True)
        script.write_text(json.dumps({"phones": [{"endpoint": "acme-1002"}]}))
        await ear.event(EndpointChanged, endpoint="acme-1001", reachable=False)
        await ear.event(EndpointChanged, endpoint="acme-1002", reachable=True)


async def test_a_caller_waits_as_long_as_patience_lasts_and_then_leaves(exchange: Exchange) -> None:
    line = LinePlan(dnis="+100", calls_per_minute=60, callers=(CallerPlan(number="+1"),), patience_s=1.0)
    async with listening(SimulatedSwitch(exchange=exchange)) as ear:
        Traffic(exchange, Path("/nowhere")).follow(TrafficPlan(lines=(line,)))
        ended = await ear.event(LegEnded)
        assert ended.channel == ear.of(CallArrived)[0].channel


async def test_a_caller_who_is_joined_talks_and_hangs_up(exchange: Exchange) -> None:
    line = LinePlan(dnis="+100", calls_per_minute=1, callers=(CallerPlan(number="+1"),), talk=Duration(5.0, 0.0))
    phone = Telephone(exchange, "acme-1001", lambda: PhoneHabit(ring_s=0.1))
    async with listening(SimulatedSwitch(exchange=exchange)) as ear:
        Traffic(exchange, Path("/nowhere")).follow(TrafficPlan(lines=(line,)))
        exchange.register(phone)
        caller = await ear.event(CallArrived)
        await ear.switch.answer(channel=caller.channel)
        await ear.switch.dial(channel="leg", endpoint="acme-1001")
        assert await asyncio.wait_for(exchange.channel("leg").was_answered.wait(), 5)
        await ear.switch.bridge(bridge="room", channels=[caller.channel, "leg"])
        joined = await ear.event(LegBridged, channel="leg")
        ended = await ear.event(LegEnded, channel=caller.channel)
        assert 4.5 < (ended.at - joined.at).total_seconds() < 8
