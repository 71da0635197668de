"""Inner steps on contacts: locking, recording, queueing, ending. The caller has the scope and, in this order, the
locks: the contact, then the session.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from routing.models import (
    Channel,
    CommandKind,
    Contact,
    Demand,
    Direction,
    Interaction,
    Offer,
    Participation,
    Queue,
    RoutingPolicy,
)
from routing.services.affinity import begin_affinity, end_affinity, told_of_affinity
from routing.services.call_backs import caller_hung_up, end_attempt, is_unanswered_call_back
from routing.services.commands import caller_command
from routing.services.playback import POSITION_LABEL, playback_id
from routing.services.segments import begin_segment, end_segment
from routing.states import CONTACT, ContactState, EndReason, SegmentKind
from tenants.public import NotFound, drop_timer, find_row, record, request_match, set_timer, state_of, update_row

ANNOUNCE_TIMER = "announce"
FIRST_ANNOUNCEMENT = timedelta(seconds=2)
"""Long enough that a caller who is served at once is not told a position first."""

STEP_TIMER = "step"

AGED = 32767
"""The priority of a contact that has waited for so long that nobody may overtake it."""

HIGHEST_PRIORITY = AGED - 1

IN_QUEUE = (ContactState.QUEUED, ContactState.OFFERED, ContactState.CONNECTING)
"""States of a contact that waits in its queue, or goes back there unless it is connected."""

NOT_WHILE_IT_RINGS = timedelta(seconds=2)
"""A contact that an agent is just asked to take is led nowhere else by time alone; then it is looked at again."""

OFFER_LIVES = (ContactState.OFFERED, ContactState.CONNECTING)
"""The states of a contact that has a live offer; in all others it has none."""


def lock_contact(contact_id: UUID) -> Contact:
    """Lock and return a contact of the open scope; raise NotFound."""
    contact = find_row(Contact, "t.id = %s", [contact_id], lock=True)
    if contact is None:
        raise contact_unknown(contact_id)
    return contact


def contact_unknown(contact_id: UUID) -> NotFound:
    """Return the error that says so: of another tenant, or of nobody."""
    return NotFound(_("There is no contact %(contact)s.") % {"contact": contact_id}, contact=str(contact_id))


def lock_open_contact(interaction_id: UUID) -> Contact | None:
    """Lock and return the contact that now handles an interaction, if one does. Interaction and queue come with it."""
    return find_row(
        Contact,
        "t.interaction_id = %s AND t.state <> 'ended'",
        [interaction_id],
        lock=True,
        joined=("interaction", "queue"),
    )


def live_offer(contact: Contact) -> Offer | None:
    """Return the contact's live offer. Offers change only under their contact's lock, and with its state."""
    if contact.state not in OFFER_LIVES:
        return None
    return find_row(Offer, "t.contact_id = %s AND t.state IN ('offered', 'accepted')", [contact.id])


def handler_of(contact: Contact) -> Participation | None:
    """Return who is on the contact now."""
    if contact.state != ContactState.ENGAGED:
        return None
    return find_row(Participation, "t.contact_id = %s AND t.left_at IS NULL", [contact.id])


def note(event_type: str, contact: Contact, *, at: datetime, **data: Any) -> None:
    """Record an event of the contact, with the ids that every event of a contact carries."""
    ids = {
        "interaction": contact.interaction_id,
        "queue": contact.queue_id,
        "channel": contact.channel,
        "direction": contact.direction,
        "language": contact.language,
    }
    record(event_type, contact, kind="contact", at=at, is_test=contact.is_test, **ids, **data)


def save(contact: Contact, *fields: str) -> None:
    """Save the contact's state, version and the named fields; one that is just being made is written whole, later."""
    if state_of(contact).adding:
        return
    update_row(contact, "state", "version", *fields)


def enter_queue(
    contact: Contact,
    queue: Queue,
    demand: Demand,
    policy: RoutingPolicy,
    *,
    priority: int | None,
    answered: bool,
    at: datetime,
    since: datetime,
    step: int = 0,
) -> None:
    """Let the contact wait in `queue` for an agent with the skills that `demand` names; ordered by `since`, as the
    tenant's policy orders the contacts of this queue.

    `since` is when it came to the queue by the switch's report, `at` now: under load the two differ, and nobody loses
    the place for it.
    """
    CONTACT.apply(contact, ContactState.QUEUED)
    priority = queue.priority if priority is None else priority
    wait_in_queue(
        contact, queue, demand, policy, priority=min(priority, HIGHEST_PRIORITY), at=at, since=since, step=step
    )
    entertain(contact, answered=answered, at=at)


def wait_in_queue(
    contact: Contact,
    queue: Queue,
    demand: Demand,
    policy: RoutingPolicy,
    *,
    priority: int,
    at: datetime,
    since: datetime,
    step: int = 0,
) -> None:
    """Let a contact that is to wait do so in this queue, at `step`, as `enter_queue` describes."""
    contact.queue, contact.demand, contact.step = queue, demand, step
    contact.priority, contact.queued_at = priority, at
    has_aged = priority == AGED
    contact.order_at = since if has_aged else since + policy.shift_of(queue, contact.segment)
    ages = policy.ageing_seconds and not has_aged
    contact.ages_at = since + timedelta(seconds=policy.ageing_seconds) if ages else None
    affinity = begin_affinity(contact, queue, demand, at=at)
    told = told_of_affinity(contact) | ({"segment": contact.segment} if contact.segment else {})
    note("contact.queued", contact, at=at, demand=demand.id, priority=contact.priority, **told)
    save(contact, "queue", "demand", "step", "priority", "queued_at", "order_at", "ages_at", *affinity)
    begin_segment(contact, SegmentKind.QUEUE, at=at)
    await_step(contact, queue, at=at)
    request_match(contact.tenant_id)


def is_full(queue: Queue) -> bool:
    """Whether as many wait in the queue as may. Some who come in the same moment may all find the last place."""
    if not queue.most_waiting:
        return False
    waiting = Contact.objects.filter(tenant_id=queue.tenant_id, queue_id=queue.id, state=ContactState.QUEUED)
    return waiting.count() >= queue.most_waiting


def step_begins(contact: Contact, queue: Queue) -> datetime | None:
    """Return when the contact comes to its next routing step by having waited; None at the last."""
    if contact.step >= len(queue.steps) or contact.queued_at is None:
        return None
    return contact.queued_at + timedelta(seconds=queue.steps[contact.step]["after"])


def await_step(contact: Contact, queue: Queue, *, at: datetime) -> None:
    """Let the contact age, or come to its next routing step, when it has waited for so long; at once if it has."""
    moments = [moment for moment in (step_begins(contact, queue), contact.ages_at) if moment is not None]
    if moments:
        due_at = max(min(moments), at)
        set_timer(STEP_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=due_at)


def await_no_step(contact: Contact) -> None:
    """The contact waits in its queue no more."""
    if contact.queue is not None and (contact.ages_at is not None or step_begins(contact, contact.queue) is not None):
        drop_timer(STEP_TIMER, subject_id=contact.id)


def entertain(contact: Contact, *, answered: bool, at: datetime) -> None:
    """Let a caller who waits hear the queue's music and, now and then, the position; ringing when not answered yet."""
    if contact.queue is None or contact.channel != Channel.VOICE:
        return
    if not answered:
        # Nobody hears anything yet of whom we are to call ourselves.
        if contact.direction == Direction.INBOUND:
            caller_command(contact, CommandKind.INDICATE_RINGING, at=at)
        return
    caller_command(contact, CommandKind.START_MUSIC, at=at, music_class=contact.queue.music_class)
    if contact.queue.announce_seconds:
        set_timer(ANNOUNCE_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=at + FIRST_ANNOUNCEMENT)


def leave_queue(contact: Contact, *, at: datetime) -> None:
    """Let a contact that waits go on in its flow: it is offered to nobody. Inner step; any role."""
    CONTACT.apply(contact, ContactState.IN_FLOW)
    note("contact.left_queue", contact, at=at)
    drop_timer(ANNOUNCE_TIMER, subject_id=contact.id)
    await_no_step(contact)
    save(contact, *end_affinity(contact))
    begin_segment(contact, SegmentKind.FLOW, at=at)
    caller_command(contact, CommandKind.STOP_MUSIC, at=at)
    if contact.queue is not None and contact.queue.announce_seconds:
        position = playback_id(contact.id, POSITION_LABEL)
        caller_command(contact, CommandKind.STOP_PLAYBACK, at=at, playback=position)


def came_at(contact: Contact, queue: Queue, policy: RoutingPolicy, *, at: datetime) -> datetime:
    """Return the moment by which a contact is ordered in the queue that it stands or stood in, without what the queue
    shifted it by.
    """
    if contact.order_at is None or contact.priority == AGED:
        return contact.order_at or at
    return contact.order_at - policy.shift_of(queue, contact.segment)


def requeue(contact: Contact, *, at: datetime, cause: str) -> None:
    """Put the contact back where it stood: it keeps its place (`order_at`), its priority and its routing step. Whatever
    agent it waited for has been asked: it is everybody's.
    """
    CONTACT.apply(contact, ContactState.QUEUED)
    note("contact.requeued", contact, at=at, cause=cause)
    save(contact, *end_affinity(contact))
    begin_segment(contact, SegmentKind.QUEUE, at=at)
    if contact.queue is not None:
        await_step(contact, contact.queue, at=at)
    request_match(contact.tenant_id)


def end_contact_row(contact: Contact, interaction: Interaction, *, reason: EndReason, at: datetime) -> None:
    """End the contact, with its metered time: its share of the caller's leg from answer to end (`design`, clocks)."""
    CONTACT.apply(contact, ContactState.ENDED)
    contact.end_reason, contact.ending, contact.ended_at = reason, "", max(at, contact.arrived_at)
    contact.metered_ms = metered_ms(interaction, contact)
    drop_timer(ANNOUNCE_TIMER, subject_id=contact.id)
    await_no_step(contact)
    over = end_affinity(contact)
    end_segment(contact, at=contact.ended_at)
    note("contact.ended", contact, at=contact.ended_at, reason=str(reason), metered_ms=contact.metered_ms)
    if reason in (EndReason.ABANDONED, EndReason.SHORT_ABANDONED):
        note("contact.abandoned", contact, at=contact.ended_at, short=reason == EndReason.SHORT_ABANDONED)
    save(contact, "end_reason", "ending", "ended_at", "metered_ms", *over)
    if contact.call_back_id is not None:
        if contact.direction == Direction.OUTBOUND:
            end_attempt(contact, reason=reason, at=contact.ended_at)
        else:
            caller_hung_up(contact, at=contact.ended_at)


def metered_ms(interaction: Interaction, contact: Contact) -> int:
    """Return the contact's share of the answered time of the caller's leg, in milliseconds; 0 when never answered."""
    if interaction.answered_at is None or contact.ended_at is None:
        return 0
    began = max(contact.arrived_at, interaction.answered_at)
    return max(0, (contact.ended_at - began) // timedelta(milliseconds=1))


def reason_of_hang_up(contact: Contact, interaction: Interaction, *, at: datetime) -> EndReason:
    """Say what the end of a contact is called when its caller's leg ends now."""
    if contact.ending:
        return EndReason(contact.ending)
    if contact.state == ContactState.ENGAGED:
        return EndReason.HANDLED
    if is_unanswered_call_back(contact, interaction.answered_at):
        return EndReason.NOT_REACHED
    if contact.call_back_id is not None and contact.direction == Direction.INBOUND:
        return EndReason.CALLBACK_TAKEN
    if contact.queued_at is None or contact.queue is None:
        return EndReason.LEFT_FLOW
    waited = at - contact.queued_at
    short = waited < timedelta(seconds=contact.queue.short_abandon_seconds)
    return EndReason.SHORT_ABANDONED if short else EndReason.ABANDONED
