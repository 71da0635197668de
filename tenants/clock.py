"""The one clock for order and deadlines: the database's."""

from datetime import datetime
from typing import cast

from django.db import connections

from tenants.scope import current_scope


def db_now() -> datetime:
    """Return the database's `clock_timestamp()`, aware, UTC.

    A service reads it once, after it has its locks, and passes it on; nothing that routes asks again.
    """
    with connections[current_scope().alias].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast(datetime, cursor.fetchone()[0])
