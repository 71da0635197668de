"""The door of `agents`: everything that other apps may use."""

from agents.channels import Channel
from agents.models import (
    AccountAgent,
    Agent,
    AgentSession,
    AgentSkill,
    ChannelRules,
    NotReadyReason,
    Reserve,
    Site,
    Skill,
    SkillProfile,
    Slot,
    Station,
    Team,
)
from agents.models.people import CODE
from agents.selectors import (
    choosable_reasons,
    free_stations,
    open_session_of_user,
    open_sessions,
    skill_sets,
)
from agents.services import timers as _timers  # noqa: F401 - registers the timers' handlers
from agents.services.availability import LONGEST_WRAP_UP, extend_wrap_up, set_not_ready, set_ready
from agents.services.changes import change_agent, update_agent_skills
from agents.services.hooks import profile_hooks, skill_removal_hooks, staff_hooks, wrap_up_hooks
from agents.services.login import log_in_agent, log_out
from agents.services.mend import mend_sessions
from agents.services.presence import mark_endpoint, sweep_presence, touch_presence
from agents.services.profiles import ensure_profile, profile_key
from agents.services.reasons import ensure_system_reasons, prepare_tenant
from agents.services.reserve import close_reserve, open_reserve
from agents.services.sessions import (
    back_off,
    begin_wrap_up,
    close_session,
    end_back_off,
    end_wrap_up,
    free_slot,
    hold_slots,
    lock_sessions,
    make_not_ready,
    make_ready,
    may_take_contacts,
    plan_next,
    refresh_slots,
    touch_idle,
)
from agents.services.setup import create_agent, create_station
from agents.services.slots import change_channel_rules
from agents.states import SESSION, SessionState

__all__ = [
    "CODE",
    "LONGEST_WRAP_UP",
    "SESSION",
    "AccountAgent",
    "Agent",
    "AgentSession",
    "AgentSkill",
    "Channel",
    "ChannelRules",
    "NotReadyReason",
    "Reserve",
    "SessionState",
    "Site",
    "Skill",
    "SkillProfile",
    "Slot",
    "Station",
    "Team",
    "back_off",
    "begin_wrap_up",
    "change_agent",
    "change_channel_rules",
    "choosable_reasons",
    "close_reserve",
    "close_session",
    "create_agent",
    "create_station",
    "end_back_off",
    "end_wrap_up",
    "ensure_profile",
    "ensure_system_reasons",
    "extend_wrap_up",
    "free_slot",
    "free_stations",
    "hold_slots",
    "lock_sessions",
    "log_in_agent",
    "log_out",
    "make_not_ready",
    "make_ready",
    "mark_endpoint",
    "may_take_contacts",
    "mend_sessions",
    "open_reserve",
    "open_session_of_user",
    "open_sessions",
    "plan_next",
    "prepare_tenant",
    "profile_hooks",
    "profile_key",
    "refresh_slots",
    "set_not_ready",
    "set_ready",
    "skill_removal_hooks",
    "skill_sets",
    "staff_hooks",
    "sweep_presence",
    "touch_idle",
    "touch_presence",
    "update_agent_skills",
    "wrap_up_hooks",
]
