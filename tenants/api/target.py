"""The operator's way to what is one enterprise's: the tenant stands in the address."""

from dataclasses import replace
from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from tenants.api.views import TenantView
from tenants.callers import Caller
from tenants.models import CSP_TENANT_ID, Tenant
from tenants.rights import Right
from tenants.scope import tenant_scope


class OfTenant(TenantView):
    """A mixin, first in the bases: the view works in the tenant `tenant_id` of the address, not in the caller's own.

    Rights are checked on the real caller, and must be such that only the operator has them.
    """

    read_right = Right.READ_TENANTS
    target: Tenant

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        with tenant_scope(CSP_TENANT_ID, read_only=True):
            self.target = get_object_or_404(Tenant, pk=kwargs["tenant_id"])

    @property
    def caller(self) -> Caller:
        return replace(super().caller, tenant=self.target)
