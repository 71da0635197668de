from agents.models.people import (
    AccountAgent,
    Agent,
    AgentSkill,
    NotReadyReason,
    Site,
    Skill,
    Station,
    Team,
)
from agents.models.work import AgentSession, ChannelRules, Reserve, SkillProfile, Slot

__all__ = [
    "AccountAgent",
    "Agent",
    "AgentSession",
    "AgentSkill",
    "ChannelRules",
    "NotReadyReason",
    "Reserve",
    "Site",
    "Skill",
    "SkillProfile",
    "Slot",
    "Station",
    "Team",
]
