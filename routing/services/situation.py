"""What a report of the switch meets: the leg it speaks of, its contact, in whose hands that is; all of it locked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from agents.public import AgentSession, lock_sessions
from routing.models import Contact, Interaction, Leg, Offer, Participation
from routing.services.call_backs import CUSTOMER_PREFIX
from routing.services.contacts import handler_of, live_offer
from routing.services.offers import AGENT_PREFIX
from tenants.public import fetch, uuid7, wanted, wanted_beside, write_query

CALL = "(SELECT interaction_id FROM routing_leg WHERE channel_id = %s)"
OPEN_CONTACT = """(
    SELECT contact.id FROM routing_contact AS contact
    WHERE contact.interaction_id = t.interaction_id AND contact.state <> 'ended'
)"""
BESIDE = (
    (Offer, f"a.contact_id = {OPEN_CONTACT} AND a.state IN ('offered', 'accepted')"),
    (Participation, f"b.contact_id = {OPEN_CONTACT} AND b.left_at IS NULL"),
    (Offer, "c.leg_channel = t.channel_id"),
)
"""What is read with a leg: the live offer of its call, who takes part in it, and the offer for which it was dialled."""

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
BEGIN_LEG = Path(__file__).parents[1] / "sql" / "begin_agent_leg.sql"
BEGIN_CUSTOMER_LEG = Path(__file__).parents[1] / "sql" / "begin_customer_leg.sql"


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

    One round trip: each statement sees what the locks before it have let through, and nobody changes a contact's offer
    or parts without its lock. An agent's leg, and a customer's who is called back, gets its row when the switch first
    speaks of it: one that is never dialled has none.
    """
    if channel.startswith(AGENT_PREFIX):
        write_query(BEGIN_LEG, {"id": uuid7(), "channel": channel})
    elif channel.startswith(CUSTOMER_PREFIX):
        write_query(BEGIN_CUSTOMER_LEG, {"id": uuid7(), "channel": channel})
    contacts, sessions, legs = fetch(
        wanted(
            Contact,
            f"t.interaction_id = {CALL} AND t.state <> 'ended'",
            [channel],
            lock=True,
            joined=("interaction", "queue"),
        ),
        wanted(AgentSession, THEIR_SESSION, [channel], lock=True),
        wanted_beside(Leg, BESIDE, "t.channel_id = %s", [channel], joined="interaction"),
    )
    if not legs:
        return None
    leg, (offer, participation, own_offer), now = legs[0]
    contact, session = (rows[0] if rows else None for rows in (contacts, sessions))
    return Situation(leg, contact, Hands(offer, participation, session), own_offer, now)


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


def bridge_of_leg(channel: str) -> str:
    """Return the name of the bridge in which an agent's leg meets the caller."""
    return bridge_id(UUID(channel.removeprefix(AGENT_PREFIX)))


def offer_of_bridge(bridge: str) -> UUID | None:
    """Undo `bridge_id`; None for a bridge that is none of ours."""
    kind, _, name = bridge.partition(".")
    return UUID(name) if kind == "offer" else None
