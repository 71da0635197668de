"""Which exchanges there are, and whether they live."""

from datetime import timedelta

from routing.models import SwitchNode
from tenants.public import db_now, engine_scope

SILENCE = timedelta(seconds=5)
"""An exchange sends a heartbeat each second; so long without one, and it, or its worker and the standby, is dead."""


def known_exchanges() -> list[str]:
    """Return the exchanges that have ever been heard of, by name."""
    with engine_scope(read_only=True):
        return list(SwitchNode.objects.order_by("name").values_list("name", flat=True))


def exchange_is_dead(node: str) -> bool:
    """Say whether nothing has been heard of an exchange for a while. One that was never there is not dead."""
    with engine_scope(read_only=True):
        row = SwitchNode.objects.filter(name=node).first()
        if row is None or row.last_alive_at is None:
            return False
        return db_now() - row.last_alive_at - timedelta(milliseconds=row.clock_offset_ms or 0) > SILENCE
