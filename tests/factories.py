"""Committed test data, made in scopes of its own. Numbers and codes never repeat within a process.

Every function returns the saved row; call them outside any scope. Telephone numbers are from ranges kept for fiction.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import UUID

from agents.public import (
    AccountAgent,
    Agent,
    AgentSession,
    NotReadyReason,
    Site,
    Skill,
    Slot,
    Station,
    Team,
    create_agent,
    create_station,
    log_in_agent,
    set_ready,
)
from routing.models import EntryPoint, Flow, FlowVersion, Queue
from routing.steps import codes_of
from tenants.public import (
    CSP_TENANT_ID,
    Customer,
    Entitlement,
    Membership,
    Number,
    Role,
    Tenant,
    User,
    tenant_scope,
)

PASSWORD = "correct-Horse-7"
ACTOR = "user:test"
SKILLS: Mapping[str, int] = {"english": 3}

_numbers = count(1)


def unique() -> int:
    """Return a number that this process has not used."""
    return next(_numbers)


def make_tenant(*, slug: str = "", name: str = "", seats: int | None = 100, **fields: Any) -> Tenant:
    """An enterprise with `seats` rented seats (None: no entitlement at all)."""
    slug = slug or f"acme{unique()}"
    with tenant_scope(CSP_TENANT_ID):
        tenant = Tenant.objects.create(slug=slug, name=name or slug.title(), **fields)
    if seats is not None:
        entitle(tenant, seats=seats)
    return tenant


def entitle(tenant: Tenant, *, seats: int) -> Entitlement:
    """Let the tenant use so many seats at once."""
    with tenant_scope(tenant.id):
        row: Entitlement
        row, _ = Entitlement.objects.update_or_create(kind=Entitlement.Kind.SEATS, defaults={"limit": seats})
    return row


def make_person(
    tenant: Tenant, *, role: str = Role.ADMINISTRATOR, name: str = "Alice", email: str = "", password: str = PASSWORD
) -> User:
    """A person with a membership in the tenant, who signs in by e-mail address."""
    with tenant_scope(tenant.id):
        user = User.objects.create_user(email or f"person{unique()}@example.com", password, name=name)
        Membership.objects.create(user=user, role=role)
    return user


def make_skill(tenant: Tenant, code: str = "", name: str = "") -> Skill:
    """A skill; the one with that code if there is one."""
    code = code or f"skill{unique()}"
    with tenant_scope(tenant.id):
        row: Skill
        row, _ = Skill.objects.get_or_create(code=code, defaults={"name": name or code.title()})
    return row


def make_team(tenant: Tenant, name: str = "") -> Team:
    """A team of agents."""
    with tenant_scope(tenant.id):
        row: Team = Team.objects.create(name=name or f"Team {unique()}")
    return row


def make_agent(
    tenant: Tenant,
    *,
    number: str = "",
    name: str = "Bob",
    skills: Mapping[str, int] = SKILLS,
    password: str = PASSWORD,
    team: Team | None = None,
) -> Agent:
    """An agent who can log in, with skills that are made as needed."""
    for code in skills:
        make_skill(tenant, code)
    return create_agent(
        tenant_id=tenant.id,
        number=number or str(7000 + unique()),
        name=name,
        password=password,
        skills=skills,
        team_id=team.id if team else None,
        actor=ACTOR,
    )


def make_site(tenant: Tenant, name: str = "Main house") -> Site:
    """A site; the one with that name if there is one."""
    with tenant_scope(tenant.id):
        row: Site
        row, _ = Site.objects.get_or_create(name=name)
    return row


def make_station(
    tenant: Tenant,
    *,
    extension: str = "",
    ip_address: str | None = None,
    reachable: bool = True,
    site: Site | None = None,
    answer_mode: str = Station.AnswerMode.PHONE,
) -> Station:
    """A station whose phone is registered unless `reachable` is False."""
    site = site or make_site(tenant)
    station = create_station(
        tenant_id=tenant.id,
        site_id=site.id,
        extension=extension or str(1000 + unique()),
        ip_address=ip_address,
        answer_mode=answer_mode,
        actor=ACTOR,
    )
    if reachable:
        with tenant_scope(tenant.id):
            Station.objects.filter(id=station.id).update(reachable=True)
        station.reachable = True
    return station


def make_reason(tenant: Tenant, name: str = "Lunch", *, active: bool = True) -> NotReadyReason:
    """A reason that agents may give."""
    with tenant_scope(tenant.id):
        row: NotReadyReason = NotReadyReason.objects.create(name=name, active=active)
    return row


def make_session(
    tenant: Tenant,
    *,
    agent: Agent | None = None,
    station: Station | None = None,
    skills: Mapping[str, int] = SKILLS,
    ready: bool = False,
    password: str = PASSWORD,
) -> AgentSession:
    """An agent logged in at a station, not ready unless `ready`; both are made as needed."""
    agent = agent or make_agent(tenant, skills=skills, password=password)
    station = station or make_station(tenant)
    session = log_in_agent(
        tenant_id=tenant.id, number=agent.number, password=password, ip_address="", extension=station.extension
    )
    if ready:
        session = set_ready(tenant_id=tenant.id, session_id=session.id, actor=ACTOR)
    return session


def slot_of(session: AgentSession) -> Slot:
    """The session's slot as it is now."""
    with tenant_scope(session.tenant_id, read_only=True):
        row: Slot = Slot.objects.get(session_id=session.id)
    return row


def reread(session: AgentSession) -> AgentSession:
    """The session as it is now, with its reason."""
    with tenant_scope(session.tenant_id, read_only=True):
        row: AgentSession = AgentSession.objects.select_related("reason", "next_reason", "profile").get(id=session.id)
    return row


def make_number(tenant: Tenant, *, e164: str = "", kind: str = Number.Kind.PRIVATE, label: str = "") -> Number:
    """A telephone number leased to the tenant (with tenant zero and PUBLIC: one of the provider's own)."""
    with tenant_scope(tenant.id):
        row: Number = Number.objects.create(e164=e164 or f"+44207946{unique():04d}", kind=kind, label=label)
    return row


def make_customer(tenant: Tenant, *, name: str = "王小明", phone: str = "", **fields: Any) -> Customer:
    """A customer whom the tenant knows by telephone number."""
    with tenant_scope(tenant.id):
        row: Customer = Customer.objects.create(name=name, phone=phone or f"+44770090{unique():04d}", **fields)
    return row


def make_account_agent(tenant: Tenant, *, customer: Customer | None = None, agent: Agent | None = None) -> UUID:
    """An agent who looks after a customer; both are made as needed. Returns its id."""
    customer, agent = customer or make_customer(tenant), agent or make_agent(tenant)
    with tenant_scope(tenant.id, actor=ACTOR):
        row: AccountAgent = AccountAgent.objects.create(customer=customer, agent=agent)
    return row.id


def make_queue(tenant: Tenant, *, code: str = "", requires: Mapping[str, int] | str = SKILLS, **fields: Any) -> Queue:
    """A queue that needs these skills, all of them or by an expression; they are made as needed."""
    if not isinstance(requires, str):
        requires = " & ".join(f"{skill} >= {level}" for skill, level in requires.items())
    for place in codes_of(requires, fields.get("steps", [])).values():
        for skill in sorted(place):
            make_skill(tenant, skill)
    code = code or f"queue{unique()}"
    with tenant_scope(tenant.id):
        row: Queue = Queue.objects.create(code=code, name=fields.pop("name", code.title()), requires=requires, **fields)
    return row


def make_flow(tenant: Tenant, definition: Mapping[str, Any], *, code: str = "") -> Flow:
    """A flow with `definition` published as its version 1. The definition is not validated here."""
    code = code or f"flow{unique()}"
    with tenant_scope(tenant.id):
        row: Flow = Flow.objects.create(code=code, name=code.title())
        row.published = FlowVersion.objects.create(flow=row, number=1, definition=dict(definition), created_by=ACTOR)
        row.save(update_fields=["published"])
    return row


def queue_flow(queue: Queue) -> dict[str, Any]:
    """The definition of a flow that puts every caller into the queue, unanswered."""
    return {"schema": 1, "start": "queue", "nodes": {"queue": {"type": "queue", "queue": queue.code}}}


def make_entry_point(
    tenant: Tenant, *, flow: Flow, number: Number | None = None, code: str = "", public: bool = False, **fields: Any
) -> EntryPoint:
    """A service that callers reach by `number`, or from the public number when `public`."""
    code = code or f"service{unique()}"
    with tenant_scope(tenant.id):
        row: EntryPoint = EntryPoint.objects.create(
            code=code, name=fields.pop("name", code.title()), flow=flow, number=number, public=public, **fields
        )
    return row


def make_private_line(tenant: Tenant, *, queue: Queue | None = None, **fields: Any) -> EntryPoint:
    """A private number that leads straight into a queue (of its own unless given)."""
    queue = queue or make_queue(tenant)
    return make_entry_point(tenant, flow=make_flow(tenant, queue_flow(queue)), number=make_number(tenant), **fields)
