"""The net under matching: pools with a pair that no pass has made, and demands and profiles without a verdict."""

import logging
from pathlib import Path
from uuid import UUID

from routing.eligibility import judge_missing
from routing.matching.run import run_pool
from tenants.public import engine_scope, run_query, tell_system

log = logging.getLogger(__name__)

SQL = Path(__file__).parent / "sql"
PATIENCE_SECONDS = 0.5


def pools_with_pairs(*, patience_seconds: float = PATIENCE_SECONDS) -> list[UUID]:
    """Return the pools in which a contact and a slot could have been paired for longer than that. None, in health."""
    with engine_scope(read_only=True):
        return [row[0] for row in run_query(SQL / "pairs_overdue.sql", {"patience": patience_seconds})]


def sweep() -> dict[str, int]:
    """Match the pools that were overlooked and judge the pairs that were never judged; return how many there were."""
    with engine_scope(read_only=True):
        unjudged = [row[0] for row in run_query(SQL / "unjudged.sql", {})]
    verdicts = sum(judge_missing(pool) for pool in unjudged)
    caught = 0
    for pool in pools_with_pairs():
        made = run_pool(pool)
        caught += made
        log.warning("sweep: a pool had a pair that no pass had made", extra={"pool": str(pool), "offers": made})
        tell_system("sweep.caught", pool=pool, offers=made)
    return {"verdicts": verdicts, "offers": caught}
