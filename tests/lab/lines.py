"""Numbers of tenants with the flows that the bad days need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from routing.models import Queue
from tenants.public import Tenant
from tests import factories

ANSWER_AND_QUEUE = {"answer": {"type": "answer", "next": "queue"}}


@dataclass(frozen=True)
class Line:
    """A private number (as dialled) of a tenant, and the queue behind it."""

    tenant: Tenant
    queue: Queue
    number: str


def make_line(
    *, nodes: Mapping[str, Any] | None = None, start: str = "queue", ways: Mapping[str, Any] | None = None, **queue: Any
) -> Line:
    """A number whose flow has `nodes` and, as "queue", the queue with `ways` out of it.

    Without nodes it leads there unanswered.
    """
    tenant = factories.make_tenant()
    queue.setdefault("wrap_up_seconds", 0)
    made = factories.make_queue(tenant, **queue)
    definition = {
        "schema": 1,
        "start": start,
        "nodes": {**(nodes or {}), "queue": {"type": "queue", "queue": made.code, **(ways or {})}},
    }
    number = factories.make_number(tenant)
    factories.make_entry_point(tenant, flow=factories.make_flow(tenant, definition), number=number)
    return Line(tenant, made, number.e164.lstrip("+"))


def answered_line(**queue: Any) -> Line:
    """A number that is answered before its queue."""
    return make_line(nodes=ANSWER_AND_QUEUE, start="answer", **queue)
