"""The one clock for order and deadlines: the database's."""

from datetime import datetime
from typing import cast

from tenants.scope import current_scope


def db_now() -> datetime:
    """Return the database's `clock_timestamp()`, aware, UTC.

    A service reads it once, after it has its locks, and passes it on; nothing that routes asks again.
    """
    ((row,),) = current_scope().statements.read(("SELECT clock_timestamp()", ()))
    return cast(datetime, row[0])
