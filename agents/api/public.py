"""The door of `agents` for API views of the apps above."""

from agents.api.session import AgentSessionSerializer, DeskView, session_data

__all__ = ["AgentSessionSerializer", "DeskView", "session_data"]
