"""Taking a skill out of a tenant's list."""

from uuid import UUID

from agents.errors import SkillUnknown
from agents.models import Skill
from agents.services.hooks import skill_removal_hooks
from tenants.public import writing


def remove_skill(*, tenant_id: UUID, skill_id: UUID, actor: str) -> None:
    """Remove a skill that nobody has and nothing requires.

    Raises SkillUnknown, Conflict ("in-use") while agents have it, and what `skill_removal_hooks` raise.
    """
    with writing(tenant_id, actor=actor):
        skill = Skill.objects.select_for_update().filter(id=skill_id).first()
        if skill is None:
            raise SkillUnknown
        for hook in skill_removal_hooks:
            hook(skill)
        skill.delete()
