"""Many at once: a hundred callers hang up in the same second, a burst runs at few agents. On Asterisk."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from asgiref.sync import sync_to_async

from agents.public import SessionState
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Phone, Sipp, leaving_together_scenario, load_caller_scenario
from deploy.lab.sipp_log import FarCall
from routing.states import ContactState, EndReason
from tests import factories
from tests.lab.far_ends import FarEnds, left_at
from tests.lab.lines import make_line
from tests.lab.settled import settled
from tests.lab.stack import in_state, record_of, seat, working
from tests.waiting import eventually

pytestmark = pytest.mark.lab

CROWD = 100
SERVED = 10
ALL_HERE_WITHIN_S = 30.0
RINGS_S = 2.0
"""Longer than it takes to hear of a hundred who left, on a machine that plays them too."""


def crowd(far_ends: FarEnds, scenario: str, *, count: int, rate: int) -> Sipp:
    """So many callers, each with a number of their own."""
    numbers = Path(tempfile.mkstemp(suffix=".csv", prefix="hotseat-crowd-")[1])
    numbers.write_text("SEQUENTIAL\n" + "".join(f"4477009{index:05d}\n" for index in range(count)))
    arguments = ["-m", str(count), "-l", str(count), "-inf", str(numbers), "-r", str(rate), "-rp", "1000"]
    return far_ends.keep(Sipp(far_ends.lab, scenario, arguments))


def deadlocks(url: str) -> int:
    """How many transactions PostgreSQL has ended in this database because they waited for each other."""
    with psycopg.connect(url) as admin:
        row = admin.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


async def test_a_hundred_callers_hang_up_in_the_same_second(
    lab: Lab, far_ends: FarEnds, admin_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#2458, #2895: deadlocks at 50 simultaneous hang-ups. #1973: "in call" for hours afterwards."""
    line = await sync_to_async(make_line)(short_abandon_seconds=0)
    agents = [await sync_to_async(seat)(lab, line.tenant) for _ in range(SERVED)]
    with far_ends.phones([agent.station.endpoint for agent in agents], Phone(ring_s=RINGS_S, speaks_s=0)) as phones:
        async with working(lab):
            leave_at = datetime.now(UTC) + timedelta(seconds=ALL_HERE_WITHIN_S)
            talks, waits = [
                leaving_together_scenario(to=line.number, leave_at=leave_at, answered=answered)
                for answered in (True, False)
            ]
            talkers = crowd(far_ends, talks, count=SERVED, rate=10)
            await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED, SERVED))
            waiters = crowd(far_ends, waits, count=CROWD - SERVED, rate=20)
            await eventually(
                lambda: in_state(line.tenant, ContactState.QUEUED, CROWD - SERVED), within_s=ALL_HERE_WITHIN_S
            )
            fars = [far for each in (talkers, waiters) for far in await asyncio.to_thread(each.wait, 60.0)]
            contacts = await settled(lab, line.tenant, CROWD)
            rang = await eventually(lambda: _left(phones.calls()))
    left = sorted(left_at(far) for far in fars)
    assert len(left) == CROWD
    assert (left[-1] - left[0]).total_seconds() < 1, "in the same second"
    assert Counter(row.end_reason for row in contacts) == {
        EndReason.HANDLED: SERVED,
        EndReason.ABANDONED: CROWD - SERVED,
    }
    # Agents who were free that instant may have been rung for others who were just leaving: nobody answered those.
    assert (sum(1 for far in rang if far.answered_at), {far.ended_by for far in rang}) == (SERVED, {"peer"})
    assert deadlocks(admin_database_url) == 0
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []
    sessions = [await sync_to_async(factories.reread)(agent.session) for agent in agents]
    assert [(session.state, str(session.reason)) for session in sessions] == [(SessionState.READY, "None")] * SERVED


def _left(calls: list[FarCall]) -> list[FarCall]:
    """The phones' calls, once all of them are over."""
    return calls if all(far.bye_at or far.cancelled_at for far in calls) else []


async def test_a_burst_never_gives_one_agent_two_callers_nor_one_caller_two_agents(lab: Lab, far_ends: FarEnds) -> None:
    """asterisk#176: two agents answered the same call. OpenACD#5: a burst of calls all chose the same agent."""
    line = await sync_to_async(make_line)()
    agents = [await sync_to_async(seat)(lab, line.tenant) for _ in range(4)]
    with far_ends.phones([agent.station.endpoint for agent in agents], Phone(ring_s=0.1, speaks_s=0)) as phones:
        async with working(lab):
            scenario = load_caller_scenario(to=line.number, talk_s=(0.2, 0.6), patience_s=60)
            callers = crowd(far_ends, scenario, count=24, rate=200)
            fars = await asyncio.to_thread(callers.wait, 60.0)
            contacts = await settled(lab, line.tenant, 24)
            rang = await eventually(lambda: _left(phones.calls()))
    assert {row.end_reason for row in contacts} == {EndReason.HANDLED}
    assert sum(1 for far in fars if far.answered_at) == 24
    assert len(rang) == 24, "each caller rang one phone, once"
    by_phone: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for far in rang:
        assert far.bye_at is not None
        by_phone[far.user].append((far.invite_at, far.bye_at))
    assert len(by_phone) == 4, "all agents had their share"
    for spans in by_phone.values():
        for earlier, later in pairwise(sorted(spans)):
            assert later[0] >= earlier[1], "a phone rang that was in a call"
    for row in contacts:
        assert len((await sync_to_async(record_of)(row))["offers"]) == 1
