"""One edit of what many agents can: skills given at a level and skills taken away."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from agents.errors import AgentHasNoSkill, AgentUnknown, LoginDisturbed
from agents.models import Agent, AgentSession, AgentSkill, Skill, SkillProfile
from agents.services.profiles import ensure_profile, profile_key
from agents.services.sessions import KIND, lock_sessions
from agents.services.setup import find_skills, tell_staff_changed
from tenants.public import db_now, record, request_match, tenant_scope, write, writing

SESSIONS_SQL = """
    UPDATE agents_agentsession s SET profile_id = t.profile, version = t.version
    FROM unnest(%s::uuid[], %s::uuid[], %s::integer[]) AS t (id, profile, version) WHERE s.id = t.id
"""
SLOTS_SQL = """
    UPDATE agents_slot s SET profile_id = t.profile
    FROM unnest(%s::uuid[], %s::uuid[]) AS t (session, profile) WHERE s.session_id = t.session
"""

AT_ONCE = 50
"""How many agents one transaction changes: matching, which locks the same sessions, waits for no longer than that."""

MOST_EDITED = 5_000
"""How many agents one edit may name."""

ATTEMPTS = 5
"""How often the edit looks again at agents whose skills somebody else changed meanwhile."""


@dataclass(frozen=True)
class SkillEdit:
    """What is given (code: 1 to 5), and what is taken away (codes). A skill in both is given."""

    give: Mapping[str, int]
    take: Collection[str] = ()

    def of(self, skills: Mapping[str, int]) -> dict[str, int]:
        """Return what an agent with these skills can afterwards."""
        return {code: level for code, level in skills.items() if code not in self.take} | dict(self.give)


def edit_skills(*, tenant_id: UUID, agent_ids: Iterable[UUID], edit: SkillEdit, actor: str) -> int:
    """Edit the skills of these agents and return how many have other ones now. Open sessions work with them at once.

    A few agents at a time, those in force as soon as they are written: matching goes on meanwhile. What is wrong is
    refused before anything changes: AgentUnknown, SkillsUnknown, AgentHasNoSkill for one who is logged in and would be
    left without any. An edit that is cut off half-way can be sent again.
    """
    left = sorted(set(agent_ids))
    changed = 0
    for _attempt in range(ATTEMPTS):
        wanted = _read(tenant_id, left, edit)
        profiles = {
            key: ensure_profile(tenant_id=tenant_id, skills=skills, actor=actor)
            for key, skills in {profile_key(skills): skills for skills in wanted.values() if skills}.items()
        }
        left = []
        for start in range(0, len(wanted), AT_ONCE):
            portion = list(wanted)[start : start + AT_ONCE]
            done, missed = _edit_portion(tenant_id, portion, edit, profiles, actor=actor)
            changed += done
            left += missed
        if not left:
            return changed
    raise LoginDisturbed


def put_to_work(sessions: Iterable[tuple[AgentSession, SkillProfile]]) -> None:
    """Let open sessions, which are locked, work with other skills. Inner step, in the caller's scope."""
    now = db_now()
    moved = [(session, profile) for session, profile in sessions if session.profile_id != profile.id]
    if not moved:
        return
    for session, profile in moved:
        session.profile = profile
        record("agent.profile_changed", session, kind=KIND, at=now, profile=str(profile.id))
    changed = [session for session, _ in moved]
    ids, profiles = [session.id for session in changed], [session.profile_id for session in changed]
    write(SESSIONS_SQL, [ids, profiles, [session.version for session in changed]])
    write(SLOTS_SQL, [ids, profiles])
    request_match(changed[0].tenant_id)


def _read(tenant_id: UUID, agent_ids: Sequence[UUID], edit: SkillEdit) -> dict[UUID, dict[str, int]]:
    """Return what each agent can afterwards; raise what is wrong with the edit."""
    with tenant_scope(tenant_id, read_only=True):
        find_skills({**dict.fromkeys(edit.take, 1), **edit.give})
        numbers = dict(Agent.objects.filter(id__in=agent_ids).values_list("id", "number"))
        if len(numbers) < len(agent_ids):
            raise AgentUnknown
        wanted = {agent_id: edit.of(skills) for agent_id, skills in _skills_of(agent_ids).items()}
        bare = [agent_id for agent_id, skills in wanted.items() if not skills]
        working = AgentSession.objects.filter(agent_id__in=bare, logged_out_at__isnull=True).first()
        if working is not None:
            raise AgentHasNoSkill(numbers[working.agent_id])
    return wanted


def _edit_portion(
    tenant_id: UUID, agent_ids: Sequence[UUID], edit: SkillEdit, profiles: Mapping[str, SkillProfile], *, actor: str
) -> tuple[int, list[UUID]]:
    """Edit a few agents in one transaction. Returns how many have changed, and those to be looked at again."""
    missed = []
    with writing(tenant_id, actor=actor):
        # A login locks the agent too: no session opens meanwhile.
        agents = list(Agent.objects.select_for_update(no_key=True).filter(id__in=agent_ids).order_by("id"))
        before = _skills_of([agent.id for agent in agents])
        open_now = AgentSession.objects.filter(agent_id__in=agent_ids, logged_out_at__isnull=True)
        locked = lock_sessions(open_now.values_list("id", flat=True)).values()
        sessions = {session.agent_id: session for session in locked if session.logged_out_at is None}
        after: dict[UUID, dict[str, int]] = {}
        for agent in agents:
            skills = edit.of(before[agent.id])
            if profile_key(skills) in profiles or (not skills and agent.id not in sessions):
                after[agent.id] = skills
            else:
                missed.append(agent.id)
        changed = [agent_id for agent_id, skills in after.items() if skills != before[agent_id]]
        _write(changed, edit)
        put_to_work(
            (sessions[agent_id], profiles[profile_key(after[agent_id])]) for agent_id in changed if agent_id in sessions
        )
        if changed:
            tell_staff_changed(tenant_id)
    return len(changed), missed


def _skills_of(agent_ids: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    found: dict[UUID, dict[str, int]] = {agent_id: {} for agent_id in agent_ids}
    rows = AgentSkill.objects.filter(agent_id__in=list(found)).values_list("agent_id", "skill__code", "proficiency")
    for agent_id, code, proficiency in rows:
        found[agent_id][code] = proficiency
    return found


def _write(agent_ids: Sequence[UUID], edit: SkillEdit) -> None:
    kept = set(edit.give)
    taken = [code for code in edit.take if code not in kept]
    AgentSkill.objects.filter(agent_id__in=agent_ids, skill__code__in=taken).delete()
    skills = list(Skill.objects.filter(code__in=kept))
    AgentSkill.objects.bulk_create(
        [
            AgentSkill(tenant_id=skill.tenant_id, agent_id=agent_id, skill=skill, proficiency=edit.give[skill.code])
            for agent_id in agent_ids
            for skill in skills
        ],
        update_conflicts=True,
        unique_fields=["tenant", "agent", "skill"],
        update_fields=["proficiency"],
    )
