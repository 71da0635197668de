"""Content-Security-Policy: strict, and looser only where a library's own pages need it."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# django-unfold's pages use Alpine's evaluating build and style attributes.
ADMIN = "/admin/"
ADMIN_DIFFERENCES = {"script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]}


class ContentPolicy(CSPMiddleware):
    """The site's policy, with the administration's differences on its own pages."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """The policy's parts for one response."""
        parts = super().get_policy_parts(request, response, report_only)
        if request.path.startswith(ADMIN) and parts.replace is None:
            parts.replace = dict(ADMIN_DIFFERENCES)
        return parts
