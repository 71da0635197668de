"""Holding and letting go of an agent's slot. Inner steps; the session is locked.

`SlotHold`, keyed by the slot, is the truth: a slot has one holder at most. `Slot.held` repeats it for the index that
matching walks.
"""

from datetime import datetime
from uuid import UUID

from agents.public import AgentSession, free_slot
from routing.models import Offer, Participation
from tenants.public import request_match, write


def pass_to_participation(offer: Offer, participation: Participation) -> None:
    """Let the participation that an offer became hold the offer's slot."""
    write(
        "UPDATE routing_slothold SET offer_id = NULL, participation_id = %s WHERE offer_id = %s",
        [participation.id, offer.id],
    )


def let_go(session: AgentSession, slot_id: UUID | None, *, worked: bool, at: datetime) -> None:
    """Free the slot. After work the agent counts as idle from `at`; after an offer that came to nothing as before."""
    if slot_id is None:
        return
    write("DELETE FROM routing_slothold WHERE slot_id = %s", [slot_id])
    free_slot(session, slot_id, worked_until=at if worked else None)
    request_match(session.tenant_id)
