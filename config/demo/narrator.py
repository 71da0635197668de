"""Telling a call on the terminal from what the event log says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.utils import timezone

from routing.public import Contact, Interaction, Leg, Offer
from tenants.public import Event

SENTENCES = {
    "contact.arrived": "switch: the call is here; a contact of {tenant} begins",
    "contact.answered": "switch: the caller's leg is answered, and the meter runs",
    "contact.flow_started": "flow: starts",
    "contact.queued": "queue: waits in “{queue}”, demand {demand}",
    "contact.requeued": "queue: back to the same place ({cause})",
    "offer.created": "decision: 1 of {candidates} agents that fit, {preference}, waited {waited_ms} ms",
    "offer.ringing": "offer: the agent's phone rings",
    "offer.accepted": "offer: the agent has answered",
    "offer.timed_out": "offer: not answered ({cause})",
    "offer.rejected": "offer: rejected ({cause})",
    "offer.connected": "bridge: both hear each other",
    "contact.agent_left": "switch: the agent hung up",
    "contact.ended": "contact of {tenant} ends: {reason}, {metered_ms} ms metered",
}


class Output(Protocol):
    """Where lines go."""

    def write(self, text: str) -> Any: ...

    def flush(self) -> Any: ...


class Narrator:
    """Says each thing once, with the seconds since the call arrived. Its reads need an open engine scope."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told: set[UUID] = set()
        self._zero: datetime | None = None

    def say(self, sentence: str, *, at: datetime | None = None) -> None:
        """Write one line; before the call arrives the clock stands at nothing."""
        moment = at or timezone.now()
        stamp = f"{(moment - self._zero).total_seconds():7.3f}" if self._zero else "       "
        self._output.write(f"{stamp}  {sentence}")
        self._output.flush()

    def tell(self, interaction: Interaction) -> None:
        """Say what has been logged of the interaction since the last time."""
        if self._zero is None:
            self._zero = interaction.started_at
            leg = Leg.objects.get(channel_id=interaction.caller_channel)
            self.say(f"switch: INVITE on node {interaction.node}, Call-ID {leg.sip_call_id}", at=interaction.started_at)
        contacts = {
            row.id: row for row in Contact.objects.select_related("tenant", "queue").filter(interaction=interaction)
        }
        events = Event.objects.filter(aggregate_id__in=contacts.keys()).order_by("occurred_at", "id")
        for event in events:
            sentence = SENTENCES.get(event.type)
            if sentence is not None and event.id not in self._told:
                self.say(sentence.format(**_words(event, contacts[event.aggregate_id])), at=event.occurred_at)
            self._told.add(event.id)


def _words(event: Event, contact: Contact) -> dict[str, Any]:
    names = {"tenant": contact.tenant.name, "queue": contact.queue.name if contact.queue else ""}
    offer = Offer.objects.filter(id=event.data["offer"]).first() if "offer" in event.data else None
    words: dict[str, Any] = event.data | (offer.decision if offer else {}) | names
    return words
