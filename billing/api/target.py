"""The operator's way to one enterprise's money."""

from typing import Any

from tenants.api.public import OfTenant as AnyOfTenant
from tenants.public import Right


class OfTenant(AnyOfTenant):
    """A mixin, first in the bases: what is written here is the operator's to write."""

    write_right = Right.WRITE_RATES

    @property
    def whose(self) -> dict[str, Any]:
        """What every service of this tenant's money is told: whose it is, and who asks."""
        return {"tenant_id": self.caller.tenant_id, "actor": self.caller.actor}
