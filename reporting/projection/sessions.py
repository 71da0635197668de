"""An agent session's events, one by one, into the agent's service record."""

from agents.public import SessionState
from reporting.models import SessionRecord
from reporting.projection.page import Logged, Page


def apply_to_session(page: Page, event: Logged) -> None:
    """Take in the next event of an agent session. Those that say nothing about its record change nothing."""
    if event.type == "agent.logged_in":
        page.session = SessionRecord(
            id=event.aggregate_id,
            tenant_id=event.tenant_id,
            agent_id=event.must("agent"),
            station_id=event.must("station"),
            profile_id=event.must("profile"),
            logged_in_at=event.occurred_at,
        )
        page.keep(page.session)
        _begin(page, event)
    elif event.type == "agent.profile_changed":
        page.known_session().profile_id = event.must("profile")
    elif event.type == "agent.state_changed":
        session = page.known_session()
        if event.data["state"] == SessionState.LOGGED_OUT:
            ended = page.end(event.occurred_at)
            session.logged_out_at = ended.ended_at if ended is not None else event.occurred_at
        else:
            _begin(page, event)


def _begin(page: Page, event: Logged) -> None:
    """Begin a stretch of what the session's state is now called: ready, not_ready, wrap_up."""
    page.begin(
        event,
        event.data["state"],
        session_id=event.aggregate_id,
        contact_id=event.ref("contact"),
        reason_id=event.ref("reason"),
    )
