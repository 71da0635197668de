"""Making and changing agents and stations."""

import re
from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from agents.errors import (
    AgentHasNoSkill,
    AgentUnknown,
    FieldsInvalid,
    NumberTaken,
    SiteUnknown,
    SkillsUnknown,
    StationExists,
)
from agents.models import Agent, AgentSession, AgentSkill, Site, Skill, Slot, Station, Team
from agents.services.profiles import ensure_profile
from agents.services.sessions import KIND, lock_sessions
from tenants.public import Membership, Role, Tenant, User, db_now, record, request_match, tenant_scope

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
) -> Agent:
    """Register a person as an agent, who logs in with number and password and works with these skills (code: 1 to 5).

    Raises FieldsInvalid (also for a weak password), SkillsUnknown, NumberTaken.
    """
    try:
        with tenant_scope(tenant_id, actor=actor):
            rows = _skill_rows(skills)
            user = User(name=name)
            agent = Agent(user=user, number=number)
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
            _write_skills(agent, rows, skills)
    except IntegrityError as error:
        if "agent_number_once" not in str(error):
            raise
        raise NumberTaken(number) from error
    return agent


def update_agent_skills(*, tenant_id: UUID, agent_id: UUID, skills: Mapping[str, int], actor: str) -> None:
    """Replace the agent's skills (code: 1 to 5); an open session works with the new ones at once.

    A contact that runs goes on. Raises AgentUnknown, SkillsUnknown, and AgentHasNoSkill for an empty set while the
    agent is logged in.
    """
    with tenant_scope(tenant_id, actor=actor, read_only=True):
        if not Agent.objects.filter(id=agent_id).exists():
            raise AgentUnknown
        _skill_rows(skills)
    profile = ensure_profile(tenant_id=tenant_id, skills=skills, actor=actor)
    with tenant_scope(tenant_id, actor=actor):
        agent = Agent.objects.select_for_update(no_key=True).get(id=agent_id)
        open_ids = AgentSession.objects.filter(agent_id=agent_id, logged_out_at__isnull=True)
        locked = lock_sessions(open_ids.values_list("id", flat=True))
        sessions = [row for row in locked.values() if row.logged_out_at is None]
        if sessions and not skills:
            raise AgentHasNoSkill(agent.number)
        _write_skills(agent, _skill_rows(skills), skills)
        now = db_now()
        for session in sessions:
            if session.profile_id == profile.id:
                continue
            session.profile = profile
            record("agent.profile_changed", session, kind=KIND, at=now, profile=str(profile.id))
            session.save(update_fields=["profile", "version"])
            Slot.objects.filter(session_id=session.id).update(profile=profile)
            request_match(tenant_id)


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


def _skill_rows(skills: Mapping[str, int]) -> dict[str, Skill]:
    rows = {row.code: row for row in Skill.objects.filter(code__in=list(skills))}
    errors = {code: "unknown" for code in skills if code not in rows}
    errors |= {code: "1 to 5" for code, level in skills.items() if type(level) is not int or not 1 <= level <= 5}
    if errors:
        raise SkillsUnknown(errors)
    return rows


def _write_skills(agent: Agent, rows: Mapping[str, Skill], skills: Mapping[str, int]) -> None:
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
