"""The live board's rows: what the `board` topic sends, whole rows keyed by id."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.utils import translation

from reporting.live import AgentNow, ContactNow, Live, QueueNow, Service, TeamToday, read_live
from routing.public import in_force, in_force_everywhere
from tenants.public import CSP_TENANT_ID, tenant_scope

Row = dict[str, Any]

COMPUTED = 0
"""The sequence number of rows that no single aggregate stands behind: the topic's own version orders them."""


def board_rows(tenant_id: UUID) -> list[Row]:
    """Return the tenant's board: one row for each queue, team, agent, open contact and backup in force, and the total.

    Opens its own scope. Times are ISO 8601 in UTC; words are in the tenant's language; `seq` is the version of the
    agent's session or the contact.
    """
    return read_board(tenant_id)[1]


def read_board(tenant_id: UUID) -> tuple[dt.datetime, list[Row]]:
    """Return the moment (UTC) for which the board was read, and its rows as `board_rows` describes them."""
    with tenant_scope(tenant_id, read_only=True):
        live = read_live(tenant_id)
        backups = in_force()
    if tenant_id == CSP_TENANT_ID:
        # The operator watches over every enterprise's numbers.
        backups = in_force_everywhere()
    with translation.override(live.language):
        return live.at, [
            *map(_queue, live.queues),
            *(_team(team, live) for team in live.teams),
            *map(_agent, live.agents),
            *map(_contact, live.contacts),
            *(backup.board_row() for backup in backups),
            {"id": "total", "kind": "total", "seq": COMPUTED, **_service(live.total)},
        ]


def _queue(queue: QueueNow) -> Row:
    return {
        "id": str(queue.id),
        "kind": "queue",
        "seq": COMPUTED,
        "name": queue.name,
        "unserved": queue.unserved,
        **_service(queue.service),
    }


def _service(service: Service) -> Row:
    counts = service.counts
    return {
        "waiting": service.waiting,
        "oldest_waiting_at": iso(service.oldest_waiting_at),
        "offered": counts.offered,
        "answered": counts.answered,
        "abandoned": counts.abandoned,
        "short_abandoned": counts.short_abandoned,
        "service_level": service.service_level,
        "service_level_variant": str(service.variant),
        "service_level_seconds": service.threshold_seconds,
        "asa_s": service.asa_s,
        "aht_s": service.aht_s,
    }


def _team(team: TeamToday, live: Live) -> Row:
    return {
        "id": str(team.id),
        "kind": "team",
        "seq": COMPUTED,
        "name": team.name,
        "agents": live.agents_by_state(team.id),
        "offered": team.offered,
        "missed": team.missed,
        "answered": team.answered,
        "asa_s": team.asa_s,
        "handled": team.handled,
        "aht_s": team.aht_s,
    }


def _agent(agent: AgentNow) -> Row:
    return {
        "id": str(agent.session_id),
        "kind": "agent",
        "seq": agent.version,
        "agent_number": agent.agent_number,
        "name": agent.name,
        "team": agent.team,
        "station": agent.station,
        "state": agent.state,
        "reason": agent.reason_label,
        "since": iso(agent.since),
    }


def _contact(contact: ContactNow) -> Row:
    return {
        "id": str(contact.id),
        "kind": "contact",
        "seq": contact.version,
        "state": contact.state,
        "queue": contact.queue,
        "since": iso(contact.since),
        "order_at": iso(contact.order_at),
        "agent": contact.agent,
        "number": contact.number,
        "channel": contact.channel,
        "is_test": contact.is_test,
    }


def iso(moment: dt.datetime | None) -> str | None:
    """Return the moment as ISO 8601 in UTC with its offset."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat()
