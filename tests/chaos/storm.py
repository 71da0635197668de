"""The storm itself. Imported after Django is set up, with the environment of its own database."""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

from config import checkout
from config.services import ports, valkey
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Phone, Sipp
from tests.chaos.crowd import calling
from tests.chaos.lines import Line, line, node_is_connected
from tests.chaos.processes import Installation, Running, installation
from tests.chaos.storm_plan import RATE, Plan
from tests.chaos.verdict import on_record, settles, wrong_with_calls
from tests.waiting import looks, until

FIRST = 447_701_000_000
SECOND_LINE = 100_000
DRAIN_S = 150.0
SETTLED_S = 60.0
READY_EVERY_S = 1.0


def play(lab: Lab, server: valkey.Server, decided: Plan) -> dict[str, Any]:
    """Let the callers call and the victims die, wait for the end of the last call, and return what came of it."""
    with ExitStack() as stack:
        port = ports.choose(taken={server.port})
        there = stack.enter_context(installation(lab, checkout.STATE / "chaos" / "logs", HOTSEAT_PORT=str(port)))
        running = {name: there.start(name) for name in ("engine", "web", "worker")}
        running |= {f"switch {number}": there.start("switch") for number in (1, 2)}
        lines = [
            stack.enter_context(line(lab, agents=12)),
            stack.enter_context(line(lab, agents=6, greets=True, behaviour=Phone(ring_s=0.2, talk_s=3.0))),
        ]
        until("a worker is connected", lambda: node_is_connected(lab), within_s=30)
        greeted = decided.contacts // 4
        crowds = [
            lines[0].crowd(first=FIRST, calls=decided.contacts - greeted, rate=RATE * 3 / 4, talk_s=(1, 4)),
            lines[1].crowd(first=FIRST + SECOND_LINE, calls=greeted, rate=RATE / 4, talk_s=(90, 90)),
        ]
        sipps = [stack.enter_context(calling(lab, crowd)) for crowd in crowds if crowd.calls]
        kills = _kill_all(decided, there, running, server, lines)
        _wait_for_callers(sipps, lines)
        settled = settles(lab, within_s=SETTLED_S, every_s=1.0)
        problems = [problem for one, sipp in zip(lines, sipps, strict=False) for problem in _wrong(one, sipp)]
        endings = Counter(str(served.contact.end_reason) for one in lines for served in on_record(one.tenant))
    violations = problems + settled
    return {
        "trials": decided.contacts,
        "kills": dict(kills),
        "endings": dict(endings),
        "violations": violations,
        "bound": None if violations else round(3 / decided.contacts, 5),
    }


def _wrong(one: Line, sipp: Sipp) -> list[str]:
    return wrong_with_calls(one.tenant, sipp.calls(), one.phones.calls())


def _kill_all(
    decided: Plan, there: Installation, running: dict[str, Running], server: valkey.Server, lines: list[Line]
) -> Counter[str]:
    """Carry out the plan's kills at their times, starting again what was killed. Returns how many of each."""
    began, turns = time.monotonic(), Counter[str]()
    for kill in decided.kills:
        for _ in looks(within_s=began + kill.at_s - time.monotonic(), every_s=READY_EVERY_S):
            _come_back(lines)
        turns[kill.victim] += 1
        if kill.victim == "valkey":
            found = server.running()
            if found is not None:
                found.end(signal.SIGKILL)
            server.start()
        else:
            # The two switch workers take turns: one of them serves, the other stands by.
            name = f"switch {turns['switch'] % 2 + 1}" if kill.victim == "switch" else kill.victim
            running[name].kill()
            running[name] = there.start(kill.victim)
    return turns


def _come_back(lines: list[Line]) -> None:
    """Agents who missed a call while its worker was dead press the button."""
    for one in lines:
        one.make_ready()


def _wait_for_callers(sipps: list[Sipp], lines: list[Line]) -> None:
    """Wait until every caller is gone, served or out of patience."""
    for _ in looks(within_s=DRAIN_S, every_s=READY_EVERY_S):
        if all(sipp.process.poll() is not None for sipp in sipps):
            return
        _come_back(lines)
