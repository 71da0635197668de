"""Changing an agent who exists."""

from types import EllipsisType
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from agents.errors import AgentUnknown, FieldsInvalid
from agents.models import Agent
from agents.selectors import open_session_of_agent
from agents.services.login import log_out
from tenants.public import tenant_scope, writing


def change_agent(
    *,
    tenant_id: UUID,
    agent_id: UUID,
    actor: str,
    name: str | None = None,
    password: str | None = None,
    active: bool | None = None,
    team_id: UUID | EllipsisType | None = ...,
) -> None:
    """Change what is given: name, password, `team_id` (None: no team), `active`. Deactivating logs the agent out first.

    Raises AgentUnknown, FieldsInvalid for a weak password, ContactInProgress while the agent to be deactivated works.
    """
    if active is False:
        _log_out_agent(tenant_id, agent_id, actor=actor)
    with writing(tenant_id, actor=actor):
        agent = Agent.objects.select_for_update(of=("self",)).select_related("user").filter(id=agent_id).first()
        if agent is None:
            raise AgentUnknown
        if password is not None:
            _set_password(agent, password)
        if name is not None:
            agent.user.name = name
        agent.user.save(update_fields=["name", "password"])
        if active is not None:
            agent.active = active
        if not isinstance(team_id, EllipsisType):
            agent.team_id = team_id
        agent.save(update_fields=["active", "team"])


def _log_out_agent(tenant_id: UUID, agent_id: UUID, *, actor: str) -> None:
    with tenant_scope(tenant_id, actor=actor, read_only=True):
        session = open_session_of_agent(agent_id)
    if session is not None:
        log_out(tenant_id=tenant_id, session_id=session.id, actor=actor)


def _set_password(agent: Agent, password: str) -> None:
    try:
        validate_password(password, agent.user)
    except ValidationError as error:
        raise FieldsInvalid({"password": error.messages}) from error
    agent.user.set_password(password)
