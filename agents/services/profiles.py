"""WHAT: the skill profiles that sessions work with."""

from collections.abc import Mapping
from uuid import UUID

from django.db import connections

from agents.models import AgentSkill, SkillProfile
from agents.services.hooks import profile_hooks
from tenants.public import tenant_scope


def profile_key(skills: Mapping[str, int]) -> str:
    """Return the canonical form of a set of skills: "english=3,loans=5", sorted by code."""
    return ",".join(f"{code}={skills[code]}" for code in sorted(skills))


def skills_of(agent_id: UUID) -> dict[str, int]:
    """Return the agent's skill codes with their proficiencies. Inside the tenant's open scope."""
    return dict(AgentSkill.objects.filter(agent_id=agent_id).values_list("skill__code", "proficiency"))


def ensure_profile(*, tenant_id: UUID, skills: Mapping[str, int], actor: str = "system") -> SkillProfile:
    """Return the tenant's profile for these skills, made in a short transaction of its own if it is new.

    New profiles and new demands are created under one lock, taken in a statement of its own: of two that are created
    together the second sees the first, so that none misses its verdict. `profile_hooks` judge the new one.
    """
    key = profile_key(skills)
    with tenant_scope(tenant_id, actor=actor, read_only=True):
        found: SkillProfile | None = SkillProfile.objects.filter(key=key).first()
    if found is not None:
        return found
    with tenant_scope(tenant_id, actor=actor) as scope:
        with connections[scope.alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('eligibility'))")
        profile: SkillProfile
        profile, created = SkillProfile.objects.get_or_create(key=key, defaults={"skills": dict(skills)})
        if created:
            for hook in profile_hooks:
                hook(profile)
    return profile
