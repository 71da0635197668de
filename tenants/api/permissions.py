"""The one permission: the caller has the right that the view names for the request."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.callers import Caller


class HasRight(BasePermission):
    """Lets a caller through who has the right that the view declares (`TenantView.right`)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Caller):
            return False
        if right := view.right():
            request.auth.require(right)
        return True
