"""Load for an ACD and its figures, all from the far ends' clocks: SIPp's callers and SIPp's telephones.

- **gap**: a caller's BYE → the next INVITE to the same agent, where the caller of that INVITE was already waiting.
- **setup**: a caller's INVITE → the INVITE to the agent for that caller.
- **rtp**: a caller's INVITE → the first RTP packet that the caller hears, the agent's tone (nobody else speaks).
- **overtaken**: callers who were offered to an agent after somebody who came more than 50 ms later.
"""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from deploy.lab import endpoints
from deploy.lab.exchange import Lab
from deploy.lab.rtp_watch import RtpWatch
from deploy.lab.sipp import Phone, Phones, Sipp, load_caller_scenario
from deploy.lab.sipp_log import FarCall

FIRST_NUMBER = 13_900_000_000
OVERTAKEN_BY_S = 0.05
_DRAIN_S = 120


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is measured: where its callers dial in, and who answers."""

    name: str
    number: str
    agents: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Calls offered. ``rate`` per second; talk uniform between two numbers of seconds, drawn for each call."""

    rate: float
    calls: int
    talk_s: tuple[float, float] = (2.0, 4.0)
    first_number: int = FIRST_NUMBER


GAP_LOAD = Load(rate=30, calls=600)
SETUP_LOAD = Load(rate=10, calls=200)


@dataclass(frozen=True, kw_only=True)
class Offered:
    """What the far ends saw of one load: the callers' calls and the agents'."""

    load: Load
    callers: Sequence[FarCall]
    agent_legs: Sequence[FarCall]


def registered(lab: Lab, agents: Sequence[str]) -> Phones:
    """The agents' telephones, which answer at once and say a short tone; a context manager."""
    missing = [name for name in agents if name not in endpoints.known()]
    endpoints.add(lab, [endpoints.Endpoint(endpoint=name) for name in missing])
    return Phones(lab, agents, Phone(ring_s=0, speaks_s=0.2))


def offer(lab: Lab, target: Target, load: Load, phones: Phones) -> Offered:
    """Offer the load to a target whose telephones are registered and ready, and return when the last call is over."""
    already = len(phones.calls())
    with tempfile.NamedTemporaryFile("w", suffix=".csv", prefix="hotseat-numbers-") as numbers, RtpWatch() as sound:
        numbers.write("SEQUENTIAL\n")
        numbers.writelines(f"{load.first_number + index}\n" for index in range(load.calls))
        numbers.flush()
        arguments = ["-m", str(load.calls), "-l", str(load.calls), "-inf", numbers.name]
        arguments += ["-r", str(round(load.rate)), "-rp", "1000"]
        scenario = load_caller_scenario(to=target.number, talk_s=load.talk_s, patience_s=_DRAIN_S)
        with Sipp(lab, scenario, arguments) as sipp:
            callers = sipp.wait(load.calls / load.rate + _DRAIN_S)
        sound.fill(callers)
    return Offered(load=load, callers=callers, agent_legs=phones.calls()[already:])


# --- from two logs to figures -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """One caller who reached an agent."""

    caller: FarCall
    agent_leg: FarCall


def figures(offered: Offered) -> dict[str, Any]:
    """All figures of one load, in milliseconds where nothing else is said."""
    callers = offered.callers
    served = _pair(callers, offered.agent_legs)
    failed = [call for call in callers if call.final_status != 200]
    return {
        "calls": len(callers),
        "failed": len(failed),
        "answered": sum(1 for call in callers if call.answered_at is not None),
        "overtaken": overtaken(served),
        "gap_ms": percentiles(gaps(served)),
        "setup_ms": percentiles([_ms(s.caller.invite_at, s.agent_leg.invite_at) for s in served]),
        "rtp_ms": percentiles(
            [_ms(s.caller.invite_at, s.caller.first_rtp_at) for s in served if s.caller.first_rtp_at is not None]
        ),
        "talk_s": round(sum(call.talk_seconds for call in callers), 1),
    }


def _pair(callers: Sequence[FarCall], agent_legs: Sequence[FarCall]) -> list[Served]:
    """Who was given to whom: the caller's number is the calling number that the agent's telephone was shown."""
    by_number = {_digits(call.header("From")): call for call in callers}
    served = []
    for leg in agent_legs:
        caller = by_number.get(_digits(leg.header("From")))
        if caller is not None:
            served.append(Served(caller, leg))
    return served


def _digits(address: str) -> str:
    """The national number of a From address, so that +86 138… and 138… are one."""
    user = address.partition("sip:")[2].partition("@")[0]
    return "".join(character for character in user if character.isdigit())[-11:]


def gaps(served: Sequence[Served]) -> list[float]:
    """Idle gaps of agents in milliseconds, while somebody waited."""
    by_agent: dict[str, list[Served]] = defaultdict(list)
    for one in sorted(served, key=lambda s: s.agent_leg.invite_at):
        by_agent[one.agent_leg.user].append(one)
    found = []
    for turns in by_agent.values():
        for before, after in pairwise(turns):
            freed_at = before.caller.bye_at
            if freed_at is not None and after.caller.invite_at <= freed_at:
                found.append(_ms(freed_at, after.agent_leg.invite_at))
    return found


def overtaken(served: Sequence[Served]) -> int:
    """How many callers were offered later than somebody who came more than 50 ms after them."""
    count = 0
    latest_arrival: datetime | None = None
    for one in sorted(served, key=lambda s: s.agent_leg.invite_at):
        arrived = one.caller.invite_at
        if latest_arrival is not None and (latest_arrival - arrived).total_seconds() > OVERTAKEN_BY_S:
            count += 1
        latest_arrival = max(latest_arrival or arrived, arrived)
    return count


def _ms(begin: datetime, end: datetime | None) -> float:
    return math.nan if end is None else (end - begin).total_seconds() * 1000


def percentiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """Median and 99th percentile by nearest rank, and how many there were."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": None, "p99": None, "n": 0}
    return {
        "p50": round(ordered[math.ceil(0.5 * len(ordered)) - 1], 1),
        "p99": round(ordered[math.ceil(0.99 * len(ordered)) - 1], 1),
        "n": len(ordered),
    }
