"""An agent signed in with a browser: one open agent session, kept in the browser's session."""

from uuid import UUID

from django.contrib.auth import login
from django.http import HttpRequest

from agents.models import AgentSession
from tenants.public import LOGIN_BACKEND, TENANT_KEY, Caller, Role, caller_finder, session_id, tenant_scope

SESSION_KEY = "agent_session_id"
AGENT_KEY = "agent_id"


@caller_finder
def find_agent(request: HttpRequest) -> Caller | None:
    """Return the agent whose session this browser holds, as long as that is open and the agent active."""
    tenant_id, agent_session_id = (session_id(request, key) for key in (TENANT_KEY, SESSION_KEY))
    if tenant_id is None or agent_session_id is None:
        return None
    with tenant_scope(tenant_id, read_only=True):
        session = (
            AgentSession.objects.select_related("tenant", "agent__user")
            .filter(id=agent_session_id, logged_out_at__isnull=True, agent__active=True, agent__user__is_active=True)
            .first()
        )
    if session is None:
        return None
    return Caller(
        tenant=session.tenant,
        role=Role.AGENT,
        actor=f"agent:{session.agent_id}",
        user=session.agent.user,
        agent_id=session.agent_id,
        agent_session_id=session.id,
    )


def sign_in_agent(request: HttpRequest, *, tenant_id: UUID, session: AgentSession) -> None:
    """Bind the browser to an agent session that was just opened. Whoever was signed in before is out."""
    with tenant_scope(tenant_id, read_only=True):
        user = AgentSession.objects.select_related("agent__user").get(id=session.id).agent.user
    request.session.flush()
    login(request, user, backend=LOGIN_BACKEND)
    request.session[TENANT_KEY] = str(tenant_id)
    request.session[SESSION_KEY] = str(session.id)
    request.session[AGENT_KEY] = str(session.agent_id)
