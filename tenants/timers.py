"""Timers: rows with a due time. Whoever deletes the row, in the transaction of its effect, has fired it."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections
from django.db.models import Q

from tenants.clock import db_now
from tenants.ids import uuid7
from tenants.models import Timer
from tenants.retries import with_retries
from tenants.scope import ENGINE_ALIAS, current_scope, engine_scope
from tenants.system import note_system

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
ON CONFLICT (kind, subject_id) DO UPDATE
SET id = excluded.id, due_at = excluded.due_at, data = excluded.data, failures = 0
"""

RETRY_AFTER_S = (1.0, 5.0, 30.0, 300.0, 900.0)
"""Seconds until a timer that failed is tried again, by how often it has failed; from then on always the last."""

# Only what is still as it was found due: who set, dropped or put it off meanwhile knows better.
_PUT_OFF = """
UPDATE tenants_timer SET failures = failures + 1,
    due_at = clock_timestamp() + (%s::float8[])[least(failures + 1, %s)] * interval '1 second'
WHERE (id, due_at) IN (SELECT * FROM unnest(%s::uuid[], %s::timestamptz[]))
RETURNING kind, subject_id, failures
"""

_DROP = "DELETE FROM tenants_timer WHERE kind = %s AND subject_id = %s"
_NEXT = "SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM tenants_timer"
_FAILING = "SELECT kind, count(*) FROM tenants_timer WHERE failures > 0 GROUP BY kind ORDER BY kind"


def timer_handler(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that carries out timers of `kind`. It opens its own scope."""

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


def set_timer(kind: str, *, tenant_id: UUID, subject_id: UUID, due_at: datetime, **data: Any) -> None:
    """Let `kind` fire for the subject at `due_at` (database clock); replaces the one that was set. Lock the subject."""
    values = [uuid7(), tenant_id, kind, subject_id, due_at, json.dumps(data, cls=DjangoJSONEncoder)]
    current_scope().statements.write(_SET, values)


def drop_timer(kind: str, *, subject_id: UUID) -> None:
    """Forget the subject's timer of `kind`, if there is one. The subject's lock must be held."""
    current_scope().statements.write(_DROP, [kind, subject_id])


def has_timer(kind: str, *, subject_id: UUID) -> bool:
    """Whether a timer of `kind` is set for the subject, whose lock must be held: else it may fire just now."""
    return Timer.objects.filter(kind=kind, subject_id=subject_id).exists()


def claim_timer(due: Due) -> bool:
    """Delete the timer if it is still the one that was found due; only then may its effect follow.

    Call it after the subject is locked, in the transaction of the effect: it commits once or not at all.
    """
    deleted, _ = Timer.objects.filter(id=due.id, due_at=due.due_at).delete()
    return deleted == 1


def due_timers(*, limit: int = 200, until: datetime | None = None, after: Due | None = None) -> list[Due]:
    """Return the timers that are due, the oldest first: by `until` instead of now, and only those behind `after`."""
    with engine_scope(read_only=True):
        rows = Timer.objects.filter(due_at__lte=until or db_now()).order_by("due_at", "id")
        if after is not None:
            rows = rows.filter(Q(due_at__gt=after.due_at) | Q(due_at=after.due_at, id__gt=after.id))
        return [
            Due(
                id=row.id,
                tenant_id=row.tenant_id,
                kind=row.kind,
                subject_id=row.subject_id,
                due_at=row.due_at,
                data=row.data,
            )
            for row in rows[:limit]
        ]


def fire(due: Due) -> None:
    """Carry out one due timer; raises KeyError for a kind that no app has registered."""
    _handlers[due.kind](due)


def fire_due_timers(*, limit: int = 200) -> int:
    """Carry out the timers that are due, `limit` at a time until each had its turn; return how many there were.

    One that fails, or whose handler leaves it due, is logged and put off (`RETRY_AFTER_S`): it is never lost, comes
    again, and neither it nor many like it can hide the others. `failing_timers` counts them.
    """
    with engine_scope(read_only=True):
        until = db_now()
    count, last = 0, None
    while True:
        page = due_timers(limit=limit, until=until, after=last)
        for timer in page:
            _fire_safely(timer)
        if page:
            with_retries(partial(_put_off_unclaimed, page), patience_s=5.0)
        count += len(page)
        if len(page) < limit:
            return count
        last = page[-1]


def failing_timers() -> dict[str, int]:
    """Return how many timers of each kind have failed and wait for another attempt. Opens no scope."""
    try:
        with connections[ENGINE_ALIAS].cursor() as cursor:
            cursor.execute(_FAILING)
            return dict(cursor.fetchall())
    finally:
        connections[ENGINE_ALIAS].close()


def _fire_safely(timer: Due) -> None:
    try:
        with_retries(partial(fire, timer), patience_s=5.0)
    except Exception:
        # The others must not wait for it.
        log.exception("a timer failed", extra={"kind": timer.kind, "subject": str(timer.subject_id)})


def _put_off_unclaimed(page: Sequence[Due]) -> None:
    """Put off what is due still after its turn, whether its handler raised, left it, or is unknown."""
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        found = ([due.id for due in page], [due.due_at for due in page])
        cursor.execute(_PUT_OFF, [list(RETRY_AFTER_S), len(RETRY_AFTER_S), *found])
        put_off = cursor.fetchall()
        for kind, subject_id, failures in put_off:
            note_system("timer.put_off", timer=kind, subject=subject_id, failures=failures)
    for kind, subject_id, failures in put_off:
        log.warning("a timer is put off", extra={"kind": kind, "subject": str(subject_id), "failures": failures})


def seconds_to_next_timer() -> float:
    """Return the seconds until the next timer is due, 0 when one is; an hour when there is none."""
    with engine_scope(read_only=True) as scope:
        ((seconds,),) = scope.statements.read((_NEXT, ()))[0]
        return 3600.0 if seconds is None else max(0.0, seconds)
