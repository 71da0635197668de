"""The event log's monthly partitions: made ahead of time, and the default one watched, which should stay empty."""

import logging
from datetime import date

from django.db import connections

from tenants.scope import engine_scope

log = logging.getLogger(__name__)

MONTHS_AHEAD = 3


def ensure_partitions(*, months_ahead: int = MONTHS_AHEAD, today: date | None = None) -> list[str]:
    """Make the partitions of this month (UTC) and the next ones, and return the names of those that were missing."""
    made = []
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        for ahead in range(months_ahead + 1):
            cursor.execute(
                "SELECT tenants_create_event_partition("
                "(coalesce(%s::date, (clock_timestamp() AT TIME ZONE 'UTC')::date)"
                " + make_interval(months => %s))::date)",
                [today, ahead],
            )
            row = cursor.fetchone()
            if row and row[0]:
                made.append(str(row[0]))
    strays = rows_in_default_partition()
    if strays:
        log.error("the event log's default partition is not empty", extra={"rows": strays})
    return made


def rows_in_default_partition() -> int:
    """Return how many events fell outside every month's partition (counted by the planner's statistics)."""
    with engine_scope(read_only=True) as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(n_live_tup, 0) FROM pg_stat_user_tables WHERE relname = 'tenants_event_default'"
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0
