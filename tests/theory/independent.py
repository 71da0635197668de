"""The cases of `pooling` in ciw. Nothing of the product is imported here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import ciw

from tests.theory.pooling import Case, Stream, order_of
from tests.theory.recursion import Call

FOR_EVER = float("inf")
A_DAY_US = 86_400_000_000


class Given(ciw.dists.Distribution):  # type: ignore[misc]
    """Times that are given, one after another: those between arrivals. None come after the last."""

    def __init__(self, times: Sequence[int]) -> None:
        super().__init__()
        self._times = iter(times)

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        return next(self._times, FOR_EVER)


class OfCaller(ciw.dists.Distribution):  # type: ignore[misc]
    """Times that are given for each caller: ciw numbers them from 1, in the order of their coming."""

    def __init__(self, times: Sequence[float]) -> None:
        super().__init__()
        self._times = times

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        number: int = ind.id_number
        return self._times[number - 1]


def waits_of_ciw(case: Case, calls: Sequence[tuple[Stream, Call]]) -> list[tuple[bool, int]]:
    """For each call whether it is served, and its wait in microseconds.

    Times are whole microseconds in floats, which are exact far beyond the longest run; so are sums and differences.
    """
    skills = [stream.skill for stream in case.streams]
    service = OfCaller([call[1] for _, call in calls])
    patience = OfCaller([FOR_EVER if call[2] is None else call[2] for _, call in calls])
    network = ciw.create_network(
        arrival_distributions={skill: [Given(_gaps(calls, skill))] for skill in skills},
        service_distributions={skill: [service] for skill in skills},
        reneging_time_distributions={skill: [patience] for skill in skills},
        number_of_servers=[len(case.agents)],
        priority_classes=_classes(case),
    )
    simulation = ciw.Simulation(network, node_class=_node_of(case))
    # Long enough for whoever waits when the last one has come.
    simulation.simulate_until_max_time(2 * calls[-1][1][0] + A_DAY_US)
    found = {record.id_number: record for record in simulation.get_all_records()}
    return [
        (found[number].record_type == "service", round(found[number].waiting_time))
        for number in range(1, len(calls) + 1)
    ]


def _gaps(calls: Sequence[tuple[Stream, Call]], skill: str) -> list[int]:
    times = [0, *(calls[number][1][0] for number in order_of(calls, skill))]
    return [later - earlier for earlier, later in pairwise(times)]


def _classes(case: Case) -> dict[str, int]:
    """ciw's classes of priority, which are numbered from the first on."""
    ranks = sorted({-stream.priority for stream in case.streams})
    return {stream.skill: ranks.index(-stream.priority) for stream in case.streams}


def _node_of(case: Case) -> type[Any]:
    """A node whose servers have the case's skills."""

    class Skilled(ciw.Node):  # type: ignore[misc]
        """The first caller in order for whom an able server is free; of those the one that is preferred."""

        def find_free_server(self, ind: Any) -> Any:
            able = [server for server in self.servers if not server.busy and ind.customer_class in self._skills(server)]
            return min(able, key=lambda server: self._preference(server, ind), default=None)

        def choose_next_customer(self) -> Any:
            waiting = (ind for group in self.individuals for ind in group if not ind.server)
            return next((ind for ind in waiting if self.find_free_server(ind) is not None), None)

        def detatch_server(self, server: Any, individual: Any) -> None:
            super().detatch_server(server, individual)
            server.idle_since = self.now

        def _skills(self, server: Any) -> dict[str, int]:
            return dict(case.agents[server.id_number - 1])

        def _preference(self, server: Any, ind: Any) -> tuple[int, float, int]:
            fit = self._skills(server)[ind.customer_class] if case.most_proficient else 0
            return -fit, getattr(server, "idle_since", -1.0), server.id_number

    return Skilled
