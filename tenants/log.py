"""Writing the event log. Services call `record`; the rows go in at the end of their transaction, in one statement."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from tenants.ids import uuid7
from tenants.scope import Scope, at_flush, current_scope


class Aggregate(Protocol):
    """A row whose changes are counted by `version`. Its lock must be held while an event of it is recorded."""

    id: UUID
    tenant_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that waits for the end of its transaction."""

    tenant_id: UUID
    type: str
    aggregate_type: str
    aggregate_id: UUID
    seq: int
    occurred_at: datetime
    is_test: bool
    data: dict[str, Any] = field(default_factory=dict)
    schema_version: int = 1
    id: UUID = field(default_factory=uuid7)


_INSERT = """
WITH written AS (
    INSERT INTO tenants_event (id, tenant_id, type, schema_version, aggregate_type, aggregate_id, seq,
                               actor, node, occurred_at, recorded_at, is_test, data)
    SELECT (e->>'id')::uuid, (e->>'tenant_id')::uuid, e->>'type', (e->>'schema_version')::smallint,
           e->>'aggregate_type', (e->>'aggregate_id')::uuid, (e->>'seq')::integer,
           %(actor)s, %(node)s, (e->>'occurred_at')::timestamptz, clock_timestamp(), (e->>'is_test')::boolean,
           e->'data'
    FROM jsonb_array_elements(%(events)s::jsonb) AS e
)
INSERT INTO tenants_outbox (event_id, tenant_id)
SELECT (e->>'id')::uuid, (e->>'tenant_id')::uuid FROM jsonb_array_elements(%(events)s::jsonb) AS e
"""


def record(
    event_type: str,
    aggregate: Aggregate,
    *,
    kind: str,
    at: datetime,
    is_test: bool = False,
    **data: Any,
) -> None:
    """Record that `event_type` happened to `aggregate` (of `kind`: "contact", "agent_session", …) at `at`.

    Raises the aggregate's `version`, which becomes the event's sequence number; the caller saves the row. `data` must
    hold ids and figures only, no name and no telephone number: the engine and every log reader see it.
    """
    aggregate.version += 1
    current_scope().events.append(
        Recorded(
            tenant_id=aggregate.tenant_id,
            type=event_type,
            aggregate_type=kind,
            aggregate_id=aggregate.id,
            seq=aggregate.version,
            occurred_at=at,
            is_test=is_test,
            data=data,
        )
    )


def record_once(
    event_type: str,
    *,
    tenant_id: UUID,
    kind: str,
    subject_id: UUID,
    at: datetime,
    is_test: bool = False,
    **data: Any,
) -> None:
    """Record an event of something that has no row of its own to count by (its only event: sequence number 1)."""
    current_scope().events.append(
        Recorded(
            tenant_id=tenant_id,
            type=event_type,
            aggregate_type=kind,
            aggregate_id=subject_id,
            seq=1,
            occurred_at=at,
            is_test=is_test,
            data=data,
        )
    )


def flush_events(scope: Scope) -> None:
    """Write the scope's events and their outbox rows. Called at the end of every scope, inside its transaction."""
    if not scope.events:
        return
    gathered, scope.events = scope.events, []
    rows = [
        {
            "id": event.id,
            "tenant_id": event.tenant_id,
            "type": event.type,
            "schema_version": event.schema_version,
            "aggregate_type": event.aggregate_type,
            "aggregate_id": event.aggregate_id,
            "seq": event.seq,
            "occurred_at": event.occurred_at.isoformat(),
            "is_test": event.is_test,
            "data": event.data,
        }
        for event in gathered
    ]
    events = json.dumps(rows, cls=DjangoJSONEncoder)
    scope.statements.write(_INSERT, {"actor": scope.actor, "node": scope.node, "events": events})


at_flush(flush_events)
