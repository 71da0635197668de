"""The agent's desk as a topic."""

from collections.abc import Collection, Hashable
from typing import ClassVar
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from agents.public import touch_presence
from routing.desk import desk_rows
from tenants.public import Caller, Change, Forbidden, Reading, Right, Topic, Viewer, db_now, tenant_scope


class DeskTopic(Topic):
    """The rows of one agent session: state, what rings, what is talked, what can be chosen. Only its agent sees them.

    As long as the desk is looked at, the agent is present.
    """

    name: ClassVar[str] = "desk"
    presence_s: ClassVar[float | None] = 15.0

    def authorise(self, caller: Caller) -> None:
        """Raise Forbidden: code "missing-right", or "no-agent-session" for somebody who sits at no desk."""
        caller.require(Right.USE_DESK)
        if caller.agent_session_id is None:
            raise Forbidden(_("You are not logged in as an agent."), code="no-agent-session")

    def audience(self, viewer: Viewer) -> Hashable:
        """Each session has its own desk; its words are in the browser's language."""
        return viewer.caller.agent_session_id, viewer.language

    def read(self, viewer: Viewer) -> Reading:
        """Read the desk; no rows at all once the session is over."""
        with tenant_scope(viewer.tenant_id, read_only=True), translation.override(viewer.language):
            return Reading(at=db_now(), rows=desk_rows(_session_of(viewer)))

    def concerns(self, change: Change, *, viewer: Viewer, shown: Collection[str]) -> bool:
        """Whatever happens to the session, to an offer of it, or to a contact that is shown."""
        session = str(viewer.caller.agent_session_id)
        return session in (change.aggregate_id, change.ids.get("agent_session")) or change.aggregate_id in shown

    def attend(self, viewer: Viewer) -> None:
        """Note that the desk is there."""
        touch_presence(tenant_id=viewer.tenant_id, session_id=_session_of(viewer))


def _session_of(viewer: Viewer) -> UUID:
    session_id = viewer.caller.agent_session_id
    if session_id is None:
        raise RuntimeError("A desk is shown to somebody without an agent session.")
    return session_id
