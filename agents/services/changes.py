"""Changing an agent who exists: whatever is given is changed in one transaction, or nothing is."""

from collections.abc import Mapping, Sequence
from types import EllipsisType
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from agents.errors import AgentHasNoSkill, AgentUnknown, ContactInProgress, FieldsInvalid
from agents.models import Agent, AgentSession, SkillProfile, Slot
from agents.services.profiles import ensure_profile
from agents.services.reserve import lock_reserve
from agents.services.sessions import KIND, close_session, lock_sessions, refresh_slots
from agents.services.setup import checked_capacity, find_skills, tell_staff_changed, write_skills
from agents.services.skill_edits import put_to_work
from agents.services.slots import find_rules, rearrange_slots
from tenants.public import db_now, record, request_match, tenant_scope, writing


def change_agent(
    *,
    tenant_id: UUID,
    agent_id: UUID,
    actor: str,
    name: str | None = None,
    password: str | None = None,
    active: bool | None = None,
    reserve: bool | None = None,
    team_id: UUID | EllipsisType | None = ...,
    skills: Mapping[str, int] | None = None,
    capacity: Mapping[str, int] | None = None,
) -> None:
    """Change what is given: name, password, `team_id` (None: no team), `active`, `reserve` (the class of agents that
    `open_reserve` calls), `skills` (code: 1 to 5; all of them), `capacity` (channel: how many contacts at once; what is
    left out is as the tenant's rules say).

    Deactivating logs the agent out. An open session works with new skills, slots, and in its class, at once; a contact
    that runs goes on.
    Raises AgentUnknown, SkillsUnknown, FieldsInvalid for a weak password or a capacity that cannot be, AgentHasNoSkill
    for an empty set while the agent is logged in, ContactInProgress while the agent to be deactivated works.
    """
    profile = None if skills is None else _prepare_profile(tenant_id, agent_id, skills, actor=actor)
    with writing(tenant_id, actor=actor):
        # A login locks the agent too: no session opens meanwhile.
        rows = Agent.objects.select_for_update(of=("self",), no_key=True).select_related("user")
        agent = rows.filter(id=agent_id).first()
        if agent is None:
            raise AgentUnknown
        sessions = _lock_open_sessions(agent, may_change_class=reserve is not None)
        if active is False:
            _log_out_all(sessions)
            sessions = []
        _write_person(agent, name=name, password=password)
        if active is not None:
            agent.active = active
        if not isinstance(team_id, EllipsisType):
            agent.team_id = team_id
        if reserve is not None:
            agent.reserve = reserve
            _change_class(sessions, reserve=reserve)
        if capacity is not None:
            agent.capacity = checked_capacity(capacity)
        agent.save(update_fields=["active", "team", "reserve", "capacity"])
        if skills is not None and profile is not None:
            _change_skills(agent, sessions, skills, profile)
        if capacity is not None:
            _change_capacity(agent, sessions)
        if skills is not None or active is not None:
            tell_staff_changed(tenant_id)


def update_agent_skills(*, tenant_id: UUID, agent_id: UUID, skills: Mapping[str, int], actor: str) -> None:
    """Replace the agent's skills, as `change_agent` does."""
    change_agent(tenant_id=tenant_id, agent_id=agent_id, skills=skills, actor=actor)


def _prepare_profile(tenant_id: UUID, agent_id: UUID, skills: Mapping[str, int], *, actor: str) -> SkillProfile:
    """Return the profile of these skills. It is made in a transaction of its own; one that nobody uses does no harm."""
    with tenant_scope(tenant_id, actor=actor, read_only=True):
        if not Agent.objects.filter(id=agent_id).exists():
            raise AgentUnknown
        find_skills(skills)
    return ensure_profile(tenant_id=tenant_id, skills=skills, actor=actor)


def _lock_open_sessions(agent: Agent, *, may_change_class: bool) -> list[AgentSession]:
    if may_change_class:
        # Before the sessions: whoever opens the reserve meanwhile would overlook those that join it.
        lock_reserve(agent.tenant_id)
    ids = AgentSession.objects.filter(agent_id=agent.id, logged_out_at__isnull=True).values_list("id", flat=True)
    return [row for row in lock_sessions(ids).values() if row.logged_out_at is None]


def _log_out_all(sessions: Sequence[AgentSession]) -> None:
    for session in sessions:
        if Slot.objects.filter(session_id=session.id, held=True).exists():
            raise ContactInProgress
        close_session(session, at=db_now())


def _change_skills(
    agent: Agent, sessions: Sequence[AgentSession], skills: Mapping[str, int], profile: SkillProfile
) -> None:
    if sessions and not skills:
        raise AgentHasNoSkill(agent.number)
    write_skills(agent, find_skills(skills), skills)
    put_to_work((session, profile) for session in sessions)


def _change_class(sessions: Sequence[AgentSession], *, reserve: bool) -> None:
    now = db_now()
    for session in sessions:
        if session.reserve == reserve:
            continue
        session.reserve = reserve
        record("agent.class_changed", session, kind=KIND, at=now, reserve=reserve)
        session.save(update_fields=["reserve", "version"])
        refresh_slots(session)
        request_match(session.tenant_id)


def _change_capacity(agent: Agent, sessions: Sequence[AgentSession]) -> None:
    # Whoever changes the rules locks the sessions too, so they are read behind that.
    rules, now = find_rules(), db_now()
    for session in sessions:
        rearrange_slots(session, agent, rules, at=now)


def _write_person(agent: Agent, *, name: str | None, password: str | None) -> None:
    if password is not None:
        _set_password(agent, password)
    if name is not None:
        agent.user.name = name
    agent.user.save(update_fields=["name", "password"])


def _set_password(agent: Agent, password: str) -> None:
    try:
        validate_password(password, agent.user)
    except ValidationError as error:
        raise FieldsInvalid({"password": error.messages}) from error
    agent.user.set_password(password)
