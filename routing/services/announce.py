"""In the queue: what its callers are to know is told now and then, and the music goes on."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from routing.flows.media import Say, SpokenText, media_for
from routing.models import CommandKind, Contact, Queue
from routing.services.commands import caller_command
from routing.services.contacts import ANNOUNCE_TIMER, lock_contact
from routing.services.playback import POSITION_LABEL, medium, playback_id
from routing.speech import queue_position_phrase, wait_phrase
from routing.states import ContactState
from routing.waiting import estimate_wait
from tenants.public import Due, claim_timer, db_now, engine_scope, set_timer, timer_handler


@timer_handler(ANNOUNCE_TIMER)
def announce_position(due: Due) -> None:
    """Tell a caller who still waits their position, and set the timer for the next time."""
    with engine_scope():
        contact = lock_contact(due.subject_id)
        if not claim_timer(due) or contact.queue is None or contact.state == ContactState.ENDED:
            return
        now = db_now()
        if contact.state == ContactState.QUEUED:
            _tell(contact, list(_told(contact, contact.queue)), at=now)
        if contact.state in (ContactState.QUEUED, ContactState.OFFERED):
            set_timer(
                ANNOUNCE_TIMER,
                tenant_id=contact.tenant_id,
                subject_id=contact.id,
                due_at=now + timedelta(seconds=contact.queue.announce_seconds),
            )


def _tell(contact: Contact, media: list[dict[str, str]], *, at: datetime) -> None:
    if not media:
        return
    caller_command(contact, CommandKind.STOP_MUSIC, at=at)
    caller_command(contact, CommandKind.PLAY, at=at, playback=playback_id(contact.id, POSITION_LABEL), media=media)


def resume_music(*, contact_id: UUID, node: str) -> None:
    """Play the queue's music again after an announcement, to a caller who still waits."""
    with engine_scope(node=node):
        contact = lock_contact(contact_id)
        if contact.queue is not None and contact.state in (ContactState.QUEUED, ContactState.OFFERED):
            caller_command(contact, CommandKind.START_MUSIC, at=db_now(), music_class=contact.queue.music_class)


def _told(contact: Contact, queue: Queue) -> Iterator[dict[str, str]]:
    """Yield what a caller who waits is told, each as a command says it: what their queue wants and what is known."""
    if queue.announce_position:
        yield _said(queue_position_phrase(position(contact), contact.language), contact.language)
    wait = estimate_wait(contact) if queue.announce_wait else None
    if wait is not None:
        yield _said(wait_phrase(wait.seconds, contact.language), contact.language)
    if queue.comfort:
        yield medium(media_for(SpokenText(queue.comfort), languages=(contact.language,)))


def _said(text: str, language: str) -> dict[str, str]:
    return medium(Say(text, language))


def position(contact: Contact) -> int:
    """Return the contact's place among those that wait in its queue: 1 is next. Inner step, any role."""
    ahead = Q(priority__gt=contact.priority) | Q(priority=contact.priority, order_at__lt=contact.order_at)
    waiting = Contact.objects.filter(
        tenant_id=contact.tenant_id, queue_id=contact.queue_id, state=ContactState.QUEUED
    ).filter(ahead)
    return waiting.count() + 1
