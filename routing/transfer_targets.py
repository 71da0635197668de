"""Where an agent may pass a contact on to."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from agents.public import Slot, open_sessions
from routing.models import Queue
from tenants.public import Tenant


def transfer_targets(
    services: Collection[tuple[str, str]], *, tenant_id: UUID, session_id: UUID
) -> dict[str, list[dict[str, Any]]]:
    """Return open queues, colleagues at work (and whether they are free), and those of the services that are others'.

    Inside the open scope of the tenant. `services` are codes of tenants and of their public services.
    """
    own = Tenant.objects.values_list("slug", flat=True).get(id=tenant_id)
    free = Exists(Slot.objects.filter(session_id=OuterRef("id"), open=True, held=False))
    sessions = open_sessions().exclude(id=session_id).annotate(free=free).order_by("agent__number")
    return {
        "queues": list(Queue.objects.filter(active=True).order_by("name").values("code", "name")),
        "agents": [{"number": row.agent.number, "name": row.agent.user.name, "free": row.free} for row in sessions],
        "services": [{"tenant": slug, "service": code} for slug, code in sorted(services) if slug != own],
    }
