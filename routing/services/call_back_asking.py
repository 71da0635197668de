"""A call-back is asked for: in a call, on the web, by an agent or a program. One is open for a number and service."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from agents.public import Agent
from routing.call_back_states import OPEN_CALL_BACK
from routing.eligibility import find_policy
from routing.models import CallBack, CallBackParty, CallBackRule, CallBackSource, Contact, EntryPoint, Queue
from routing.services.call_backs import next_opening, rule_of, schedule
from routing.services.contacts import came_at, note, save
from routing.services.outside import callable_number, read_outside
from tenants.public import (
    Conflict,
    Invalid,
    NotFound,
    calling_hash,
    db_now,
    find_row,
    insert_row,
    region_of,
    tenant_scope,
)

NAME_LIMIT = 120
NOTE_LIMIT = 500
STILL_CALLING = timedelta(minutes=2)
"""How long the end of the call in which a call-back was asked for is waited for: their telephone is busy till then."""

FURTHEST = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for. `number` is as they wrote it; `opens_at` to `closes_at` is when they want to be called.

    Without a window they are to be called as soon as may be. `zone` is the one in which they named it. `agent_id` is
    who is to be asked first.
    """

    number: str
    name: str = ""
    note: str = ""
    language: str = ""
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    zone: str = ""
    agent_id: UUID | None = None
    secret_hash: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The call-back that is open now, and whether it was there before."""

    call_back: CallBack
    existed: bool


def ask_for_call_back(
    *,
    tenant_id: UUID,
    entry_point_id: UUID,
    wish: Wish,
    source: CallBackSource,
    actor: str,
    origin_id: UUID | None = None,
) -> Asked:
    """Have a customer called back by a service; `origin_id` is the contact in which that was agreed.

    Raises NotFound; Invalid "number-…" (as `callable_number` says), "name-too-long", "note-too-long", "window-…",
    "no-queue", "closed"; a call-back that is open already is returned as it is.
    """
    check_text(wish.name, NAME_LIMIT, "name-too-long")
    check_text(wish.note, NOTE_LIMIT, "note-too-long")
    outside = read_outside()
    with tenant_scope(tenant_id, actor=actor):
        entry_point = EntryPoint.objects.select_related("number").filter(id=entry_point_id).first()
        if entry_point is None:
            raise NotFound(_("There is no such service."), entry_point=str(entry_point_id))
        if wish.agent_id is not None and not Agent.objects.filter(id=wish.agent_id).exists():
            raise NotFound(_("There is no such agent."), agent=str(wish.agent_id))
        origin = Contact.objects.filter(id=origin_id).first() if origin_id is not None else None
        if origin_id is not None and origin is None:
            raise NotFound(_("There is no contact %(contact)s.") % {"contact": origin_id}, contact=str(origin_id))
        region = region_of(entry_point.number.e164) if entry_point.number else None
        number = callable_number(wish.number, outside, region=region)
        rule = rule_of(tenant_id, entry_point_id)
        queue = _queue_of(rule, origin)
        now = db_now()
        check_window(wish.opens_at, wish.closes_at, now=now)
        row = _new(rule, entry_point, queue, number, source, since=now, at=now)
        row.opens_at, row.zone, row.agent_id = wish.opens_at, wish.zone, wish.agent_id
        row.since = max(now, wish.opens_at or now)
        row.expires_at = wish.closes_at or row.since + timedelta(seconds=rule.keep_seconds)
        row.language = wish.language or entry_point.language
        row.secret_hash, row.origin = wish.secret_hash, origin
        return _keep(row, rule, number=number, name=wish.name, about=wish.note, earliest=now, at=now)


def take_call_back(contact: Contact, *, number: str, name: str = "", queue: Queue | None = None, at: datetime) -> Asked:
    """Take a call-back to a caller who waits, or is in a flow. Inner step in the tenant's scope; the contact is locked.

    `number` has been found callable. The call-back has the place that the caller had in their queue; elsewhere they
    come to the queue now. However the contact ends, its end is called "call-back taken". Raises Invalid "no-queue",
    "closed".
    """
    entry_point = EntryPoint.objects.get(id=contact.entry_point_id)
    rule = rule_of(contact.tenant_id, entry_point.id)
    queue = queue or _queue_of(rule, contact)
    row = _new(rule, entry_point, queue, number, CallBackSource.QUEUE, since=at, at=at)
    if contact.queue_id == queue.id and contact.order_at is not None:
        row.since = came_at(contact, queue, find_policy(contact.tenant_id), at=at)
        row.priority, row.step = contact.priority, contact.step
    row.language, row.origin = contact.language, contact
    row.is_test = contact.is_test
    asked = _keep(row, rule, number=number, name=name, about="", earliest=at + STILL_CALLING, at=at)
    contact.call_back = asked.call_back
    note("contact.call_back_taken", contact, at=at, call_back=asked.call_back.id, existed=asked.existed)
    save(contact, "call_back")
    return asked


def check_text(text: str, limit: int, code: str) -> None:
    """Raise Invalid with the code when the text is too long."""
    if len(text) > limit:
        message = _("The text has %(length)d characters; %(limit)d fit.")
        raise Invalid(message % {"length": len(text), "limit": limit}, code=code, limit=limit)


def check_window(opens_at: datetime | None, closes_at: datetime | None, *, now: datetime) -> None:
    """Raise Invalid unless there is time left in the window: "window-backwards", "window-past", "window-far"."""
    if opens_at is not None and closes_at is not None and closes_at <= opens_at:
        raise Invalid(_("The time ends before it begins."), code="window-backwards")
    if closes_at is not None and closes_at <= now:
        raise Invalid(_("This time is past."), code="window-past")
    if max(opens_at or now, closes_at or now) > now + FURTHEST:
        message = _("A call-back can be at most %(days)d days away.")
        raise Invalid(message % {"days": FURTHEST.days}, code="window-far", days=FURTHEST.days)


def open_call_back_to(entry_point_id: UUID, number_hash: str) -> CallBack | None:
    """Return the call-back of the open scope's tenant that is open for a customer and service."""
    where = "t.entry_point_id = %s AND t.calling_hash = %s AND t.state = ANY(%s)"
    return find_row(CallBack, where, [entry_point_id, number_hash, [str(state) for state in OPEN_CALL_BACK]])


def must_be_new(asked: Asked) -> CallBack:
    """Return the call-back that was asked for; raise Conflict "call-back-exists" when another was open already."""
    if asked.existed:
        message = _("A call-back to this number is open already (%(state)s).")
        known = asked.call_back
        said = message % {"state": known.get_state_display()}
        raise Conflict(said, code="call-back-exists", call_back=str(known.id), state=known.state)
    return asked.call_back


def _new(
    rule: CallBackRule,
    entry_point: EntryPoint,
    queue: Queue,
    number: str,
    source: CallBackSource,
    *,
    since: datetime,
    at: datetime,
) -> CallBack:
    return CallBack(
        tenant_id=entry_point.tenant_id,
        entry_point=entry_point,
        queue=queue,
        calling_hash=calling_hash(number),
        source=source,
        mode=rule.mode,
        language=entry_point.language,
        is_test=entry_point.is_test,
        since=since,
        asked_at=at,
        due_at=at,
        expires_at=at + timedelta(seconds=rule.keep_seconds),
    )


def _keep(
    row: CallBack, rule: CallBackRule, *, number: str, name: str, about: str, earliest: datetime, at: datetime
) -> Asked:
    """Write a call-back unless one is open for the customer and service; of two at once, the first is it."""
    opens = next_opening(rule, max(earliest, row.opens_at or earliest))
    if opens is None or opens >= row.expires_at:
        raise Invalid(_("The service is not open before the call-back would expire."), code="closed")
    insert_row(row, unless_there=True)
    there = open_call_back_to(row.entry_point_id, row.calling_hash)
    if there is None:
        raise RuntimeError("a call-back was neither written nor there")
    if there.id != row.id:
        return Asked(there, existed=True)
    insert_row(CallBackParty(tenant_id=row.tenant_id, call_back=row, number=number, name=name, note=about))
    schedule(row, rule, earliest=earliest, at=at)
    return Asked(row, existed=False)


def _queue_of(rule: CallBackRule, contact: Contact | None) -> Queue:
    queue_id = contact.queue_id if contact is not None and contact.queue_id is not None else rule.queue_id
    queue: Queue | None = Queue.objects.filter(id=queue_id, active=True).first() if queue_id is not None else None
    if queue is None:
        raise Invalid(_("No queue serves call-backs of this service. Name one in its call-back rule."), code="no-queue")
    return queue
