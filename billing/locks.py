"""The locks under which a tenant's money is written. A service takes at most one of them."""

from django.db import connections

from tenants.public import current_scope


def lock_leases() -> None:
    """Of the leases, their rent and the entitlement that follows from them."""
    _lock("billing.leases")


def lock_tariffs() -> None:
    """Of the rate tables and rates: who holds it sees every price that another wrote."""
    _lock("billing.tariffs")


def lock_corrections() -> None:
    """Of the corrections: what a line comes to by now is read and changed by one at a time."""
    _lock("billing.corrections")


def _lock(name: str) -> None:
    """Take a lock of the open scope's tenant until the scope ends; later reads see what earlier holders wrote."""
    scope = current_scope()
    with connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{name} {scope.tenant_id}"])
