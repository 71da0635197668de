"""A mix of calls through the simulated exchange: API, board, records and a rebuild of them say the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.public import AgentSession, Station, set_ready
from reporting.board import board_rows
from reporting.models import CallRecord
from reporting.services.projecting import rebuild_records
from routing.models import Contact, Leg
from routing.services.desk import finish_wrap_up
from routing.states import ContactState
from routing.switch.port import Cause
from routing.switch.simulation.telephones import PhoneHabit
from tenants.public import Tenant, engine_scope, tenant_scope
from tests import factories
from tests.api import program
from tests.contact_rows import write_down
from tests.reporting.test_projection import forget_all, records
from tests.routing.switchboard import Switchboard, switchboard
from tests.waiting import eventually

FIGURES = ("waiting", "offered", "answered", "abandoned", "short_abandoned", "service_level", "asa_s", "aht_s")


class Centre:
    """A tenant with a queue, a team of one agent, and a second agent whose phone nobody lifts."""

    def __init__(self) -> None:
        self.tenant = factories.make_tenant()
        self.queue = factories.make_queue(
            self.tenant, wrap_up_seconds=60, short_abandon_seconds=0, ring_seconds=2, target_seconds=15
        )
        line = factories.make_private_line(self.tenant, queue=self.queue)
        assert line.number is not None
        self.number: str = line.number.e164
        self.team = factories.make_team(self.tenant, "Loans")
        self.ann, self.desk = self._seat(factories.make_agent(self.tenant, name="Ann", team=self.team))
        self.silent, self.silent_desk = self._seat(factories.make_agent(self.tenant, name="Silent"))

    def _seat(self, agent: Any) -> tuple[AgentSession, Station]:
        station = factories.make_station(self.tenant)
        return factories.make_session(self.tenant, agent=agent, station=station), station

    def ready(self, session: AgentSession) -> None:
        set_ready(tenant_id=self.tenant.id, session_id=session.id, actor="agent:test")

    def wrap_up(self) -> None:
        finish_wrap_up(
            tenant_id=self.tenant.id, session_id=self.ann.id, disposition_id=None, note="", actor="agent:test"
        )

    def in_state(self, state: str, count: int) -> Callable[[], bool]:
        def reached() -> bool:
            with engine_scope(read_only=True):
                return bool(Contact.objects.filter(tenant=self.tenant, state=state).count() == count)

        return reached

    def wrapping_up(self) -> bool:
        return bool(factories.reread(self.ann).state == "wrap_up")

    def legs_are_over(self) -> bool:
        with engine_scope(read_only=True):
            return not Leg.objects.filter(ended_at__isnull=True).exists()


async def go_through(centre: Centre, board: Switchboard) -> None:
    """Handled after somebody missed it; handled, ended by the agent; given up; and one that waits still."""
    board.phone(centre.silent_desk, PhoneHabit(ring_s=None))
    phone = board.phone(centre.desk)
    await sync_to_async(centre.ready)(centre.silent)
    first = board.call(centre.number)
    await eventually(centre.in_state(ContactState.OFFERED, 1))
    await sync_to_async(centre.ready)(centre.ann)
    assert await first.joined(within_s=15)
    await eventually(centre.in_state(ContactState.ENGAGED, 1))
    first.hang_up()
    await eventually(centre.wrapping_up)
    gives_up = board.call(centre.number)
    await eventually(centre.in_state(ContactState.QUEUED, 1))
    gives_up.hang_up()
    await eventually(centre.in_state(ContactState.ENDED, 2))
    await sync_to_async(centre.wrap_up)()
    second = board.call(centre.number)
    assert await second.joined(within_s=15)
    await eventually(centre.in_state(ContactState.ENGAGED, 1))
    board.exchange.end(phone.calls[-1].leg, Cause.NORMAL_CLEARING)
    await eventually(centre.in_state(ContactState.ENDED, 3))
    await eventually(centre.wrapping_up)
    await sync_to_async(centre.wrap_up)()
    await eventually(centre.legs_are_over)


async def test_api_board_records_and_a_rebuild_agree(tmp_path: Path) -> None:
    centre = await sync_to_async(Centre)()
    async with switchboard(sounds=tmp_path) as board:
        await go_through(centre, board)
    await sync_to_async(_compare)(centre)


def _compare(centre: Centre) -> None:
    tenant = centre.tenant
    write_down()
    written = records(tenant)
    forget_all()
    rebuild_records(tenant.id)
    assert records(tenant) == written
    assert rebuild_records(tenant.id, check=True) == 0

    api = program(tenant)
    live = api.read("live/").json()
    calls = api.read("calls/").json()["results"]
    rows = board_rows(tenant.id)
    (queue,), (total,), (team,) = ([row for row in rows if row["kind"] == kind] for kind in ("queue", "total", "team"))
    told, whole, of_team = live["queues"][0]["figures"], live["total"], live["teams"][0]
    assert {name: queue[name] for name in FIGURES} == {name: told[name] for name in FIGURES}
    assert {name: total[name] for name in FIGURES} == {name: whole[name] for name in FIGURES} == _counted(calls)
    assert {name: team[name] for name in of_team if name != "id"} == {
        name: value for name, value in of_team.items() if name != "id"
    }
    assert (of_team["answered"], of_team["handled"], of_team["offered"]) == (2, 2, 2)
    assert live["agents"] == {"ready": 1, "not_ready": 1}
    _check_legs(tenant, api)


def _counted(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """The day's figures, counted by hand from the call records (definitions: reporting.kpis)."""
    queued = [call for call in calls if call["queued_at"]]
    answered = [call for call in queued if call["connected_at"]]
    abandoned = [call for call in queued if call["end_reason"] == "abandoned"]
    waits = [_seconds(call["queued_at"], call["connected_at"]) for call in answered]
    in_time = [wait for wait in waits if wait <= 15]
    left_in_time = [call for call in abandoned if _seconds(call["queued_at"], call["ended_at"]) <= 15]
    handled = [call["talk_s"] + call["hold_s"] + call["wrap_up_s"] for call in answered if call["state"] == "ended"]
    return {
        "waiting": 0,
        "offered": len(queued),
        "answered": len(answered),
        "abandoned": len(abandoned),
        "short_abandoned": 0,
        "service_level": (len(in_time) + len(left_in_time)) / (len(answered) + len(abandoned)),
        "asa_s": _about(sum(waits) / len(waits)),
        "aht_s": _about(sum(handled) / len(handled)),
    }


def _about(seconds: float) -> Any:
    # The database adds up microseconds exactly, floats do not.
    return pytest.approx(seconds, abs=1e-6)


def _seconds(begin: str, end: str) -> float:
    return (dt.datetime.fromisoformat(end) - dt.datetime.fromisoformat(begin)).total_seconds()


def _check_legs(tenant: Tenant, api: Any) -> None:
    """Every leg of the exchange is in the records, with the side that ended it."""
    with tenant_scope(tenant.id, read_only=True):
        ids = list(CallRecord.objects.order_by("arrived_at").values_list("id", flat=True))
    ends = [
        sorted((leg["side"], leg["ended_by"]) for leg in api.read(f"calls/{contact}/").json()["legs"])
        for contact in ids
    ]
    assert ends == [
        [("agent", "hotseat"), ("agent", "hotseat"), ("caller", "far_end")],
        [("caller", "far_end")],
        [("agent", "far_end"), ("caller", "hotseat")],
    ]
