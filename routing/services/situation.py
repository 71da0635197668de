"""What a report of the switch meets: the leg it speaks of, its contact, in whose hands that is; all of it locked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from agents.public import AgentSession, lock_sessions
from routing.models import Contact, Interaction, Leg, Offer, Participation
from routing.services.contacts import handler_of, live_offer
from routing.services.offers import AGENT_PREFIX
from tenants.public import CLOCK, fetch, insert_row, wanted

CALL = "(SELECT interaction_id FROM routing_leg WHERE channel_id = %s)"
CONTACT = """(
    SELECT contact.id FROM routing_leg AS spoken JOIN routing_contact AS contact USING (interaction_id)
    WHERE spoken.channel_id = %s AND contact.state <> 'ended'
)"""
LIVE_OFFER = f"contact_id = {CONTACT} AND state IN ('offered', 'accepted')"
TAKING_PART = f"contact_id = {CONTACT} AND left_at IS NULL"
THEIR_SESSION = """t.id IN (
    SELECT theirs.session_id
    FROM routing_leg AS spoken
    JOIN routing_contact AS contact USING (interaction_id)
    JOIN LATERAL (
        SELECT session_id FROM routing_offer WHERE contact_id = contact.id AND state IN ('offered', 'accepted')
        UNION ALL
        SELECT session_id FROM routing_participation WHERE contact_id = contact.id AND left_at IS NULL
    ) AS theirs ON true
    WHERE spoken.channel_id = %s AND contact.state <> 'ended'
)"""


@dataclass(frozen=True, slots=True)
class Hands:
    """In whose hands a contact is: its live offer, or who is on it, and their session, which is locked."""

    offer: Offer | None
    participation: Participation | None
    session: AgentSession | None


@dataclass(frozen=True, slots=True)
class Situation:
    """A leg that the switch speaks of, and what goes on in its call: all of it under the contact's lock.

    `contact` is the open one, with its queue, `hands` are those it is in; `own_offer` is what the leg was dialled for.
    `now` was read behind the locks.
    """

    leg: Leg
    contact: Contact | None
    hands: Hands
    own_offer: Offer | None
    now: datetime

    @property
    def awaited_for(self) -> Offer | None:
        """The contact's live offer, if this is its leg."""
        offer = self.hands.offer
        return offer if offer is not None and offer.id == self.leg.offer_id else None


def look(channel: str) -> Situation | None:
    """Lock and return all that a report on `channel` may change; None when the channel is none of ours.

    One round trip: each statement sees what the locks before it have let through. An agent's leg gets its row when the
    switch first speaks of it: an offer that is never dialled has none.
    """
    found = _look(channel)
    if found is None and channel.startswith(AGENT_PREFIX):
        _begin_agent_leg(channel)
        found = _look(channel)
    return found


def hands_of(contact: Contact) -> Hands:
    """Return in whose hands a contact is, which is locked, and lock their session."""
    offer, participation = live_offer(contact), handler_of(contact)
    session_id = offer.session_id if offer else participation.session_id if participation else None
    session = lock_sessions([session_id]).get(session_id) if session_id else None
    return Hands(offer, participation, session)


def on_our_clock(interaction: Interaction, at: datetime) -> datetime:
    """Return a time of the switch on the database's clock: shifted by the interaction's one offset."""
    return at + timedelta(milliseconds=interaction.clock_offset_ms)


def bridge_id(offer_id: UUID) -> str:
    """Return the name of the bridge in which an offer's two sides meet."""
    return f"offer.{offer_id}"


def offer_of_bridge(bridge: str) -> UUID | None:
    """Undo `bridge_id`; None for a bridge that is none of ours."""
    kind, _, name = bridge.partition(".")
    return UUID(name) if kind == "offer" else None


def _begin_agent_leg(channel: str) -> None:
    offers, (now,) = fetch(wanted(Offer, "t.leg_channel = %s", [channel], joined=("contact",)), CLOCK)
    for offer in offers:
        contact = offer.contact
        leg = Leg(
            interaction_id=contact.interaction_id,
            node=contact.node,
            channel_id=channel,
            offer_id=offer.id,
            created_at=now,
        )
        insert_row(leg, unless_there=True)


def _look(channel: str) -> Situation | None:
    contacts, sessions, (now,), legs, offers, parts, own = fetch(
        wanted(
            Contact,
            f"t.interaction_id = {CALL} AND t.state <> 'ended'",
            [channel],
            lock=True,
            joined=("interaction", "queue"),
        ),
        wanted(AgentSession, THEIR_SESSION, [channel], lock=True),
        CLOCK,
        wanted(Leg, "t.channel_id = %s", [channel], joined=("interaction",)),
        wanted(Offer, f"t.{LIVE_OFFER}", [channel]),
        wanted(Participation, f"t.{TAKING_PART}", [channel]),
        wanted(Offer, "t.leg_channel = %s", [channel]),
    )
    if not legs:
        return None
    contact, session, offer, participation, own_offer = (
        rows[0] if rows else None for rows in (contacts, sessions, offers, parts, own)
    )
    return Situation(legs[0], contact, Hands(offer, participation, session), own_offer, now)
