"""Addresses of the API: each app's own, the OpenAPI document, and a problem for all others."""

from __future__ import annotations

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from tenants.api.problems import unknown_address

# Swagger UI sets style attributes and draws its icons from data: addresses; its scripts are files of ours.
docs = csp_update({"style-src": [UNSAFE_INLINE], "img-src": ["data:"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema", authentication_classes=[], permission_classes=[])
)
schema = SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[])

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/schema/", schema, name="api-schema"),
    path("v1/docs/", docs, name="api-docs"),
    path("v1/", include("tenants.api.urls")),
    path("v1/", include("agents.api.urls")),
    path("v1/", include("routing.api.urls")),
    path("v1/", include("reporting.api.urls")),
    path("v1/", include("billing.api.urls")),
    re_path(r"^(?P<rest>.*)$", unknown_address),
]
