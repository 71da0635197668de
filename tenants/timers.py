"""Timers: rows with a due time. Whoever deletes the row, in the transaction of its effect, has fired it."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections

from tenants.clock import db_now
from tenants.ids import uuid7
from tenants.models import Timer
from tenants.retries import with_retries
from tenants.scope import current_scope, engine_scope

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that was found due. Its handler locks the subject first, then calls `claim_timer`."""

    id: UUID
    tenant_id: UUID
    kind: str
    subject_id: UUID
    due_at: datetime
    data: dict[str, Any]


Handler = Callable[[Due], None]
_handlers: dict[str, Handler] = {}

_SET = """
INSERT INTO tenants_timer (id, tenant_id, kind, subject_id, due_at, data)
VALUES (%s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT (kind, subject_id) DO UPDATE SET id = excluded.id, due_at = excluded.due_at, data = excluded.data
"""


def timer_handler(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that carries out timers of `kind`. It opens its own scope."""

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


def set_timer(kind: str, *, tenant_id: UUID, subject_id: UUID, due_at: datetime, **data: Any) -> None:
    """Let `kind` fire for the subject at `due_at` (database clock); replaces the one that was set. Lock the subject."""
    with connections[current_scope().alias].cursor() as cursor:
        cursor.execute(
            _SET,
            [
                uuid7(),
                tenant_id,
                kind,
                subject_id,
                due_at,
                json.dumps(data, cls=DjangoJSONEncoder),
            ],
        )


def drop_timer(kind: str, *, subject_id: UUID) -> None:
    """Forget the subject's timer of `kind`, if there is one. The subject's lock must be held."""
    Timer.objects.filter(kind=kind, subject_id=subject_id).delete()


def claim_timer(due: Due) -> bool:
    """Delete the timer if it is still the one that was found due; only then may its effect follow.

    Call it after the subject is locked, in the transaction of the effect: it commits once or not at all.
    """
    deleted, _ = Timer.objects.filter(id=due.id, due_at=due.due_at).delete()
    return deleted == 1


def due_timers(*, limit: int = 200) -> list[Due]:
    """Return the timers that are due, the oldest first."""
    with engine_scope(read_only=True):
        rows = Timer.objects.filter(due_at__lte=db_now()).order_by("due_at", "id")[:limit]
        return [
            Due(
                id=row.id,
                tenant_id=row.tenant_id,
                kind=row.kind,
                subject_id=row.subject_id,
                due_at=row.due_at,
                data=row.data,
            )
            for row in rows
        ]


def fire(due: Due) -> None:
    """Carry out one due timer; raises KeyError for a kind that no app has registered."""
    _handlers[due.kind](due)


def fire_due_timers(*, limit: int = 200) -> int:
    """Carry out the timers that are due and return how many there were; one that fails is logged and stays due."""
    due = due_timers(limit=limit)
    for timer in due:
        try:
            with_retries(partial(fire, timer), patience_s=5.0)
        except Exception:
            # The others must not wait for it: it stays due, and comes again with the next round.
            log.exception("a timer failed", extra={"kind": timer.kind, "subject": str(timer.subject_id)})
    return len(due)


def seconds_to_next_timer() -> float:
    """Return the seconds until the next timer is due, 0 when one is; an hour when there is none."""
    with engine_scope(read_only=True):
        first = Timer.objects.order_by("due_at").values_list("due_at", flat=True).first()
        return max(0.0, (first - db_now()).total_seconds()) if first else 3600.0
