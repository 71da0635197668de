"""Erlang's formulas: what a queue with exponential arrivals, service and patience comes to in the long run.

`offered` is the load in erlangs (arrival rate times mean service); times are in the unit of the means given.
"""

from __future__ import annotations

from dataclasses import dataclass

NEGLIGIBLE = 1e-15


@dataclass(frozen=True)
class Measures:
    """What a load comes to: the mean wait of all who call, how many of them wait at all, how many give up, and the
    share of their time that agents talk."""

    mean_wait_s: float
    waiting: float
    abandoned: float
    occupancy: float


def erlang_b(agents: int, offered: float) -> float:
    """Return the probability that all agents are busy where nobody may wait.

    Erlang, "Solution of some Problems in the Theory of Probabilities of Significance in Automatic Telephone Exchanges",
    Elektroteknikeren 13 (1917), by the recursion over the number of agents.
    """
    blocked = 1.0
    for number in range(1, agents + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked


def erlang_c(agents: int, offered: float) -> float:
    """Return the probability of waiting where everybody waits as long as it takes (Erlang 1917, as `erlang_b`).

    Raises ValueError when the queue would grow without end.
    """
    if offered >= agents:
        raise ValueError(f"{offered} erlangs are too much for {agents} agents who are waited for")
    blocked = erlang_b(agents, offered)
    return blocked / (1 - offered / agents * (1 - blocked))


def patient(*, agents: int, offered: float, service_s: float) -> Measures:
    """Return the measures of Erlang C, M/M/n: the mean wait is the probability of it over the spare rate of service."""
    waiting = erlang_c(agents, offered)
    return Measures(waiting * service_s / (agents - offered), waiting, 0.0, offered / agents)


def impatient(*, agents: int, offered: float, service_s: float, patience_s: float) -> Measures:
    """Return the measures of Erlang A, M/M/n+M: patience is exponential too.

    Palm, "Research on telephone traffic carried by full availability groups", Tele (1957; Swedish 1946), as told by
    Mandelbaum and Zeltyn, "The Palm/Erlang-A Queue, with Applications to Call Centers" (2005), sections 3 and 4. It is
    a birth-and-death process: callers come at the arrival rate; with k of them here they leave at k times the service
    rate, up to all agents, and who waits gives up besides. Its states' weights are summed until they no longer count;
    arrivals find the system as it is on average (PASTA), and by Little the mean wait is the mean queue over the rate.
    """
    arrival, service, giving_up = offered / service_s, 1 / service_s, 1 / patience_s
    weight, total, waiting, queue, state = 1.0, 1.0, 0.0, 0.0, 0
    while state <= agents or weight > NEGLIGIBLE * total:
        state += 1
        queued = max(0, state - agents)
        weight *= arrival / (min(state, agents) * service + queued * giving_up)
        total += weight
        queue += queued * weight
        waiting += weight if state >= agents else 0.0
    mean_queue = queue / total
    abandoned = giving_up * mean_queue / arrival
    return Measures(mean_queue / arrival, waiting / total, abandoned, offered * (1 - abandoned) / agents)
