"""Addresses of the API that `billing` serves, below /api/v1/: an enterprise's own, and the operator's way to each."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from billing.api import corrections, leases, rates, statements

OF_TENANT = "tenants/<uuid:tenant_id>"

router = SimpleRouter(use_regex_path=False)
for name, own, of_tenant in (
    ("rate-tables", rates.RateTableViewSet, rates.TenantRateTableViewSet),
    ("rates", rates.RateViewSet, rates.TenantRateViewSet),
    ("seat-leases", leases.SeatLeaseViewSet, leases.TenantSeatLeaseViewSet),
    ("number-leases", leases.NumberLeaseViewSet, leases.TenantNumberLeaseViewSet),
    ("usage-lines", statements.UsageLineViewSet, corrections.TenantUsageLineViewSet),
    ("re-ratings", corrections.ReratingViewSet, corrections.TenantReratingViewSet),
    ("unrated-contacts", statements.UnratedViewSet, statements.TenantUnratedViewSet),
    ("unrated-outbound-calls", statements.UnratedCallViewSet, statements.TenantUnratedCallViewSet),
):
    router.register(name, own, basename=f"api-{name}")
    router.register(f"{OF_TENANT}/{name}", of_tenant, basename=f"api-tenant-{name}")

urlpatterns = [
    path("statements/", statements.StatementsView.as_view(), name="api-statements"),
    path("statements/<str:month>/", statements.StatementView.as_view(), name="api-statement"),
    path("statements/<str:month>/days/", statements.StatementDaysView.as_view(), name="api-statement-days"),
    path(f"{OF_TENANT}/statements/", statements.TenantStatementsView.as_view(), name="api-tenant-statements"),
    path(f"{OF_TENANT}/statements/<str:month>/", statements.TenantStatementView.as_view(), name="api-tenant-statement"),
    path(
        f"{OF_TENANT}/statements/<str:month>/days/",
        statements.TenantStatementDaysView.as_view(),
        name="api-tenant-statement-days",
    ),
    *router.urls,
]
