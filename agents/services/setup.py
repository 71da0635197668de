"""Making agents and stations."""

import re
from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from agents.channels import check_capacity
from agents.errors import FieldsInvalid, NumberTaken, SiteUnknown, SkillsUnknown, StationExists
from agents.models import Agent, AgentSkill, Site, Skill, Station, Team
from agents.services.hooks import staff_hooks
from tenants.public import Membership, Role, Tenant, User, tenant_scope

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def create_agent(
    *,
    tenant_id: UUID,
    number: str,
    name: str,
    password: str,
    skills: Mapping[str, int],
    actor: str,
    team_id: UUID | None = None,
    reserve: bool = False,
    capacity: Mapping[str, int] | None = None,
) -> Agent:
    """Register a person as an agent, who logs in with number and password and works with these skills (code: 1 to 5);
    of the `reserve` they take part only while that is open. `capacity` is as `change_agent` takes it.

    Raises FieldsInvalid (also for a weak password), SkillsUnknown, NumberTaken.
    """
    try:
        with tenant_scope(tenant_id, actor=actor):
            rows = find_skills(skills)
            user = User(name=name)
            agent = Agent(user=user, number=number, reserve=reserve, capacity=checked_capacity(capacity or {}))
            if team_id is not None and not Team.objects.filter(id=team_id).exists():
                raise FieldsInvalid({"team": ["unknown"]})
            agent.team_id = team_id
            _check(user, exclude={"password", "email"})
            _check(agent, exclude={"user", "team", "tenant"})
            _check_password(password, user)
            user.set_password(password)
            user.save(force_insert=True)
            Membership.objects.create(user=user, role=Role.AGENT)
            agent.user = user
            agent.save(force_insert=True)
            write_skills(agent, rows, skills)
            tell_staff_changed(tenant_id)
    except IntegrityError as error:
        if "agent_number_once" not in str(error):
            raise
        raise NumberTaken(number) from error
    return agent


def create_station(
    *,
    tenant_id: UUID,
    site_id: UUID,
    extension: str,
    actor: str,
    endpoint: str = "",
    ip_address: str | None = None,
    answer_mode: str = Station.AnswerMode.PHONE,
) -> Station:
    """Add a seat with a phone. Without `endpoint` it is "<tenant's code>-<extension>".

    Raises SiteUnknown, FieldsInvalid, StationExists.
    """
    try:
        with tenant_scope(tenant_id, actor=actor):
            if not Site.objects.filter(id=site_id).exists():
                raise SiteUnknown
            endpoint = endpoint or f"{Tenant.objects.get(id=tenant_id).slug}-{extension}"
            station = Station(
                site_id=site_id, extension=extension, ip_address=ip_address, endpoint=endpoint, answer_mode=answer_mode
            )
            _check(station, exclude={"site", "tenant"})
            station.save(force_insert=True)
    except IntegrityError as error:
        raise StationExists(extension=extension, ip_address=ip_address, endpoint=endpoint) from error
    return station


def find_skills(skills: Mapping[str, int]) -> dict[str, Skill]:
    """Return the open scope's skills by code; raise SkillsUnknown for codes it lacks and levels beyond 1 to 5."""
    rows = {row.code: row for row in Skill.objects.filter(code__in=list(skills))}
    errors = {code: "unknown" for code in skills if code not in rows}
    errors |= {code: "1 to 5" for code, level in skills.items() if type(level) is not int or not 1 <= level <= 5}
    if errors:
        raise SkillsUnknown(errors)
    return rows


def checked_capacity(capacity: Mapping[str, int]) -> dict[str, int]:
    """Return a capacity of an agent's own; raise FieldsInvalid when it cannot be."""
    try:
        check_capacity(capacity)
    except ValidationError as error:
        raise FieldsInvalid({"capacity": error.messages}) from error
    return dict(capacity)


def tell_staff_changed(tenant_id: UUID) -> None:
    """Run the hooks of whoever must know that agents, or what they can, have changed. In the change's scope."""
    for hook in staff_hooks:
        hook(tenant_id)


def write_skills(agent: Agent, rows: Mapping[str, Skill], skills: Mapping[str, int]) -> None:
    """Make these the agent's skills, in the caller's open scope."""
    AgentSkill.objects.filter(agent_id=agent.id).exclude(skill__code__in=list(skills)).delete()
    for code, proficiency in sorted(skills.items()):
        AgentSkill.objects.update_or_create(agent=agent, skill=rows[code], defaults={"proficiency": proficiency})


def _check(thing: User | Agent | Station, *, exclude: set[str]) -> None:
    errors: dict[str, list[str]] = {}
    try:
        thing.clean_fields(exclude=exclude)
    except ValidationError as error:
        errors = error.message_dict
    for name, value in vars(thing).items():
        # PostgreSQL refuses a NUL, and a line's end passes the validators' "$".
        if name not in exclude | errors.keys() and isinstance(value, str) and _CONTROL.search(value):
            errors[name] = [_("Control characters are not allowed.")]
    if errors:
        raise FieldsInvalid(errors)


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise FieldsInvalid({"password": error.messages}) from error
