"""The day's tenant, and the day played. Imported when Django is set up.

A type is a skill, with a queue and a number of its own; a second queue of each, with a head start of 90 s, is for
priority customers: `order_at` is their arrival less that. Agents log in at midnight, as not ready, and are ready while
they are taken to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from agents.public import set_not_ready, set_ready
from tenants.public import Tenant, ensure_partitions
from tests import factories
from tests.moved.clock import MovedClock
from tests.moved.play import Caller, Play, outcomes
from tests.replay.presence import WRAP_UP_S, Member
from tests.replay.record import Call
from tests.routing.calls import make_line

US = 1_000_000
CREDIT_S = 90


def play(
    clock: MovedClock, calls: Sequence[Call], staff: Sequence[Member], *, zone: ZoneInfo
) -> list[tuple[bool, float]]:
    """Play the calls with that staff from the clock's moment on, which is midnight in `zone`; what became of each."""
    ensure_partitions()
    tenant = factories.make_tenant(time_zone=str(zone))
    lines = _lines(tenant, calls)
    run = Play(clock)
    _roster(run, tenant, staff)
    callers = [
        Caller(
            name=f"caller-{number}",
            number=lines[call.type, call.credited],
            at_us=call.at_s * US,
            service_us=call.service_s * US,
            patience_us=round(call.patience_s * US),
        )
        for number, call in enumerate(calls)
    ]
    run.expect(callers)
    run.run()
    told = outcomes(tenant)
    return [(told[caller.name].served, told[caller.name].wait_us / US) for caller in callers]


def _lines(tenant: Tenant, calls: Sequence[Call]) -> dict[tuple[str, bool], str]:
    """The number of each type, plain and credited."""
    kinds = sorted({(call.type, call.credited) for call in calls})
    return {
        (kind, credited): make_line(
            tenant,
            requires={kind.lower(): 1},
            weight_seconds=CREDIT_S if credited else 0,
            wrap_up_seconds=WRAP_UP_S,
        ).number
        for kind, credited in kinds
    }


def _roster(run: Play, tenant: Tenant, staff: Sequence[Member]) -> None:
    away = factories.make_reason(tenant, "Away")
    for member in staff:
        session = factories.make_session(tenant, skills={kind.lower(): 1 for kind in member.skills})
        who: dict[str, Any] = {"tenant_id": tenant.id, "session_id": session.id, "actor": f"agent:{session.agent_id}"}
        for since, until in member.present:
            run.at(since * US, partial(set_ready, **who))
            run.at(until * US, partial(set_not_ready, reason_id=away.id, **who))
