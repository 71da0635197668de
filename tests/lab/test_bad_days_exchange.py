"""An exchange that cannot be heard, does not answer, dies, or has lost its name servers."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from agents.public import AgentSession, SessionState, Slot
from config.health import check_parts
from config.name_servers import dead_name_servers
from deploy.lab import exchange
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Sipp
from routing.states import ContactState, EndReason
from tenants.public import Event, engine_scope
from tests.chaos.crowd import calling, number_of
from tests.chaos.lines import Line, last_alive, line, node_is_connected
from tests.chaos.processes import installation
from tests.chaos.verdict import settles, wrong_with_calls
from tests.lab.wire import wire_in_thread
from tests.waiting import until

pytestmark = pytest.mark.lab

FIRST = 447_700_500_000
OVER_S = 120.0
HEARTBEAT = timedelta(seconds=1.5)
FREE_S = 10.0
HEALED_S = 10.0


@contextmanager
def frozen(lab: Lab) -> Iterator[None]:
    """The exchange gets SIGSTOP for as long as the block lasts: its ports take connections and say nothing."""
    os.kill(lab.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(lab.pid, signal.SIGCONT)


@pytest.mark.parametrize(("away_s", "rate"), [(1, 4.0), (10, 3.0), pytest.param(60, 1.0, marks=pytest.mark.long)])
def test_calls_outlive_an_event_socket_that_is_dropped_under_load(
    lab: Lab, tmp_path: Path, away_s: int, rate: float
) -> None:
    with ExitStack() as stack:
        wire = stack.enter_context(wire_in_thread(lab.host, lab.http_port))
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        there.start("switch", HOTSEAT_ARI_URL=f"http://{lab.host}:{wire.port}/ari")
        one = stack.enter_context(line(lab, agents=6))
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        crowd = one.crowd(first=FIRST, calls=round(rate * (away_s + 5)), rate=rate, talk_s=(0.5, 2.5))
        callers = stack.enter_context(calling(lab, crowd))
        until("somebody talks", lambda: one.contacts(ContactState.ENGAGED), within_s=10)
        wire.cut()
        time.sleep(away_s)
        wire.mend()
        until("the worker is connected again", lambda: node_is_connected(lab), within_s=HEALED_S)
        until("the callers are served", partial(served, one, callers), within_s=OVER_S)
        assert settles(lab, within_s=20) == []
        assert wrong_with_calls(one.tenant, callers.calls(), one.phones.calls()) == []


def served(one: Line, callers: Sipp) -> bool:
    """Whether every caller is gone, while agents who missed a call come back."""
    one.make_ready()
    return callers.process.poll() is not None


def test_an_exchange_that_does_not_answer_is_seen_and_heals(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        there.start("switch")
        one = stack.enter_context(line(lab, agents=2))
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        callers = stack.enter_context(calling(lab, one.crowd(first=FIRST + 1000, calls=2, rate=10, talk_s=(14, 15))))
        until("two talk", lambda: len(one.contacts(ContactState.ENGAGED)) == 2, within_s=10)
        with frozen(lab):
            until("/readyz says so", lambda: "not connected" in switch_part()[1], within_s=8)
            assert not switch_part()[0]
        until("/readyz says that it is well again", lambda: switch_part()[0], within_s=HEALED_S)
        far = callers.wait(OVER_S)
        assert settles(lab, within_s=20) == []
        assert wrong_with_calls(one.tenant, far, one.phones.calls()) == []


def switch_part() -> tuple[bool, str]:
    """What ``/readyz`` says of the switch worker: whether it is ready, and the words."""
    (part,) = [part for part in check_parts() if part.name == "switch"]
    return part.ready, part.detail


def test_an_exchange_that_is_killed_ends_its_calls_once_when_it_was_last_alive(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        there.start("switch")
        one = stack.enter_context(line(lab, agents=25))
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        stack.enter_context(calling(lab, one.crowd(first=FIRST + 2000, calls=50, rate=25, talk_s=(60, 60))))
        until("half of fifty talk", lambda: len(one.contacts(ContactState.ENGAGED)) == 25, within_s=20)
        until("the others wait", lambda: len(one.contacts(ContactState.QUEUED)) == 25, within_s=10)
        seen = last_alive(lab)
        until("one more heartbeat", lambda: last_alive(lab) > seen, within_s=5)
        os.kill(lab.pid, signal.SIGKILL)
        killed_at, alive_at = time.monotonic(), last_alive(lab)
        until("it is dead", lambda: not exchange.is_running(lab), within_s=5)
        exchange.start(lab)
        until("every contact has ended", lambda: len(one.contacts(ContactState.ENDED)) == 50, within_s=FREE_S)
        until("every agent is free", lambda: free_agents(one) == 25, within_s=FREE_S - (time.monotonic() - killed_at))
        assert settles(exchange.load() or lab, within_s=20) == []
        contacts = one.contacts()
    assert {contact.end_reason for contact in contacts} == {EndReason.SWITCH_LOST}
    ended = [contact.ended_at for contact in contacts if contact.ended_at]
    assert len(ended) == 50
    assert {at - alive_at for at in ended if abs(at - alive_at) > HEARTBEAT} == set(), alive_at
    with engine_scope(read_only=True):
        assert Event.objects.filter(tenant=one.tenant, type="contact.ended").count() == 50


def free_agents(one: Line) -> int:
    """How many agents are ready, with nothing that holds them."""
    with engine_scope(read_only=True):
        ready = AgentSession.objects.filter(tenant=one.tenant, state=SessionState.READY)
        return Slot.objects.filter(session__in=ready, held=False).count()


def test_dead_name_servers_do_not_hold_up_calls(lab: Lab, tmp_path: Path) -> None:
    etc = Path(lab.state_dir) / "etc"
    exchange.stop(lab)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    (etc / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    with ExitStack() as stack:
        deaf = exchange.start(lab)
        stack.callback(restart, deaf)
        there = stack.enter_context(installation(deaf, tmp_path))
        there.start("engine")
        there.start("switch")
        one = stack.enter_context(line(deaf, agents=8))
        until("the worker is connected", lambda: node_is_connected(deaf), within_s=20)
        callers = stack.enter_context(calling(deaf, one.crowd(first=FIRST + 3000, calls=12, rate=4)))
        far = callers.wait(OVER_S)
        assert settles(deaf, within_s=20) == []
        assert wrong_with_calls(one.tenant, far, one.phones.calls()) == []
        assert dead_name_servers(etc / "resolv.conf") == ["192.0.2.1"]
        rung = {number_of(leg): leg.invite_at for leg in one.phones.calls()}
        waits = [(rung[number_of(call)] - call.invite_at).total_seconds() for call in far]
        assert statistics.median(waits) < 0.5
        assert max(waits) < 2.5


def restart(lab: Lab) -> None:
    """Start the exchange again, configured as it should be."""
    exchange.stop(lab)
    exchange.render(lab)
    exchange.start(lab)
