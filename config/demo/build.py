"""Making the demo in the database: only what is missing, so that it may run at every start."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from config.demo.backup import make_backups, make_trunk
from config.demo.enterprises import OPERATOR, PUBLIC_NUMBER
from config.demo.flows import public_menu
from config.demo.money import SPARE_SEATS, make_money
from config.demo.passwords import Secrets
from config.demo.plan import EnterprisePlan, ServicePlan
from config.demo.staff import ACTOR, make_key, make_member, make_staff, person
from config.demo.ways import make_service, make_ways
from tenants.public import CSP_TENANT_ID, Role, find_tenant
from tenants.services.tenancy import create_tenant

PROVIDER_SLUG = "provider"


def build(enterprises: Sequence[EnterprisePlan], secrets: Secrets) -> dict[str, UUID]:
    """Make the provider's side and the enterprises; returns the tenants' ids by code."""
    ids = {plan.slug: _build_enterprise(plan, secrets) for plan in enterprises}
    make_member(CSP_TENANT_ID, OPERATOR, secrets)
    make_trunk()
    make_service(CSP_TENANT_ID, public_service(enterprises))
    make_key(CSP_TENANT_ID, PROVIDER_SLUG, Role.OPERATOR, secrets)
    return {PROVIDER_SLUG: CSP_TENANT_ID, **ids}


def public_service(enterprises: Sequence[EnterprisePlan]) -> ServicePlan:
    """The provider's public number with its menu of enterprises."""
    choices = [
        (plan.menu_key, plan.slug, service.code, service.name)
        for plan in enterprises
        for service in plan.services
        if service.public
    ]
    return ServicePlan(
        code="public", name="Public number", e164=PUBLIC_NUMBER, definition=public_menu(choices), language="en"
    )


def _build_enterprise(plan: EnterprisePlan, secrets: Secrets) -> UUID:
    tenant = find_tenant(plan.slug) or create_tenant(
        slug=plan.slug,
        name=plan.name,
        administrator=person(plan.people[0], secrets),
        seats=len(plan.agents) + SPARE_SEATS,
        time_zone=plan.time_zone,
        language=plan.language,
        currency=plan.currency,
        actor=ACTOR,
    )
    make_staff(tenant.id, plan, secrets)
    make_ways(tenant.id, plan)
    make_backups(tenant.id, plan)
    make_money(tenant.id, plan)
    make_key(tenant.id, plan.slug, Role.ADMINISTRATOR, secrets)
    return tenant.id
