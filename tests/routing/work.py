"""Letters, and who takes them up."""

from __future__ import annotations

from typing import Any

from agents.public import AgentSession, change_channel_rules
from routing.models import Contact
from routing.services.work_items import Work, create_work_item
from tenants.public import Tenant, tenant_scope
from tests import factories
from tests.factories import ACTOR
from tests.routing import calls
from tests.routing.ringing import accept


def clerk(tenant: Tenant, *, work: int = 1, ready: bool = True, **session: Any) -> AgentSession:
    """An agent who takes calls and so many work items."""
    change_channel_rules(tenant_id=tenant.id, values={"capacity": {"voice": 1, "work": work}}, actor=ACTOR)
    return factories.make_session(tenant, ready=ready, **session)


def letter(line: calls.Line, **work: Any) -> Contact:
    wanted = Work(**{"queue_code": line.queue.code, "subject": "Kündigung 合同 📄", "kind": "letter", **work})
    made = create_work_item(tenant_id=line.tenant.id, work=wanted, actor=ACTOR)
    with tenant_scope(line.tenant.id, read_only=True):
        contact: Contact = Contact.objects.get(id=made)
    return contact


def take_up(contact: Contact) -> Contact:
    accept(calls.offer_of(contact))
    return calls.now_of(contact)
