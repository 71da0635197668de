"""First come, first served, by several agents, with patience, in twenty lines: what the services are held against.

Nothing here is shared with the product. After Kiefer and Wolfowitz, "On the Theory of Queues with Many Servers", Trans.
Amer. Math. Soc. 78 (1955): a caller begins when the first agent is free; one whose patience is over before that
takes no agent's time (Baccelli, Boyer and Hebuterne, "Single-Server Queues with Impatient Customers", 1984).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapreplace

Call = tuple[int, int, int | None]
"""When it comes, how long its service takes, how long it waits (None: for ever); any unit, the same for all three."""


def waits(calls: Iterable[Call], *, agents: int) -> Iterator[tuple[bool, int]]:
    """For each call, in the order of their coming: whether it is served, and how long it waits for that or in vain."""
    free = [0] * agents
    for at, service, patience in calls:
        wait = max(0, free[0] - at)
        if patience is not None and wait > patience:
            yield False, patience
        else:
            heapreplace(free, at + wait + service)
            yield True, wait
