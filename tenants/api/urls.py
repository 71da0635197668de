"""Addresses of the API that `tenants` serves, below /api/v1/."""

from rest_framework.routers import SimpleRouter

from tenants.api.customers import CustomerViewSet

router = SimpleRouter(use_regex_path=False)
router.register("customers", CustomerViewSet, basename="api-customer")

urlpatterns = router.urls
