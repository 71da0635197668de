"""Addresses of the API that `billing` serves, below /api/v1/: an enterprise's own, and the operator's way to each."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from billing.api import leases, rates, statements

OF_TENANT = "tenants/<uuid:tenant_id>"

router = SimpleRouter(use_regex_path=False)
for name, own, of_tenant in (
    ("rate-tables", rates.RateTableViewSet, rates.TenantRateTableViewSet),
    ("rates", rates.RateViewSet, rates.TenantRateViewSet),
    ("seat-leases", leases.SeatLeaseViewSet, leases.TenantSeatLeaseViewSet),
    ("number-leases", leases.NumberLeaseViewSet, leases.TenantNumberLeaseViewSet),
    ("usage-lines", statements.UsageLineViewSet, statements.TenantUsageLineViewSet),
    ("unrated-contacts", statements.UnratedViewSet, statements.TenantUnratedViewSet),
):
    router.register(name, own, basename=f"api-{name}")
    router.register(f"{OF_TENANT}/{name}", of_tenant, basename=f"api-tenant-{name}")

urlpatterns = [
    path("statements/", statements.StatementsView.as_view(), name="api-statements"),
    path("statements/<str:month>/", statements.StatementView.as_view(), name="api-statement"),
    path(f"{OF_TENANT}/statements/", statements.TenantStatementsView.as_view(), name="api-tenant-statements"),
    path(f"{OF_TENANT}/statements/<str:month>/", statements.TenantStatementView.as_view(), name="api-tenant-statement"),
    *router.urls,
]
