"""What upper apps add to the transactions of `agents`: functions, appended once at start-up, that open no scope."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from agents.models import AgentSession, Skill, SkillProfile

profile_hooks: list[Callable[[SkillProfile], None]] = []
"""Run after a new profile is inserted, in its transaction and under the eligibility lock (role app)."""

skill_removal_hooks: list[Callable[[Skill], None]] = []
"""Run before a skill is removed, in that transaction, with the skill locked (role app); one that needs it raises."""

staff_hooks: list[Callable[[UUID], None]] = []
"""Run after agents of a tenant, or their skills, have changed, in that transaction (role app): the tenant's id."""

wrap_up_hooks: list[Callable[[AgentSession, UUID, datetime], None]] = []
"""Run when a session leaves wrap-up: the session, the contact that was wrapped up, and when (either role).

The session is locked, so a hook may not lock contacts any more: contacts come before sessions.
"""
