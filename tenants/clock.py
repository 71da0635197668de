"""The one clock for order and deadlines: the database's."""

import time
from datetime import datetime
from typing import cast

from tenants.ids import follow_clock
from tenants.scope import current_scope


def db_now() -> datetime:
    """Return the database's `clock_timestamp()`, aware, UTC.

    A service reads it once, after it has its locks, and passes it on; nothing that routes asks again.
    """
    asked_ns = time.time_ns()
    ((row,),) = current_scope().statements.read(("SELECT clock_timestamp()", ()))
    now = cast(datetime, row[0])
    follow_clock(now, asked_ns=asked_ns, heard_ns=time.time_ns())
    return now
