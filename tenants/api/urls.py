"""Addresses of the API that `tenants` serves, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from tenants.api.access import ApiKeyViewSet, MemberViewSet
from tenants.api.customers import CustomerViewSet
from tenants.api.tenancy import CallerView, NumberViewSet, TenantViewSet

router = SimpleRouter(use_regex_path=False)
router.register("tenants", TenantViewSet, basename="api-tenant")
router.register("numbers", NumberViewSet, basename="api-number")
router.register("members", MemberViewSet, basename="api-member")
router.register("api-keys", ApiKeyViewSet, basename="api-key")
router.register("customers", CustomerViewSet, basename="api-customer")

urlpatterns = [path("me/", CallerView.as_view(), name="api-me"), *router.urls]
