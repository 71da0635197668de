"""Addresses of the API that `routing` serves, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from routing.api.backup import (
    ActivationViewSet,
    BackupPlanViewSet,
    BarredPrefixViewSet,
    TenantBackupPlanViewSet,
    TrunkViewSet,
)
from routing.api.call_backs import CallBackOutcomeView, CallBackRuleViewSet, CallBackViewSet
from routing.api.contacts import AcceptView, ContactViewSet, FinishWrapUpView, RejectView, TransferTargetsView
from routing.api.flows import FlowViewSet
from routing.api.ways import DispositionViewSet, EntryPointViewSet, QueueViewSet, RoutingPolicyViewSet
from routing.api.work_items import FinishWorkView, WorkItemViewSet

router = SimpleRouter(use_regex_path=False)
router.register("queues", QueueViewSet, basename="api-queue")
router.register("routing-policies", RoutingPolicyViewSet, basename="api-routing-policy")
router.register("dispositions", DispositionViewSet, basename="api-disposition")
router.register("entry-points", EntryPointViewSet, basename="api-entry-point")
router.register("flows", FlowViewSet, basename="api-flow")
router.register("contacts", ContactViewSet, basename="api-contact")
router.register("call-backs", CallBackViewSet, basename="api-call-back")
router.register("call-back-rules", CallBackRuleViewSet, basename="api-call-back-rule")
router.register("work-items", WorkItemViewSet, basename="api-work-item")
router.register("backup-plans", BackupPlanViewSet, basename="api-backup-plan")
router.register("backup-activations", ActivationViewSet, basename="api-backup-activation")
router.register("tenants/<uuid:tenant_id>/backup-plans", TenantBackupPlanViewSet, basename="api-tenant-backup-plan")
router.register("trunks", TrunkViewSet, basename="api-trunk")
router.register("barred-prefixes", BarredPrefixViewSet, basename="api-barred-prefix")

urlpatterns = [
    path("offers/<uuid:offer_id>/accept/", AcceptView.as_view(), name="api-accept"),
    path("offers/<uuid:offer_id>/reject/", RejectView.as_view(), name="api-reject"),
    path("agent-session/call-back-outcome/", CallBackOutcomeView.as_view(), name="api-call-back-outcome"),
    path("agent-session/wrap-up/finish/", FinishWrapUpView.as_view(), name="api-finish-wrap-up"),
    path("agent-session/work-item/finish/", FinishWorkView.as_view(), name="api-finish-work"),
    path("agent-session/transfer-targets/", TransferTargetsView.as_view(), name="api-transfer-targets"),
    *router.urls,
]
