"""An offer's life after it is made: accepted, rejected, timed out, rescinded, failed. A matching pass makes it.

Every way out of a live offer goes through `close_offer`, which ends the ringing, frees the slot and, unless the contact
is over, puts the contact back where it stood.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from django.utils.translation import gettext as _

from agents.public import AgentSession, NotReadyReason, SessionState, back_off, lock_sessions, make_not_ready
from routing.call_back_states import Outcome
from routing.models import Channel, CommandKind, Contact, Direction, Exclusion, Interaction, Offer, Participation
from routing.services.affinity import AFFINITY_TIMER, end_affinity
from routing.services.call_backs import open_attempt
from routing.services.commands import caller_command, send
from routing.services.contacts import (
    await_no_step,
    end_contact_row,
    entertain,
    live_offer,
    lock_contact,
    note,
    requeue,
    save,
)
from routing.services.segments import begin_segment
from routing.services.slots import let_go, pass_to_participation
from routing.states import CONTACT, LIVE_OFFER, OFFER, ContactState, EndReason, OfferState, RejectReason, SegmentKind
from tenants.public import (
    Conflict,
    Due,
    Invalid,
    NotFound,
    claim_timer,
    db_now,
    drop_timer,
    engine_scope,
    insert_row,
    request_match,
    set_timer,
    tenant_scope,
    timer_handler,
    update_row,
)

OFFER_TIMER = "offer-lease"
EXCLUSION_TIMER = "exclusion"
LEASE_MARGIN = timedelta(seconds=2)
"""The lease outlives the ringing by this much, so that the switch's own report of "no answer" comes first."""

CONNECT_LEASE = timedelta(seconds=10)
"""How long an accepted offer may take until both sides hear each other."""

EXCLUSION_TIME = timedelta(seconds=30)
"""How long a contact is not offered again to an agent who rejected it; then to whoever is there, rather than wait."""

BACK_OFF_TIME = timedelta(seconds=10)
"""How long a phone that was busy is left in peace, so that it does not hold up the queue."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
AUTO_ANSWER = {"Call-Info": "<sip:127.0.0.1>;answer-after=0", "Alert-Info": "<http://127.0.0.1>;info=alert-autoanswer"}
"""What makes a SIP phone answer by itself, in the two forms that phones understand."""


AGENT_PREFIX = "agent."


def leg_channel_of(offer_id: UUID) -> str:
    """Return the name of the channel on which an offer's agent is called: chosen here, committed before it is used."""
    return f"{AGENT_PREFIX}{offer_id}"


def accept_offer(*, tenant_id: UUID, offer_id: UUID, session_id: UUID, actor: str) -> None:
    """Accept an offer at the desk: the station's phone is called and answers by itself; a work item is in hand at once.

    Raises NotFound; Conflict "answer-on-phone" where the phone rings and is to be answered itself; Conflict
    "offer-over" when it was answered, timed out or withdrawn meanwhile.
    """
    with tenant_scope(tenant_id, actor=actor):
        contact, offer = _lock_for_desk(offer_id, session_id)
        if offer.answer_mode != "desk":
            raise Conflict(_("This station's phone is ringing: answer it there."), code="answer-on-phone")
        if offer.state != OfferState.OFFERED:
            raise _over(offer)
        if contact.channel == Channel.VOICE:
            _call_phone(contact, offer)
            return
    _take_up(offer_id, session_id, actor=actor)


def _call_phone(contact: Contact, offer: Offer) -> None:
    now = db_now()
    mark_accepted(contact, offer, lease_until=now + CONNECT_LEASE, at=now)
    endpoint = AgentSession.objects.values_list("station__endpoint", flat=True).get(id=offer.session_id)
    seconds = int(CONNECT_LEASE.total_seconds())
    send_dial(contact, offer, endpoint=endpoint, seconds=seconds, at=now, headers=AUTO_ANSWER)


def _take_up(offer_id: UUID, session_id: UUID, *, actor: str) -> None:
    """Connect an agent with what needs no telephone. Only the engine's role begins an agent's part in a contact."""
    with engine_scope(actor=actor):
        contact, offer = _lock_for_desk(offer_id, session_id)
        if offer.state != OfferState.OFFERED:
            raise _over(offer)
        now = db_now()
        mark_accepted(contact, offer, lease_until=now + CONNECT_LEASE, at=now)
        engage(contact, offer, at=now)


def reject_offer(*, tenant_id: UUID, offer_id: UUID, session_id: UUID, reason: str, actor: str) -> None:
    """Reject an offer at the desk. The contact keeps its place and goes to the next agent; this one is left out of it
    for 30 s and gets no other contact for 10 s.

    `reason` is one of `RejectReason`. Raises NotFound, Conflict "offer-over", Invalid "reason-unknown".
    """
    if reason not in RejectReason.values:
        known = ", ".join(RejectReason.values)
        message = _("“%(reason)s” is no reason to reject an offer; there are: %(known)s.")
        raise Invalid(message % {"reason": reason, "known": known}, code="reason-unknown", reason=reason)
    with tenant_scope(tenant_id, actor=actor):
        contact, offer = _lock_for_desk(offer_id, session_id)
        if offer.state != OfferState.OFFERED:
            raise _over(offer)
        session = lock_sessions([offer.session_id])[offer.session_id]
        now = db_now()
        close_offer(contact, offer, session, state=OfferState.REJECTED, cause=reason, at=now)
        spare(contact, session)


def mark_accepted(contact: Contact, offer: Offer, *, lease_until: datetime, at: datetime) -> None:
    """Note that the agent has said yes: the contact is connecting, on a new lease with the next fence."""
    OFFER.apply(offer, OfferState.ACCEPTED)
    CONTACT.apply(contact, ContactState.CONNECTING)
    offer.accepted_at, offer.lease_expires_at = at, lease_until
    offer.fence += 1
    update_row(offer, "state", "accepted_at", "lease_expires_at", "fence")
    _time_lease(contact, offer)
    note("offer.accepted", contact, at=at, offer=offer.id, agent_session=offer.session_id)
    save(contact)


def engage(contact: Contact, offer: Offer, *, at: datetime) -> None:
    """Let the agent of an accepted offer take part in the contact: the two are connected. Both rows are locked; role
    engine.
    """
    OFFER.apply(offer, OfferState.CONNECTED)
    CONTACT.apply(contact, ContactState.ENGAGED)
    offer.ended_at = at
    update_row(offer, "state", "ended_at")
    drop_timer(OFFER_TIMER, subject_id=offer.id)
    await_no_step(contact)
    participation = Participation(
        tenant_id=contact.tenant_id,
        contact=contact,
        session_id=offer.session_id,
        slot_id=offer.slot_id,
        leg_channel=offer.leg_channel,
        joined_at=at,
    )
    insert_row(participation)
    pass_to_participation(offer, participation)
    begin_segment(contact, SegmentKind.TALK, at=at, session_id=offer.session_id)
    contact.connected_at = contact.connected_at or at
    ids = {"offer": offer.id, "agent_session": offer.session_id}
    note("offer.connected", contact, at=at, **ids)
    note("contact.connected", contact, at=at, **ids)
    save(contact, "connected_at")


def renew_lease(contact: Contact, offer: Offer, *, until: datetime) -> None:
    """Give an accepted offer a new lease, with the next fence. Both are locked."""
    offer.lease_expires_at = until
    offer.fence += 1
    update_row(offer, "lease_expires_at", "fence")
    _time_lease(contact, offer)


def _time_lease(contact: Contact, offer: Offer) -> None:
    set_timer(
        OFFER_TIMER,
        tenant_id=offer.tenant_id,
        subject_id=offer.id,
        due_at=offer.lease_expires_at,
        contact=contact.id,
        fence=offer.fence,
    )


def give_up_customer(
    contact: Contact, offer: Offer, session: AgentSession | None, *, outcome: Outcome, at: datetime
) -> None:
    """End an attempt whose agent was there and whose customer is not: what is left of it is taken away. All is locked.

    The agent's telephone may be over or not; they are free, and nobody blames them.
    """
    attempt = open_attempt(contact)
    if attempt is not None:
        attempt.outcome = outcome
        update_row(attempt, "outcome")
    cause = f"customer-{outcome}".replace("_", "-")
    close_offer(contact, offer, session, state=OfferState.RESCINDED, cause=cause, at=at, back_in_queue=False)
    caller_command(contact, CommandKind.HANG_UP, at=at)
    interaction = Interaction.objects.get(id=contact.interaction_id)
    interaction.ended_at = at
    update_row(interaction, "ended_at")
    end_contact_row(contact, interaction, reason=EndReason.NOT_REACHED, at=at)


def close_offer(
    contact: Contact,
    offer: Offer,
    session: AgentSession | None,
    *,
    state: OfferState,
    cause: str,
    at: datetime,
    back_in_queue: bool = True,
    leg_is_over: bool = False,
) -> None:
    """End a live offer without a connection. Both rows and the session are locked.

    Rings the agent no longer (unless the leg is over already), frees the slot, and puts the contact back into its
    place in the queue unless it ends now itself.
    """
    OFFER.apply(offer, state)
    offer.ended_at, offer.cause = at, cause
    update_row(offer, "state", "ended_at", "cause")
    drop_timer(OFFER_TIMER, subject_id=offer.id)
    if not leg_is_over:
        send(
            CommandKind.HANG_UP,
            node=contact.node,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            session_id=offer.session_id,
            at=at,
            arguments={"channel": offer.leg_channel},
        )
    if session is not None:
        let_go(session, offer.slot_id, worked=False, at=at)
    note(f"offer.{state}", contact, at=at, offer=offer.id, agent_session=offer.session_id, cause=cause)
    if not back_in_queue:
        save(contact)
        return
    was_connecting = contact.state == ContactState.CONNECTING
    requeue(contact, at=at, cause=str(state))
    if was_connecting:
        # The music stopped for the agent who is gone again. Only the switch's reports and timers get here.
        answered = Interaction.objects.filter(id=contact.interaction_id, answered_at__isnull=False).exists()
        entertain(contact, answered=answered, at=at)


def spare(contact: Contact, session: AgentSession) -> None:
    """Leave the agent in peace for a moment, and out of this contact for longer. Deadlines are the database's clock."""
    now = db_now()
    exclude(contact, session, until=now + EXCLUSION_TIME)
    back_off(session, until=now + BACK_OFF_TIME, at=now)


def blame(session: AgentSession, reason: NotReadyReason.System, *, at: datetime) -> None:
    """Make an agent not ready who was not there, or whose phone was not; a reason of their own choosing stays."""
    if session.state == SessionState.READY:
        make_not_ready(session, system_code=reason, at=at)


def exclude(contact: Contact, session: AgentSession, *, until: datetime) -> None:
    """Do not offer the contact to this session before `until`; then its pool is matched again."""
    exclusion, _made = Exclusion.objects.update_or_create(
        tenant_id=contact.tenant_id, contact=contact, session=session, defaults={"until": until}
    )
    set_timer(EXCLUSION_TIMER, tenant_id=contact.tenant_id, subject_id=exclusion.id, due_at=until)


def send_dial(
    contact: Contact,
    offer: Offer,
    *,
    endpoint: str,
    seconds: int,
    at: datetime,
    headers: Mapping[str, str] = NO_HEADERS,
) -> None:
    """Have the station's phone called for the offer, as the leg whose id the offer holds."""
    send(
        CommandKind.DIAL,
        node=contact.node,
        interaction_id=contact.interaction_id,
        contact_id=contact.id,
        session_id=offer.session_id,
        at=at,
        arguments={
            "channel": offer.leg_channel,
            "endpoint": endpoint,
            "timeout_s": seconds,
            "headers": dict(headers),
            "offer": str(offer.id),
            "tenant": str(contact.tenant_id),
            "demand": str(contact.demand_id),
        },
    )


@timer_handler(OFFER_TIMER)
def expire_offer(due: Due) -> None:
    """The lease of an offer ran out: nobody answered (RONA), or accepting did not lead to a connection.

    The contact goes back to its place; the agent is not ready, with a reason that says so, and may come back by
    themselves.
    """
    with engine_scope():
        contact = lock_contact(UUID(due.data["contact"]))
        if not claim_timer(due):
            return
        offer = live_offer(contact)
        if offer is None or offer.id != due.subject_id or offer.fence != due.data["fence"]:
            return
        session = lock_sessions([offer.session_id]).get(offer.session_id)
        now = db_now()
        _expire(contact, offer, session, at=now)


def _expire(contact: Contact, offer: Offer, session: AgentSession | None, *, at: datetime) -> None:
    """Close an offer whose lease is over, and treat the agent as they deserve: only one who was rung has missed it."""
    accepted = offer.state == OfferState.ACCEPTED
    if accepted and contact.direction == Direction.OUTBOUND and _answered_at(contact) is None:
        give_up_customer(contact, offer, session, outcome=Outcome.FAILED, at=at)
        return
    was_rung = offer.ringing_at is not None or (offer.answer_mode == "desk" and not accepted)
    state = OfferState.TIMED_OUT if was_rung else OfferState.FAILED
    close_offer(contact, offer, session, state=state, cause="not-joined" if accepted else "lease", at=at)
    if session is None:
        return
    if was_rung and not accepted:
        blame(session, NotReadyReason.System.MISSED, at=at)
    else:
        # The phone was never called, or both were there and the exchange did not join them: not the agent's doing.
        spare(contact, session)


@timer_handler(EXCLUSION_TIMER)
def end_exclusion(due: Due) -> None:
    """An exclusion is over: the contact may be offered to that agent again."""
    with engine_scope():
        if claim_timer(due):
            Exclusion.objects.filter(id=due.subject_id).delete()
            request_match(due.tenant_id)


@timer_handler(AFFINITY_TIMER)
def end_due_affinity(due: Due) -> None:
    """The agent for whom a contact has waited had their time: now it may be offered to everybody."""
    with engine_scope():
        contact = lock_contact(due.subject_id)
        if claim_timer(due):
            note("contact.affinity_ended", contact, at=db_now())
            save(contact, *end_affinity(contact))
            request_match(due.tenant_id)


def _answered_at(contact: Contact) -> datetime | None:
    return Interaction.objects.values_list("answered_at", flat=True).get(id=contact.interaction_id)


def _lock_for_desk(offer_id: UUID, session_id: UUID) -> tuple[Contact, Offer]:
    contact_id = Offer.objects.filter(id=offer_id, session_id=session_id).values_list("contact_id", flat=True).first()
    if contact_id is None:
        raise NotFound(_("You have no offer %(offer)s.") % {"offer": offer_id}, offer=str(offer_id))
    contact = lock_contact(contact_id)
    offer = Offer.objects.get(id=offer_id)
    if offer.state not in LIVE_OFFER:
        raise _over(offer)
    return contact, offer


def _over(offer: Offer) -> Conflict:
    message = _("This offer is over (%(state)s).") % {"state": offer.get_state_display()}
    return Conflict(message, code="offer-over", state=offer.state)
