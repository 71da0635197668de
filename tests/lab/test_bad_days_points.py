"""A switch worker that is killed at every point of a call: after each commit, before and after each command.

Before a commit all is as it was after the one before, but for the commands between, which have points of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from deploy.lab.exchange import Lab
from deploy.lab.sipp import Phone, Sipp
from tests.chaos.crowd import calling
from tests.chaos.lines import Line, expire_lease, line, node_is_connected
from tests.chaos.processes import Installation, Running, installation
from tests.chaos.verdict import settles, wrong_with_calls
from tests.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.long]

OVER_S = 120.0
DIES_S = 45.0
FIRST = 447_700_300_000
LEFT_OUT = (
    # At the first call of all to a queue, and at a worker's orderly end: no later call comes to them.
    *("ensure_demands.", "settle_done.", "return_unheard.", "release_lease."),
    # These only read.
    *("compare.", "unlike_ours.", "last_alive.", "caller_of.", "_contact."),
)

COMMANDS = {
    "answer",
    "indicate_ringing",
    "play",
    "stop_playback",
    "start_music",
    "stop_music",
    "dial",
    "bridge",
    "hang_up",
}


def points_of(there: Installation, lab: Lab, lines: Sequence[Line], file: Path) -> list[str]:
    """The points that a worker reaches from its start to the end of a few calls, in the order of their first."""
    worker = there.start("switch", HOTSEAT_TEST_POINTS=str(file))
    until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
    with ExitStack() as calls:
        crowds = [one.crowd(first=FIRST - 100, calls=4, talk_s=(3, 4)) for one in lines]
        for sipp in [calls.enter_context(calling(lab, crowd)) for crowd in crowds]:
            sipp.wait(OVER_S)
        assert settles(lab, within_s=15) == []
    worker.stop()
    found = dict.fromkeys(file.read_text().split())
    return [point for point in found if not point.startswith(LEFT_OUT) and not point.endswith(".uncommitted")]


def test_a_worker_killed_at_every_point_costs_no_call_and_no_second_record(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        lines = [
            stack.enter_context(line(lab, agents=3)),
            stack.enter_context(line(lab, agents=3, greets=True, behaviour=Phone(ring_s=0.2, talk_s=2.5))),
        ]
        points = points_of(there, lab, lines, tmp_path / "points")
        assert {point.partition(".")[0] for point in points} >= COMMANDS
        sipps: list[list[Sipp]] = [[], []]
        survivors = []
        worker = there.start("switch", HOTSEAT_TEST_DIE_AT=points[0])
        for turn, point in enumerate(points):
            standby = there.start("switch", HOTSEAT_TEST_DIE_AT=(*points, "")[turn + 1])
            for kind, one in enumerate(lines):
                crowd = one.crowd(first=FIRST + 1000 * kind + turn, calls=1, talk_s=((1, 2), (60, 60))[kind])
                sipps[kind].append(stack.enter_context(calling(lab, crowd)))
            if not dies(worker, lines):
                survivors.append(point)
                worker.kill()
            # That the standby waits for it to run out is another test's.
            expire_lease(lab)
            worker = standby
        assert survivors == []
        until("every caller is served", partial(served, lines, [*sipps[0], *sipps[1]]), within_s=OVER_S)
        assert settles(lab, within_s=30) == []
        for one, own in zip(lines, sipps, strict=True):
            callers = [far for sipp in own for far in sipp.calls()]
            assert wrong_with_calls(one.tenant, callers, one.phones.calls()) == []


def served(lines: Sequence[Line], sipps: Sequence[Sipp]) -> bool:
    """Whether every caller is gone, while agents who missed a call come back."""
    for one in lines:
        one.make_ready()
    return all(sipp.process.poll() is not None for sipp in sipps)


def dies(worker: Running, lines: Sequence[Line]) -> bool:
    """Whether the worker comes to its point and dies there, while agents who missed a dead one's call come back."""

    def is_dead() -> bool:
        for one in lines:
            one.make_ready()
        return worker.was_killed

    try:
        until("the worker is dead", is_dead, within_s=DIES_S)
    except AssertionError:
        return False
    return True
