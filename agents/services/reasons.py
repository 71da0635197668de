"""The not-ready reasons that the system itself gives."""

from uuid import UUID

from agents.models import NotReadyReason
from tenants.public import tenant_scope


def ensure_system_reasons() -> None:
    """Make the open tenant scope's missing rows for the system's reasons. Each login calls it.

    So every tenant with a session has them, and the engine, which may not write them, finds them.
    """
    codes = set(NotReadyReason.System.values)
    missing = codes - set(NotReadyReason.objects.filter(system_code__in=codes).values_list("system_code", flat=True))
    if not missing:
        return
    NotReadyReason.objects.bulk_create(
        [
            # No name that an administrator would take; people see the code's translation.
            NotReadyReason(system_code=code, name=f"system:{code}")
            for code in sorted(missing)
        ],
        ignore_conflicts=True,
    )


def prepare_tenant(*, tenant_id: UUID, actor: str = "system") -> None:
    """Give a new tenant what its agents need: the system's not-ready reasons. May be repeated."""
    with tenant_scope(tenant_id, actor=actor):
        ensure_system_reasons()
