"""The one clock for order and deadlines: the database's."""

from datetime import datetime

from tenants.rows import CLOCK, fetch


def db_now() -> datetime:
    """Return the database's `clock_timestamp()`, aware, UTC.

    A service reads it once, after it has its locks, and passes it on; nothing that routes asks again. Where the lock is
    taken by `fetch`, the clock can be fetched with it.
    """
    now: datetime = fetch(CLOCK)[0][0]
    return now
