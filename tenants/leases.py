"""Leases: at most one holder of a named duty, told apart from its predecessors by a fence that only grows."""

from dataclasses import dataclass

from django.db import connections

from tenants.scope import engine_scope

_TAKE = """
INSERT INTO tenants_lease AS held (name, holder, fence, expires_at)
VALUES (%(name)s, %(holder)s, 1, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (name) DO UPDATE
SET fence = CASE WHEN held.holder = excluded.holder AND held.expires_at > clock_timestamp()
                 THEN held.fence ELSE held.fence + 1 END,
    holder = excluded.holder,
    expires_at = excluded.expires_at
WHERE held.holder = excluded.holder OR held.expires_at <= clock_timestamp()
RETURNING fence
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease in hand. Every write done under it carries `fence`, so that a holder which slept too long is refused."""

    name: str
    holder: str
    fence: int


def take_lease(name: str, *, holder: str, seconds: float) -> Held | None:
    """Take or renew the lease for `seconds` from now (database clock); None while another holds it.

    A holder that let it expire gets a new fence, since others may have acted in between.
    """
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute(_TAKE, {"name": name, "holder": holder, "seconds": seconds})
        row = cursor.fetchone()
    return Held(name=name, holder=holder, fence=row[0]) if row else None


def lease_is_ours(held: Held) -> bool:
    """Say whether `held` is still the lease's present state and has not expired."""
    with (
        engine_scope(read_only=True) as scope,
        connections[scope.alias].cursor() as cursor,
    ):
        cursor.execute(
            "SELECT 1 FROM tenants_lease WHERE name = %s AND holder = %s AND fence = %s "
            "AND expires_at > clock_timestamp()",
            [held.name, held.holder, held.fence],
        )
        return cursor.fetchone() is not None


def release_lease(held: Held) -> None:
    """Give the lease back now; the next holder need not wait for it to expire."""
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_lease SET expires_at = clock_timestamp() WHERE name = %s AND holder = %s AND fence = %s",
            [held.name, held.holder, held.fence],
        )
