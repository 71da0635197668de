"""Addresses of the API that `routing` serves, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from routing.api.contacts import AcceptView, ContactViewSet, FinishWrapUpView, RejectView
from routing.api.flows import FlowViewSet
from routing.api.ways import DispositionViewSet, EntryPointViewSet, QueueViewSet

router = SimpleRouter(use_regex_path=False)
router.register("queues", QueueViewSet, basename="api-queue")
router.register("dispositions", DispositionViewSet, basename="api-disposition")
router.register("entry-points", EntryPointViewSet, basename="api-entry-point")
router.register("flows", FlowViewSet, basename="api-flow")
router.register("contacts", ContactViewSet, basename="api-contact")

urlpatterns = [
    path("offers/<uuid:offer_id>/accept/", AcceptView.as_view(), name="api-accept"),
    path("offers/<uuid:offer_id>/reject/", RejectView.as_view(), name="api-reject"),
    path("agent-session/wrap-up/finish/", FinishWrapUpView.as_view(), name="api-finish-wrap-up"),
    *router.urls,
]
