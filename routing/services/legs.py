"""What the switch says of legs: ringing, answered, bridged, ended. One report, one transaction, by the engine's role.

`at` is the switch's time brought onto the database's clock by the interaction's one offset. Each report is applied
once: the leg's own columns say what has been. Reports that come late, twice or out of order change nothing.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from agents.public import (
    AgentSession,
    NotReadyReason,
    SessionState,
    begin_wrap_up,
)
from routing.call_back_states import Outcome
from routing.models import Channel, CommandKind, Contact, Interaction, Leg, Offer, Participation
from routing.services.call_backs import is_unanswered_call_back
from routing.services.commands import caller_command, send
from routing.services.contacts import (
    end_contact_row,
    entertain,
    note,
    reason_of_hang_up,
)
from routing.services.contacts import save as save_contact
from routing.services.customer_legs import dial_for_agent
from routing.services.diversions import leave_diversion
from routing.services.flow_steps import ANSWERED_LABEL, FLOW_TIMER, START_NET
from routing.services.leg_ends import note_leg_end
from routing.services.offers import (
    CONNECT_LEASE,
    blame,
    close_offer,
    engage,
    give_up_customer,
    mark_accepted,
    spare,
)
from routing.services.playback import POSITION_LABEL, playback_id
from routing.services.segments import begin_wrap_up_segment, end_segment
from routing.services.situation import Hands, bridge_id, look, offer_of_bridge, on_our_clock
from routing.services.slots import let_go
from routing.states import ContactState, EndReason, OfferState
from routing.switch.port import Cause
from tenants.public import (
    db_now,
    engine_scope,
    fetch,
    request_match,
    set_timer,
    update_row,
    wanted,
)

log = logging.getLogger(__name__)

BOTH = 2
BUSY_CAUSES = {Cause.USER_BUSY, Cause.CALL_REJECTED}
SILENT_CAUSES = {Cause.NO_ANSWER, Cause.NO_USER_RESPONDING, Cause.NORMAL_CLEARING}
UNHEARD_CAUSES = {Cause.NORMAL_UNSPECIFIED}
"""The agent answered while no worker was connected, and the exchange had nobody to give the leg to."""


def leg_ringing(*, channel: str, at: datetime, node: str) -> None:
    """Note since when the agent's phone rings."""
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.offer_id is None or found.leg.ringing_at or found.leg.ended_at:
            return
        leg, contact, offer = found.leg, found.contact, found.awaited_for
        leg.ringing_at = on_our_clock(leg.interaction, at)
        update_row(leg, "ringing_at")
        if contact and offer:
            offer.ringing_at = leg.ringing_at
            update_row(offer, "ringing_at")
            note("offer.ringing", contact, at=leg.ringing_at, offer=offer.id, agent_session=offer.session_id)
            save_contact(contact)


def caller_answered(*, channel: str, at: datetime, node: str) -> Contact | None:
    """Note that the caller's leg was answered: its metered time begins. Returns the contact, whose flow is to go on."""
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.offer_id or found.leg.answered_at or found.leg.ended_at:
            return None
        leg, contact = found.leg, found.contact
        seen = leg.answered_at = leg.interaction.answered_at = on_our_clock(leg.interaction, at)
        update_row(leg, "answered_at")
        update_row(leg.interaction, "answered_at")
        if contact is not None:
            note("contact.answered", contact, at=seen)
            save_contact(contact)
            if contact.state == ContactState.IN_FLOW:
                # Should the process die before the flow is told.
                set_timer(
                    FLOW_TIMER,
                    tenant_id=contact.tenant_id,
                    subject_id=contact.id,
                    due_at=found.now + START_NET,
                    label=ANSWERED_LABEL,
                )
            elif contact.state in (ContactState.QUEUED, ContactState.OFFERED):
                # Answered for an agent who was gone before the two were joined.
                entertain(contact, answered=True, at=seen)
        return contact


def agent_answered(*, channel: str, at: datetime, node: str, sip_call_id: str = "") -> None:
    """The agent's phone was lifted: accept the offer and join the two legs; hang up when the offer is over."""
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.offer_id is None or found.leg.answered_at:
            return
        leg, contact, offer, now = found.leg, found.contact, found.awaited_for, found.now
        seen = leg.answered_at = on_our_clock(leg.interaction, at)
        leg.sip_call_id = sip_call_id
        update_row(leg, "answered_at", "sip_call_id")
        if contact is None or offer is None or leg.ended_at is not None:
            send(
                CommandKind.HANG_UP,
                node=node,
                interaction_id=leg.interaction_id,
                at=now,
                arguments={"channel": channel},
            )
            return
        if offer.state == OfferState.OFFERED:
            mark_accepted(contact, offer, lease_until=now + CONNECT_LEASE, at=seen)
        if is_unanswered_call_back(contact, leg.interaction.answered_at):
            dial_for_agent(contact, offer, at=now)
            return
        if leg.interaction.answered_at is None:
            caller_command(contact, CommandKind.ANSWER, at=now)
        else:
            caller_command(contact, CommandKind.STOP_MUSIC, at=now)
            if contact.queue and contact.queue.announce_seconds:
                # The bridge would wait for the end of an announcement.
                caller_command(
                    contact, CommandKind.STOP_PLAYBACK, at=now, playback=playback_id(contact.id, POSITION_LABEL)
                )
        send(
            CommandKind.BRIDGE,
            node=node,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            session_id=offer.session_id,
            at=now,
            arguments={"bridge": bridge_id(offer.id), "channels": [contact.caller_channel, offer.leg_channel]},
        )


def leg_bridged(*, channel: str, bridge: str, members: Collection[str], at: datetime, node: str) -> None:
    """A leg joined a bridge, in which there are now `members`.

    When both sides of an offer are, they hear each other: the contact is engaged and the agent takes part.
    """
    offer_id = offer_of_bridge(bridge)
    if offer_id is None or len(members) < BOTH:
        return
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.ended_at:
            return
        contact, offer, session = found.contact, found.hands.offer, found.hands.session
        if contact is None or offer is None or offer.id != offer_id or offer.state != OfferState.ACCEPTED:
            return  # the bridge of an offer that is over says nothing of the next
        sides = [contact.caller_channel, offer.leg_channel]
        (legs,) = fetch(wanted(Leg, "t.channel_id IN (%s, %s) AND t.ended_at IS NULL", sides))
        if len(legs) < BOTH or session is None or not set(sides) <= set(members):
            return  # one of them has left since, which its own report tells
        seen = on_our_clock(found.leg.interaction, at)
        for leg in legs:
            leg.bridged_at = leg.bridged_at or seen  # a caller's, who was passed on, was before
            update_row(leg, "bridged_at")
        engage(contact, offer, at=seen)


def leg_ended(
    *,
    channel: str,
    at: datetime,
    node: str,
    cause: int,
    sip_status: int | None = None,
    sip_call_id: str = "",
    lost: bool = False,
) -> None:
    """A leg is over, whoever ended it. `lost`: the exchange died with it.

    The caller's leg ends the interaction and its contact. An agent's leg ends the offer that rang on it, or the
    contact that was talked on it: then the caller is hung up too, and the contact ends with the caller's leg.
    """
    with engine_scope(node=node):
        found = look(channel)
        if found is None or found.leg.ended_at is not None:
            return
        leg = found.leg
        seen = max(on_our_clock(leg.interaction, at), leg.created_at)
        leg.ended_at, leg.cause, leg.sip_status = seen, cause, sip_status
        leg.sip_call_id = leg.sip_call_id or sip_call_id
        update_row(leg, "ended_at", "cause", "sip_status", "sip_call_id")
        note_leg_end(leg, found.own_offer, found.contact, found.hands.participation, lost=lost)
        if leg.offer_id is None:
            caller_left(leg.interaction, found.contact, found.hands, at=seen, lost=lost)
        elif found.contact is not None:
            agent_left(found.contact, found.hands, leg, cause=cause, at=seen, lost=lost)
        if lost:
            log.warning("a leg was lost with its exchange", extra={"channel": channel, "at": seen.isoformat()})


def caller_left(interaction: Interaction, contact: Contact | None, hands: Hands, *, at: datetime, lost: bool) -> None:
    """End the interaction and what was in it: the contact, its offer, its agent's part. Inner step; it is locked."""
    interaction.ended_at = at
    update_row(interaction, "ended_at")
    if contact is None:
        return
    diverted = leave_diversion(contact, at=at)
    reason = EndReason.SWITCH_LOST if lost else diverted or reason_of_hang_up(contact, interaction, at=at)
    offer, participation, session = hands.offer, hands.participation, hands.session
    if offer is not None:
        close_offer(
            contact, offer, session, state=OfferState.RESCINDED, cause="caller-left", at=at, back_in_queue=False
        )
    if participation is not None and session is not None:
        part(contact, participation, session, at=at)
        send(
            CommandKind.HANG_UP,
            node=contact.node,
            interaction_id=interaction.id,
            contact_id=contact.id,
            session_id=session.id,
            at=at,
            arguments={"channel": participation.leg_channel},
        )
    end_contact_row(contact, interaction, reason=reason, at=at)


def agent_left(contact: Contact, hands: Hands, leg: Leg, *, cause: int, at: datetime, lost: bool = False) -> None:
    """End what the agent's leg was for: the offer that rang on it, or the talk. Inner step; the contact is locked."""
    offer, participation, session = hands.offer, hands.participation, hands.session
    if offer is not None and offer.id == leg.offer_id:
        _offer_failed(contact, offer, session, leg, cause=cause, at=at, lost=lost)
    elif participation is not None and session is not None and participation.leg_channel == leg.channel_id:
        part(contact, participation, session, at=at)
        end_segment(contact, at=at)
        contact.ending = EndReason.HANDLED
        note("contact.agent_left", contact, at=at, agent_session=session.id, cause=cause)
        save_contact(contact, "ending")
        caller_command(contact, CommandKind.HANG_UP, at=at)


def _offer_failed(
    contact: Contact, offer: Offer, session: AgentSession | None, leg: Leg, *, cause: int, at: datetime, lost: bool
) -> None:
    """The agent's leg ended before the two were joined: the caller keeps the place, the agent gets what fits."""
    accepted = offer.state == OfferState.ACCEPTED
    if accepted and is_unanswered_call_back(contact, leg.interaction.answered_at):
        give_up_customer(contact, offer, session, outcome=Outcome.AGENT_LEFT, at=at)
        return
    blameless = not accepted and (lost or cause in UNHEARD_CAUSES)
    if accepted:
        state, why = OfferState.FAILED, "left-before-bridge"
        Leg.objects.filter(channel_id=contact.caller_channel).update(bridged_at=None)
    elif blameless:
        state, why = OfferState.FAILED, "switch-lost" if lost else "unheard"
    elif cause in BUSY_CAUSES:
        state, why = OfferState.REJECTED, "busy"
    elif cause in SILENT_CAUSES:
        state, why = OfferState.TIMED_OUT, "no-answer"
    else:
        state, why = OfferState.FAILED, f"cause-{cause}"
    close_offer(contact, offer, session, state=state, cause=why, at=at, leg_is_over=True)
    if session is None or session.state == SessionState.LOGGED_OUT or blameless:
        return
    if accepted or state == OfferState.REJECTED:
        spare(contact, session)
    else:
        # A phone that never rang was not there to be answered.
        missed = state == OfferState.TIMED_OUT and leg.ringing_at is not None
        blame(session, NotReadyReason.System.MISSED if missed else NotReadyReason.System.UNREACHABLE, at=at)


def part(contact: Contact, participation: Participation, session: AgentSession, *, at: datetime) -> None:
    """Let the agent leave the contact: the slot is free, and their wrap-up begins, if the queue gives one after calls.
    What comes after a work item is part of it.
    """
    participation.left_at = max(at, participation.joined_at)
    update_row(participation, "left_at")
    let_go(session, participation.slot_id, worked=True, at=at)
    seconds = contact.queue.wrap_up_seconds if contact.queue and contact.channel == Channel.VOICE else 0
    if seconds and session.state in (SessionState.READY, SessionState.NOT_READY):
        begin_wrap_up(session, contact_id=contact.id, until=db_now() + timedelta(seconds=seconds), at=at)
        begin_wrap_up_segment(contact, session_id=session.id, at=at)
    else:
        request_match(session.tenant_id)
