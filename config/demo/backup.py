"""Making the demo's backup routes: a trunk, and for each enterprise's numbers a mobile and an announcement."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from config.demo.plan import EnterprisePlan
from config.demo.staff import ACTOR
from routing.models import BackupPlan, Trunk
from routing.public import RouteDraft, save_plan
from tenants.public import CSP_TENANT_ID, Number, tenant_scope

TRUNK = "trunk"
MOBILE = "+447700900999"
CLOSED = {
    "en": "We are sorry: nobody can take your call just now. Please call again later.",
    "zh-hans": "抱歉，目前无人能接听您的来电，请稍后再拨。",
}


def make_trunk() -> None:
    """Make the provider's trunk, unless it has one; the exchange has an endpoint of that name."""
    with tenant_scope(CSP_TENANT_ID, actor=ACTOR):
        Trunk.objects.get_or_create(name=TRUNK, node=settings.HOTSEAT_NODE)


def make_backups(tenant_id: UUID, plan: EnterprisePlan) -> None:
    """Make a backup plan for each number that has none."""
    called = [service.e164 for service in plan.services if service.e164 is not None]
    with tenant_scope(tenant_id, read_only=True):
        bare = Number.objects.filter(e164__in=called).exclude(id__in=BackupPlan.objects.values("number_id"))
        numbers = list(bare.values_list("id", flat=True))
    for number_id in numbers:
        routes = [RouteDraft(kind="dial", destination=MOBILE), RouteDraft(kind="announce", announcement=CLOSED)]
        save_plan(tenant_id=tenant_id, number_id=number_id, rules={}, routes=routes, actor=ACTOR)
