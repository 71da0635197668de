"""Keeping the records up to the log, and making them anew from it.

Nothing here follows the log by the order of ids, in which an event that is committed late would be missed. Whoever
hears of an event marks its aggregate; a round takes aggregates that are behind and writes down all their events from
the first unwritten one on. An aggregate's events are numbered without a gap and committed in that order, so a round
finds each once, whatever order and however often it was told of them.
"""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connections

from reporting.projection import KINDS, Logged, Page, tell
from reporting.services.writing import (
    SQL,
    Marked,
    delete_rows,
    load_pages,
    read_events,
    save_rows,
    stored_rows,
    values_of,
)
from tenants.public import Happened, Scope, engine_scope, note_system, run_query

log = logging.getLogger(__name__)

AT_ONCE = 500
UNRELAYED_AT_ONCE = 5000
FIRST_ID = UUID(int=0)
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('records'))"
WAIT_FOR_LOCK = "SELECT true FROM pg_advisory_xact_lock(hashtext('records'))"


def mark_told(events: Sequence[Happened]) -> None:
    """Mark the aggregates of events that leave the outbox. Inner step of the relay: it commits with their leaving."""
    _mark((event.aggregate_id, event.tenant_id, event.aggregate_type, event.seq) for event in events)


def mark_unrelayed() -> None:
    """Mark the aggregates of events that still wait for the relay: records do not wait for Valkey to come back."""
    with engine_scope():
        parameters = {"limit": UNRELAYED_AT_ONCE, "types": list(KINDS)}
        _mark(run_query(SQL / "unrelayed.sql", parameters))


def write_records(*, limit: int = AT_ONCE) -> set[UUID]:
    """Write down what has happened to at most `limit` aggregates; return the tenants whose records have changed.

    One transaction, and one writer at a time: while another writes there is nothing to do.
    """
    with engine_scope() as scope:
        if not _lock(scope, TRY_LOCK):
            return set()
        marked = [Marked(*row) for row in run_query(SQL / "behind.sql", {"limit": limit})]
        if not marked:
            return set()
        events, pages = read_events(marked), load_pages(marked)
        told = [row for row in marked if _tell(pages[row.aggregate_id], row, events[row.aggregate_id])]
        save_rows(row for mark in told for row in pages[mark.aggregate_id].rows())
        done = {row.aggregate_id: pages[row.aggregate_id].seq for row in told}
        _note_done(marked, done)
    return {row.tenant_id for row in told}


def rebuild_records(tenant_id: UUID, *, check: bool = False, at_once: int = AT_ONCE) -> int:
    """Make a tenant's records anew from the log; return how many rows were not as they are now.

    In pages of `at_once` aggregates, each in a transaction of its own, between the rounds of the process that keeps the
    records up. `check`: change nothing, only count; what that process has not yet written down counts too. Raises
    LogGapError where the log does not tell an aggregate's whole story.
    """
    wrong, after = 0, FIRST_ID
    while True:
        with engine_scope(read_only=check) as scope:
            _lock(scope, WAIT_FOR_LOCK)
            parameters = {"tenant": tenant_id, "after": after, "limit": at_once, "types": list(KINDS)}
            marked = [Marked(*row) for row in run_query(SQL / "aggregates.sql", parameters)]
            wrong += _rebuild(marked, check=check)
        if len(marked) < at_once:
            return wrong
        after = marked[-1].aggregate_id


def _rebuild(marked: Sequence[Marked], *, check: bool) -> int:
    stored, events = stored_rows(marked), read_events(marked)
    pages = {
        row.aggregate_id: tell(Page(row.tenant_id, row.aggregate_id), row.kind, events[row.aggregate_id])
        for row in marked
    }
    rows = {row.id: row for page in pages.values() for row in page.rows()}
    surplus = [row for key, row in stored.items() if key not in rows]
    changed = [row for key, row in rows.items() if key not in stored or values_of(row) != values_of(stored[key])]
    if marked and not check:
        delete_rows(surplus)
        save_rows(changed)
        _note_done(marked, {key: page.seq for key, page in pages.items()})
    return len(surplus) + len(changed)


def _lock(scope: Scope, statement: str) -> bool:
    # In a statement of its own, before anything is read: what is read next is what the last writer left.
    with connections[scope.alias].cursor() as cursor:
        cursor.execute(statement)
        return bool(cursor.fetchone()[0])


def _tell(page: Page, row: Marked, events: Sequence[Logged]) -> bool:
    """Turn the page; one whose events cannot be written down is set aside and told of, and does not stop the others."""
    try:
        tell(page, row.kind, events)
        page.must_reach(row.known_seq)
    except Exception as problem:
        log.exception("records cannot be written", extra={"kind": row.kind, "aggregate": str(row.aggregate_id)})
        note_system(
            "records.failed", aggregate_type=row.kind, aggregate=row.aggregate_id, problem=type(problem).__name__
        )
        return False
    return True


def _mark(events: Iterable[Sequence[object]]) -> None:
    known = [event for event in events if event[2] in KINDS]
    if known:
        aggregates, tenants, types, seqs = (list(column) for column in zip(*known, strict=True))
        run_query(SQL / "mark.sql", {"aggregates": aggregates, "tenants": tenants, "types": types, "seqs": seqs})


def _note_done(marked: Sequence[Marked], done: dict[UUID, int]) -> None:
    """Note how far the aggregates are; those that are not in `done` have failed and stay where they were."""
    parameters = {
        "aggregates": [row.aggregate_id for row in marked],
        "tenants": [row.tenant_id for row in marked],
        "types": [row.kind for row in marked],
        "seqs": [done.get(row.aggregate_id, row.done_seq) for row in marked],
        "failed": [row.aggregate_id not in done for row in marked],
    }
    run_query(SQL / "done.sql", parameters)
