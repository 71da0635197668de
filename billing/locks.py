"""The lock under which a tenant's leases, their rent and the entitlement that follows from them are written."""

from django.db import connections

from tenants.public import current_scope


def lock_leases() -> None:
    """Take the open scope's tenant's lease lock until the scope ends; later reads see what earlier holders wrote."""
    scope = current_scope()
    with connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"billing.leases {scope.tenant_id}"])
