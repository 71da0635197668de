"""Addresses of the API that `reporting` serves, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from reporting.api.calls import CallViewSet
from reporting.api.live import LiveView
from reporting.api.service import ServiceView
from reporting.api.system import SystemEventsView

router = SimpleRouter(use_regex_path=False)
router.register("calls", CallViewSet, basename="api-call")

urlpatterns = [
    path("live/", LiveView.as_view(), name="api-live"),
    path("service-records/", ServiceView.as_view(), name="api-service-records"),
    path("system-events/", SystemEventsView.as_view(), name="api-system-events"),
    *router.urls,
]
