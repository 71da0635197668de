"""The door of `agents`: everything that other apps may use."""

from agents.models import Agent, AgentSession, AgentSkill, NotReadyReason, Site, Skill, SkillProfile, Slot, Station, Team
from agents.models.people import CODE
from agents.services import timers as _timers  # noqa: F401 - registers the timers' handlers
from agents.services.hooks import profile_hooks, wrap_up_hooks
from agents.services.sessions import (
    back_off,
    begin_wrap_up,
    close_session,
    end_back_off,
    end_wrap_up,
    lock_sessions,
    make_not_ready,
    make_ready,
    may_take_contacts,
    plan_next,
    refresh_slots,
    touch_idle,
)
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
    "back_off",
    "begin_wrap_up",
    "close_session",
    "end_back_off",
    "end_wrap_up",
    "lock_sessions",
    "make_not_ready",
    "make_ready",
    "may_take_contacts",
    "plan_next",
    "profile_hooks",
    "refresh_slots",
    "touch_idle",
    "wrap_up_hooks",
]
