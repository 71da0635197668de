"""Switch workers that die, sleep, or live in another hour, while calls go on."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Phone, call
from routing.models import Offer, SwitchCommand
from routing.states import ContactState
from tenants.ids import TIMESTAMP_SHIFT
from tenants.public import Event, db_now, engine_scope
from tests.chaos.crowd import calling
from tests.chaos.lines import Line, holder, line, listeners, node_is_connected
from tests.chaos.processes import Installation, Running, installation
from tests.chaos.verdict import settles, wrong_with_calls
from tests.waiting import until

pytestmark = pytest.mark.lab

FIRST = 447_700_400_000
TAKEN_OVER_S = 5.0
OVER_S = 60.0


def test_calls_in_queue_ring_and_talk_outlive_their_worker(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        worker, _ = worker_and_standby(there, lab)
        talks = stack.enter_context(line(lab, agents=1))
        rings = stack.enter_context(line(lab, agents=1, ring_s=20, behaviour=Phone(ring_s=8.0)))
        hasty = stack.enter_context(line(lab, agents=1, behaviour=Phone(ring_s=2.5)))
        waits = stack.enter_context(line(lab, agents=1, ready=False))
        lines = [
            (talks, ContactState.ENGAGED),
            (rings, ContactState.OFFERED),
            (hasty, ContactState.OFFERED),
            (waits, ContactState.QUEUED),
        ]
        sipps = [
            stack.enter_context(calling(lab, one.crowd(first=FIRST + turn, calls=1, talk_s=(8, 8))))
            for turn, (one, _) in enumerate(lines)
        ]
        for one, state in lines:
            until(f"a call is {state}", partial(one.contacts, state), within_s=10)
        before = holder(lab)
        worker.kill()
        until("the standby has taken over", lambda: holder(lab)[1] > before[1], within_s=TAKEN_OVER_S)
        waits.make_ready()
        far = [sipp.wait(OVER_S) for sipp in sipps]
        assert settles(lab, within_s=20) == []
        for (one, _), callers in zip(lines, far, strict=True):
            assert wrong_with_calls(one.tenant, callers, one.phones.calls()) == []
        assert len(talks.phones.calls()) == len(rings.phones.calls()) == 1
        # Who answered before there was a worker again is not blamed for it, but asked again.
        assert [offer.cause for offer in offers_of(hasty)] == ["unheard", ""]


def test_a_worker_that_slept_sends_at_most_the_command_that_was_past_its_check(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        one = stack.enter_context(line(lab, agents=2))
        sleeper, _ = worker_and_standby(there, lab, HOTSEAT_TEST_STOP_AT="dial.unsent")
        before = holder(lab)
        callers = stack.enter_context(calling(lab, one.crowd(first=FIRST + 100, calls=6, rate=2, talk_s=(2, 3))))
        until("the standby has taken over", lambda: holder(lab)[1] > before[1], within_s=TAKEN_OVER_S + 3)
        until("the standby serves", lambda: one.contacts(ContactState.ENGAGED), within_s=OVER_S)
        sleeper.thaw()
        woken_at = now()
        until("the sleeper knows", lambda: sleeper.said("switch node lost to another worker"), within_s=10)
        far = callers.wait(OVER_S)
        assert settles(lab, within_s=20) == []
        assert wrong_with_calls(one.tenant, far, one.phones.calls()) == []
        with engine_scope(read_only=True):
            late = SwitchCommand.objects.filter(fence=before[1], begun_at__gt=woken_at)
            assert list(late.values_list("kind", flat=True)) == []


def test_a_worker_whose_clock_is_an_hour_off_keeps_order_deadlines_and_bill(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        there.start(
            "switch", prefix=("faketime", "-f", "+1h"), DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_FAKE_MONOTONIC="1"
        )
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        one = stack.enter_context(line(lab, agents=1))
        missed = stack.enter_context(line(lab, agents=1, behaviour=Phone(ring_s=None)))
        began_at = now()
        callers = stack.enter_context(calling(lab, one.crowd(first=FIRST + 200, calls=5, rate=4)))
        patient = stack.enter_context(call(lab, Caller(to=missed.number, number=str(FIRST + 300), patience_s=10)))
        far = callers.wait(OVER_S)
        until("the offer has run out", lambda: missed.contacts(ContactState.QUEUED), within_s=12)
        patient.wait(OVER_S)
        assert settles(lab, within_s=40) == []
        ended_at = now()
        assert wrong_with_calls(one.tenant, far, one.phones.calls()) == []
        contacts = one.contacts()
    with engine_scope(read_only=True):
        events = list(Event.objects.filter(tenant__in=(one.tenant, missed.tenant)).order_by("id"))
        offer = Offer.objects.filter(tenant=missed.tenant).earliest("offered_at")
    connected = [contact.connected_at for contact in contacts if contact.connected_at]
    over = [contact.ended_at for contact in contacts if contact.ended_at]
    assert len(connected) == len(over) == 5
    assert connected == sorted(connected)
    assert began_at < min(contact.arrived_at for contact in contacts) < max(over) < ended_at
    assert timedelta(seconds=4) < offer.ended_at - offer.offered_at < timedelta(seconds=9)
    for event in events:
        stamped = (event.id.int >> TIMESTAMP_SHIFT) / 1000
        assert abs(stamped - event.recorded_at.timestamp()) < 1


def offers_of(one: Line) -> list[Offer]:
    """The line's offers, the oldest first."""
    with engine_scope(read_only=True):
        return list(Offer.objects.filter(tenant=one.tenant).order_by("offered_at"))


def worker_and_standby(there: Installation, lab: Lab, **more: str) -> tuple[Running, Running]:
    """The worker that serves, with more environment, and one that stands by."""
    worker = there.start("switch", **more)
    until("the worker is connected", lambda: node_is_connected(lab) and holder(lab)[1], within_s=20)
    standby = there.start("switch")
    until("the other stands by", lambda: listeners(lab) == 2, within_s=20)
    return worker, standby


def now() -> datetime:
    """The database's clock."""
    with engine_scope(read_only=True):
        return db_now()
