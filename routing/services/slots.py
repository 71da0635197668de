"""Holding and letting go of an agent's slot. Inner steps; the session is locked.

`SlotHold`, keyed by the slot, is the truth: a slot has one holder at most. `Slot.held` repeats it for the index that
matching walks.
"""

from datetime import datetime
from uuid import UUID

from agents.public import AgentSession, Slot
from routing.models import Offer, Participation, SlotHold
from tenants.public import request_match


def pass_to_participation(offer: Offer, participation: Participation) -> None:
    """Let the participation that an offer became hold the offer's slot."""
    SlotHold.objects.filter(offer=offer).update(offer=None, participation=participation)


def let_go(session: AgentSession, slot_id: UUID | None, *, worked: bool, at: datetime) -> None:
    """Free the slot. After work the agent counts as idle from `at`; after an offer that came to nothing as before."""
    if slot_id is None:
        return
    SlotHold.objects.filter(slot_id=slot_id).delete()
    changes = {"held": False, "idle_since": at} if worked else {"held": False}
    Slot.objects.filter(id=slot_id).update(**changes)
    request_match(session.tenant_id)
