"""Making an enterprise's people: members, agents, skills, teams, sites and stations."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from agents.public import (
    Agent,
    NotReadyReason,
    Site,
    Skill,
    Station,
    Team,
    create_agent,
    create_station,
    prepare_tenant,
)
from config.demo.passwords import Secrets
from config.demo.plan import EnterprisePlan, PersonPlan
from tenants.public import ApiKey, Customer, Membership, User, tenant_scope
from tenants.services.keys import create_api_key
from tenants.services.people import Person, add_member

ACTOR = "system"
KEY_NAME = "demo"


def person(plan: PersonPlan, secrets: Secrets) -> Person:
    """Somebody of the plan, with their password."""
    return Person(email=plan.email, name=plan.name, password=secrets.password(plan.email))


def make_member(tenant_id: UUID, plan: PersonPlan, secrets: Secrets) -> None:
    """Let somebody be a member, unless they are."""
    with tenant_scope(tenant_id, actor=ACTOR):
        is_member = Membership.objects.filter(user__email=plan.email).exists()
        if not secrets.knows(plan.email):
            _set_passwords(dict.fromkeys(User.objects.filter(email=plan.email), plan.email), secrets)
    if not is_member:
        add_member(tenant_id=tenant_id, person=person(plan, secrets), role=plan.role, actor=ACTOR)


def _set_passwords(names: Mapping[User, str], secrets: Secrets) -> None:
    """Give people new passwords whose old ones nobody knows: the story that told them is lost."""
    for user, name in names.items():
        user.set_password(secrets.password(name))
        user.save(update_fields=["password"])


def _tell_agents_passwords(plan: EnterprisePlan, secrets: Secrets) -> None:
    planned = {agent.number: f"{plan.slug}/{agent.number}" for agent in plan.agents}
    unknown = [number for number, name in planned.items() if not secrets.knows(name)]
    rows = Agent.objects.select_related("user").filter(number__in=unknown)
    _set_passwords({row.user: planned[row.number] for row in rows}, secrets)


def make_staff(tenant_id: UUID, plan: EnterprisePlan, secrets: Secrets) -> None:
    """Make what is missing of people, skills, teams, sites, stations, reasons and customers."""
    for member in plan.people:
        make_member(tenant_id, member, secrets)
    prepare_tenant(tenant_id=tenant_id, actor=ACTOR)
    with tenant_scope(tenant_id, actor=ACTOR):
        for code, name in plan.skills.items():
            Skill.objects.get_or_create(code=code, defaults={"name": name})
        teams = {name: Team.objects.get_or_create(name=name)[0].id for name in plan.teams}
        sites = {name: Site.objects.get_or_create(name=name)[0].id for name in plan.sites}
        for name in plan.reasons:
            NotReadyReason.objects.get_or_create(name=name)
        for customer in plan.customers:
            Customer.objects.get_or_create(
                phone=customer.phone,
                defaults={"name": customer.name, "segment": customer.segment, "language": plan.language},
            )
        _tell_agents_passwords(plan, secrets)
        numbers = set(Agent.objects.values_list("number", flat=True))
        extensions = set(Station.objects.values_list("extension", flat=True))
    for agent in plan.agents:
        if agent.number not in numbers:
            create_agent(
                tenant_id=tenant_id,
                number=agent.number,
                name=agent.name,
                password=secrets.password(f"{plan.slug}/{agent.number}"),
                skills=agent.skills,
                team_id=teams[agent.team],
                actor=ACTOR,
            )
    for station in plan.stations:
        if station.extension not in extensions:
            create_station(
                tenant_id=tenant_id,
                site_id=sites[station.site],
                extension=station.extension,
                endpoint=plan.endpoint(station.extension),
                ip_address=station.ip_address,
                answer_mode=station.answer_mode,
                actor=ACTOR,
            )


def make_key(tenant_id: UUID, slug: str, role: str, secrets: Secrets) -> None:
    """Make an API key unless the one that is kept still opens something."""
    name = f"{slug}/api_key"
    prefix = secrets.get(name).partition(".")[0]
    with tenant_scope(tenant_id, read_only=True):
        opens = ApiKey.objects.filter(prefix=prefix, revoked_at__isnull=True).exists()
    if not opens:
        secrets.keep(name, create_api_key(tenant_id=tenant_id, name=KEY_NAME, role=role, actor=ACTOR).token)
