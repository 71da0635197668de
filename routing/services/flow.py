"""A contact goes through its flow: one trigger, one step of the interpreter, one transaction.

Flows run in the tenant's scope, since keys pressed are personal. What leads out of the tenant (a hand-over) is
committed as a timer and then done at once by the engine's role; after a crash the timer does it.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from routing import flows
from routing.eligibility import DemandMissing, ensure_demand
from routing.flows import actions, triggers
from routing.flows.media import Media, Say
from routing.models import CommandKind, Contact, ContactParty, FlowRun, FlowVersion, Queue
from routing.services.arrive import ANSWERED_LABEL, FLOW_TIMER, PLAYED_LABEL, START_LABEL
from routing.services.commands import caller_command
from routing.services.contacts import enter_queue, lock_contact, note, save
from routing.services.hand_over import HAND_OVER_TIMER, hand_over_contact
from routing.services.playback import playback_id
from routing.states import CONTACT, ContactState, EndReason
from routing.switch.port import Cause
from tenants.public import (
    Customer,
    Due,
    HotseatError,
    claim_timer,
    db_now,
    drop_timer,
    engine_scope,
    find_row,
    set_timer,
    tenant_scope,
    timer_handler,
    update_row,
)

log = logging.getLogger(__name__)

REMEMBERED_KEYS = 32
QUEUE_GONE = "queue-gone"
ENDINGS = {
    "closed": EndReason.REJECTED,
    "busy": EndReason.REJECTED,
    "rejected": EndReason.REJECTED,
    "no_input": EndReason.LEFT_FLOW,
    actions.FLOW_LIMIT: EndReason.FAILED,
    QUEUE_GONE: EndReason.FAILED,
}
"""What a contact's end is called when its flow hangs up for a reason other than having served the caller."""

CAUSES = {"busy": Cause.USER_BUSY, "rejected": Cause.CALL_REJECTED, QUEUE_GONE: Cause.TEMPORARY_FAILURE}
"""What a caller who was never answered is told (Q.850)."""

HAND_OVER_NET = timedelta(seconds=2)
PLAY_NET = timedelta(minutes=5)
"""Longer than any prompt: a text of 2,000 characters takes about two minutes."""


Definition = flows.FlowDefinition


def start_flow(*, tenant_id: UUID, contact_id: UUID, node: str) -> None:
    """Take the contact into its flow; nothing happens if it is there already."""
    advance_flow(tenant_id=tenant_id, contact_id=contact_id, node=node, trigger=triggers.Started())


def advance_flow(
    *,
    tenant_id: UUID,
    contact_id: UUID,
    node: str,
    trigger: triggers.Trigger,
    event_key: str = "",
    claim: Callable[[], bool] | None = None,
) -> None:
    """Tell the contact's flow what happened and carry out what it wants.

    `event_key` is the switch event's: one that was applied before changes nothing. `claim` must succeed, inside the
    transaction, for the step to be kept (a timer that fired). A contact that has left its flow ignores everything.
    """
    step = _Step(tenant_id=tenant_id, contact_id=contact_id, node=node)
    try:
        step.run(trigger, event_key=event_key, claim=claim)
    except DemandMissing as missing:
        ensure_demand(tenant_id=tenant_id, queue_id=missing.queue_id)
        step.run(trigger, event_key=event_key, claim=claim)
    if step.hand_over is not None:
        arrival = hand_over_contact(tenant_id=tenant_id, contact_id=contact_id, service=step.hand_over, node=node)
        if arrival is not None:
            start_flow(tenant_id=arrival.tenant_id, contact_id=arrival.contact_id, node=node)


def resume_flows(*, node: str) -> None:
    """Let flows go on that wait for news which was told while nobody listened.

    A playback that was running may have finished, and an answer may have been noted without its flow: both are told
    again. A prompt that still runs is then followed by its question, which the caller may answer at once.
    """
    with engine_scope(read_only=True, node=node):
        contacts = Contact.objects.filter(node=node, state=ContactState.IN_FLOW).select_related("interaction")
        waiting = [(row.tenant_id, row.id, row.interaction.answered_at is not None) for row in contacts]
    for tenant_id, contact_id, answered in waiting:
        try:
            resume_flow(tenant_id=tenant_id, contact_id=contact_id, node=node, answered=answered)
        except HotseatError:
            log.exception("a flow could not be resumed", extra={"contact": str(contact_id)})


def resume_flow(*, tenant_id: UUID, contact_id: UUID, node: str, answered: bool, timer_is_lost: bool = False) -> bool:
    """Tell a contact's flow again what it waits for, if it can have missed it; False when it waits for nothing such.

    `timer_is_lost`: the timer that it waits for will not fire, so that its time is over now.
    """
    with tenant_scope(tenant_id, read_only=True):
        run = FlowRun.objects.filter(contact_id=contact_id).first()
    state = flows.FlowState.from_json(run.state) if run else flows.FlowState()
    trigger: triggers.Trigger
    if answered and not state.answered:
        trigger = triggers.Answered()
    elif state.playing is not None:
        trigger = triggers.MediaFinished(state.playing)
    elif timer_is_lost and state.timer is not None:
        trigger = triggers.TimedOut(state.timer)
    else:
        return False
    advance_flow(tenant_id=tenant_id, contact_id=contact_id, node=node, trigger=trigger)
    return True


@timer_handler(FLOW_TIMER)
def flow_timer(due: Due) -> None:
    """A flow's own timer ran out, or something that it waits for was lost: its start, the answer, a prompt's end."""
    label = str(due.data["label"])
    trigger: triggers.Trigger = triggers.TimedOut(label)
    if label == START_LABEL:
        trigger = triggers.Started()
    elif label == ANSWERED_LABEL:
        trigger = triggers.Answered()
    elif label.startswith(PLAYED_LABEL):
        trigger = triggers.MediaFinished(label.removeprefix(PLAYED_LABEL))
    advance_flow(
        tenant_id=due.tenant_id, contact_id=due.subject_id, node="", trigger=trigger, claim=lambda: claim_timer(due)
    )


_parsed: dict[UUID, Definition] = {}
MOST_PARSED = 512


def _definition_of(version_id: UUID) -> Definition:
    """Return a version's parsed definition. Versions never change, so each process parses one once."""
    if version_id not in _parsed:
        if len(_parsed) >= MOST_PARSED:
            _parsed.clear()
        _parsed[version_id] = flows.parse_definition(FlowVersion.objects.get(id=version_id).definition)
    return _parsed[version_id]


class _Step:
    """One step of one contact's flow, inside one scope. `hand_over` is what is left to do after it."""

    def __init__(self, *, tenant_id: UUID, contact_id: UUID, node: str) -> None:
        self.tenant_id, self.contact_id, self.node = tenant_id, contact_id, node
        self.hand_over: dict[str, Any] | None = None

    def run(self, trigger: triggers.Trigger, *, event_key: str, claim: Callable[[], bool] | None) -> None:
        with tenant_scope(self.tenant_id, node=self.node):
            self.starts = isinstance(trigger, triggers.Started)
            self.contact = lock_contact(self.contact_id)
            self.now = db_now()
            if claim is not None and not claim():
                return
            if not self._may_take(trigger):
                return
            run = find_row(FlowRun, "t.contact_id = %s", [self.contact_id])
            if run is None:
                raise RuntimeError(f"contact {self.contact_id} has no flow run")
            if event_key and event_key in run.applied:
                return
            self.state = flows.FlowState.from_json(run.state)
            step = flows.advance(self._definition(), self.state, trigger, self._facts())
            self.state = step.state
            run.state = step.state.as_json()
            run.applied = [*run.applied, event_key][-REMEMBERED_KEYS:] if event_key else run.applied
            update_row(run, "state", "applied")
            for action in step.actions:
                self._carry_out(action)
            if isinstance(trigger, triggers.Started) and self.contact.state == ContactState.IN_FLOW:
                save(self.contact)

    def _may_take(self, trigger: triggers.Trigger) -> bool:
        if isinstance(trigger, triggers.Started):
            if self.contact.state != ContactState.ARRIVING:
                return False
            drop_timer(FLOW_TIMER, subject_id=self.contact.id)
            CONTACT.apply(self.contact, ContactState.IN_FLOW)
            note("contact.flow_started", self.contact, at=self.now, version=self.contact.flow_version_id)
            return True
        if isinstance(trigger, triggers.Answered):
            drop_timer(FLOW_TIMER, subject_id=self.contact.id)
        return self.contact.state == ContactState.IN_FLOW

    def _definition(self) -> Definition:
        version_id = self.contact.flow_version_id
        if version_id is None:
            raise RuntimeError(f"contact {self.contact.id} is in a flow without a version")
        return _definition_of(version_id)

    def _facts(self) -> flows.FlowFacts:
        party = find_row(ContactParty, "t.contact_id = %s", [self.contact_id], joined=("tenant",))
        if party is None:
            raise RuntimeError(f"contact {self.contact_id} has no party")
        tenant = party.tenant
        shown = party.ani and not party.ani_restricted
        known = bool(shown) and Customer.objects.filter(phone=party.ani).exists()
        return flows.FlowFacts(
            now=self.now,
            time_zone=tenant.zone,
            language=self.contact.language or tenant.language,
            dnis=party.dnis or None,
            ani_known=known,
        )

    def _carry_out(self, action: actions.Action) -> None:  # noqa: C901 - one branch an action
        contact, now = self.contact, self.now
        match action:
            case actions.Answer():
                caller_command(contact, CommandKind.ANSWER, at=now)
            case actions.PlayMedia(playback=label, items=items):
                media = [medium(item) for item in items]
                caller_command(contact, CommandKind.PLAY, at=now, playback=playback_id(contact.id, label), media=media)
                # A prompt whose end is never told must not leave the caller in silence. The flow's own replaces it.
                set_timer(
                    FLOW_TIMER,
                    tenant_id=self.tenant_id,
                    subject_id=contact.id,
                    due_at=now + PLAY_NET,
                    label=PLAYED_LABEL + label,
                )
            case actions.StopMedia(playback=label):
                caller_command(contact, CommandKind.STOP_PLAYBACK, at=now, playback=playback_id(contact.id, label))
            case actions.StartTimer(timer=label, seconds=seconds):
                due_at = now + timedelta(seconds=seconds)
                set_timer(FLOW_TIMER, tenant_id=self.tenant_id, subject_id=contact.id, due_at=due_at, label=label)
            case actions.CancelTimer():
                drop_timer(FLOW_TIMER, subject_id=contact.id)
            case actions.SetLanguage(language=language):
                contact.language = language
                contact.save(update_fields=["language"])
            case actions.StoreDigits(name=name, digits=digits):
                party = ContactParty.objects.get(contact=contact)
                party.digits = {**party.digits, name: digits}
                party.save(update_fields=["digits"])
            case actions.EnterQueue(queue_code=code, priority=priority):
                self._enter_queue(code, priority)
            case actions.HandOver(tenant_slug=slug, service=service):
                self._hand_over(slug, service)
            case actions.HangUp(reason=reason):
                self._hang_up(reason)

    def _enter_queue(self, code: str, priority: int | None) -> None:
        queue = find_row(Queue, "t.code = %s AND t.active", [code])
        if queue is None:
            # Published flows name only queues that were there; this one was closed or removed since.
            self._hang_up(QUEUE_GONE)
            return
        # Straight from the line into the queue: the place is that of the arrival.
        since = self.contact.arrived_at if self.starts else self.now
        enter_queue(self.contact, queue, priority=priority, answered=self.state.answered, at=self.now, since=since)

    def _hand_over(self, slug: str, service: str) -> None:
        self.hand_over = {
            "tenant": slug,
            "service": service,
            "state": self.state.handed_over().as_json(),
            "language": self.contact.language,
        }
        # Keys typed ahead stay out of the timer, which the engine's role can read: after a crash they are typed again.
        kept = {**self.hand_over, "state": {**self.hand_over["state"], "typed_ahead": ""}}
        set_timer(
            HAND_OVER_TIMER,
            tenant_id=self.tenant_id,
            subject_id=self.contact.id,
            due_at=self.now + HAND_OVER_NET,
            **kept,
        )

    def _hang_up(self, reason: str) -> None:
        self.contact.ending = ENDINGS.get(reason, EndReason.SELF_SERVED)
        note("contact.flow_ended", self.contact, at=self.now, why=reason)
        save(self.contact, "ending")
        caller_command(self.contact, CommandKind.HANG_UP, at=self.now, cause=CAUSES.get(reason, Cause.NORMAL_CLEARING))


def medium(item: Media) -> dict[str, str]:
    """Return one thing to play as a command's argument; the switch worker turns words into sound."""
    return {"say": item.text, "language": item.language} if isinstance(item, Say) else {"sound": item.name}
