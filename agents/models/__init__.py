from agents.models.people import (
    Agent,
    AgentSkill,
    NotReadyReason,
    Site,
    Skill,
    Station,
    Team,
)
from agents.models.work import AgentSession, Reserve, SkillProfile, Slot

__all__ = [
    "Agent",
    "AgentSession",
    "AgentSkill",
    "NotReadyReason",
    "Reserve",
    "Site",
    "Skill",
    "SkillProfile",
    "Slot",
    "Station",
    "Team",
]
