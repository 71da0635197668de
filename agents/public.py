"""The door of `agents`: everything that other apps may use."""

from agents.models import (
    Agent,
    AgentSession,
    AgentSkill,
    NotReadyReason,
    Site,
    Skill,
    SkillProfile,
    Slot,
    Station,
    Team,
)
from agents.models.people import CODE
from agents.states import SESSION, SessionState

__all__ = [
    "CODE",
    "SESSION",
    "Agent",
    "AgentSession",
    "AgentSkill",
    "NotReadyReason",
    "SessionState",
    "Site",
    "Skill",
    "SkillProfile",
    "Slot",
    "Station",
    "Team",
]
