"""One step of a contact's flow: what the interpreter wants is carried out in the open scope.

The first step of a call that has just come in is taken by the transaction that takes the call in, unless it needs what
is personal: then it is taken in the tenant's scope, as every later step is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from agents.public import lock_sessions
from routing import flows
from routing.eligibility import find_demand, find_queue
from routing.flows import actions, triggers
from routing.flows.definition import Caller as AsksWhoCalls
from routing.models import CommandKind, Contact, ContactParty, Demand, FlowVersion, Queue, RoutingPolicy
from routing.services.commands import caller_command
from routing.services.contacts import (
    AGED,
    came_at,
    enter_queue,
    entertain,
    is_full,
    leave_queue,
    live_offer,
    note,
    requeue,
    save,
)
from routing.services.offers import close_offer
from routing.services.playback import medium, playback_id
from routing.states import CONTACT, ContactState, EndReason, OfferState
from routing.steps import steps_of
from routing.switch.port import Cause
from tenants.public import Tenant, drop_timer, set_timer

FLOW_TIMER = "flow"
HAND_OVER_TIMER = "hand-over"
START_LABEL = "start"
ANSWERED_LABEL = "answered"
PLAYED_LABEL = "played:"
CALL_BACK_LABEL = "call-back"
START_NET = timedelta(seconds=2)
"""A flow that a crash kept from starting is started by its timer this much later."""

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
CALL_BACK_NET = timedelta(seconds=2)
PLAY_NET = timedelta(minutes=5)
"""Longer than any prompt: a text of 2,000 characters takes about two minutes."""

FIRST_ACTIONS = (
    actions.Answer,
    actions.PlayMedia,
    actions.StartTimer,
    actions.EnterQueue,
    actions.HangUp,
)
"""What a first step may want to be taken with the arrival: the engine's role can do it."""

Definition = flows.FlowDefinition
Found = tuple[Queue, Demand, RoutingPolicy]

_parsed: dict[UUID, Definition] = {}
MOST_PARSED = 512


def definition_of(contact: Contact) -> Definition:
    """Return the parsed definition of the contact's flow. Versions never change, so each process parses one once."""
    version_id = contact.flow_version_id
    if version_id is None:
        raise RuntimeError(f"contact {contact.id} is in a flow without a version")
    if version_id not in _parsed:
        if len(_parsed) >= MOST_PARSED:
            _parsed.clear()
        _parsed[version_id] = flows.parse_definition(FlowVersion.objects.get(id=version_id).definition)
    return _parsed[version_id]


def begin_flow(
    contact: Contact, *, tenant: Tenant, state: flows.FlowState, dnis: str, now: datetime
) -> flows.FlowState | None:
    """Take a contact that is just being made into its flow, and return the flow's state. Inner step; role engine.

    None, and nothing done, when its first step needs who calls, or leads where only the tenant's scope may go.
    """
    definition = definition_of(contact)
    if any(isinstance(node, AsksWhoCalls) for node in definition.nodes.values()):
        return None
    language = contact.language or tenant.language
    facts = flows.FlowFacts(now=now, time_zone=tenant.zone, language=language, dnis=dnis or None, ani_known=False)
    step = flows.advance(definition, state, triggers.Started(), facts)
    if not all(isinstance(action, FIRST_ACTIONS) for action in step.actions):
        return None
    taken = FlowStep(contact, step.state, now=now, starts=True)
    if any(taken.asks_who_calls(action) for action in step.actions if isinstance(action, actions.EnterQueue)):
        return None
    enter_flow(contact, at=now)
    taken.carry_out(step.actions)
    return step.state


def enter_flow(contact: Contact, *, at: datetime) -> None:
    """Let the contact be in its flow. Inner step; the caller saves it."""
    CONTACT.apply(contact, ContactState.IN_FLOW)
    note("contact.flow_started", contact, at=at, version=contact.flow_version_id)


class FlowStep:
    """Carries out what one step wants, on a contact that is locked or just being made.

    `starts`: it is the flow's first. `hand_over` and `call_back` are what is left to do after the step.
    """

    def __init__(self, contact: Contact, state: flows.FlowState, *, now: datetime, starts: bool) -> None:
        self.contact, self.state, self.now, self.starts = contact, state, now, starts
        self.hand_over: dict[str, Any] | None = None
        self.call_back = False
        self._found: dict[str, Found | None] = {}

    def asks_who_calls(self, wanted: actions.EnterQueue) -> bool:
        """Whether it takes more than the engine's role to enter the queue: who the customer is, or another way."""
        found = self._find_queue(wanted.queue_code)
        return bool(wanted.reported) or (
            found is not None and (bool(found[2].segments) or bool(found[0].account_seconds))
        )

    def carry_out(self, wanted: Sequence[actions.Action]) -> flows.QueueRefusal | None:
        """Do what the flow wants, in its order; stop at a queue that does not take the caller, if the flow is to know.

        Returns why it does not.
        """
        for action in wanted:
            if isinstance(action, actions.EnterQueue):
                if (refusal := self._enter_queue(action)) is not None:
                    return refusal
            else:
                self._carry_out(action)
        return None

    def _carry_out(self, action: actions.Action) -> None:
        match action:
            case actions.Answer() | actions.PlayMedia() | actions.StopMedia():
                self._let_hear(action)
            case actions.StartTimer(timer=label, seconds=seconds):
                self._set_timer(label, timedelta(seconds=seconds))
            case actions.CancelTimer():
                drop_timer(FLOW_TIMER, subject_id=self.contact.id)
            case actions.SetLanguage() | actions.StoreDigits():
                self._keep(action)
            case actions.LeaveQueue():
                self._leave_queue()
            case actions.TakeCallBack():
                # Whom nobody may dial the platform's scope knows: it is taken in a transaction of its own.
                self.call_back = True
                self._set_timer(CALL_BACK_LABEL, CALL_BACK_NET)
            case actions.HandOver(tenant_slug=slug, service=service):
                self._hand_over(slug, service)
            case actions.HangUp(reason=reason):
                self._hang_up(reason)

    def _let_hear(self, action: actions.Answer | actions.PlayMedia | actions.StopMedia) -> None:
        contact, now = self.contact, self.now
        match action:
            case actions.Answer():
                caller_command(contact, CommandKind.ANSWER, at=now)
            case actions.PlayMedia(playback=label, items=items):
                media = [medium(item) for item in items]
                caller_command(contact, CommandKind.PLAY, at=now, playback=playback_id(contact.id, label), media=media)
                # A prompt whose end is never told must not leave the caller in silence. The flow's own replaces it.
                self._set_timer(PLAYED_LABEL + label, PLAY_NET)
            case actions.StopMedia(playback=label):
                caller_command(contact, CommandKind.STOP_PLAYBACK, at=now, playback=playback_id(contact.id, label))

    def _set_timer(self, label: str, after: timedelta) -> None:
        contact = self.contact
        due_at = self.now + after
        set_timer(FLOW_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=due_at, label=label)

    def _keep(self, action: actions.SetLanguage | actions.StoreDigits) -> None:
        match action:
            case actions.SetLanguage(language=language):
                self.contact.language = language
                self.contact.save(update_fields=["language"])
            case actions.StoreDigits(name=name, digits=digits):
                party = ContactParty.objects.get(contact=self.contact)
                party.digits = {**party.digits, name: digits}
                party.save(update_fields=["digits"])

    def _enter_queue(self, wanted: actions.EnterQueue) -> flows.QueueRefusal | None:
        if wanted.returns:
            self._return_to_queue()
            return None
        found = self._find_queue(wanted.queue_code)
        refusal = None
        if found is None:
            refusal = flows.QueueRefusal.CLOSED
        elif is_full(found[0]):
            refusal = flows.QueueRefusal.FULL
            if refusal not in wanted.reported:
                found = self._instead_of(found[0])
        if refusal in wanted.reported:
            return refusal
        if found is None:
            # Without a way of the flow's own: the line is busy, or the queue was closed since the flow was published.
            self._hang_up("busy" if refusal == flows.QueueRefusal.FULL else QUEUE_GONE)
            return None
        self._wait_in(*found, priority=wanted.priority)
        return None

    def _find_queue(self, code: str) -> Found | None:
        if code not in self._found:
            self._found[code] = find_queue(self.contact.tenant_id, code)
        return self._found[code]

    def _return_to_queue(self) -> None:
        """Let the contact stand where it stood; what its queue asks for may have changed since."""
        contact, queue = self.contact, self.contact.queue
        if queue is None:
            raise RuntimeError(f"contact {contact.id} goes back to a queue that it never was in")
        contact.step = min(contact.step, len(steps_of(queue)) - 1)
        contact.demand = find_demand(queue, step=contact.step, channel=contact.channel)
        save(contact, "step", "demand")
        requeue(contact, at=self.now, cause="from-flow")
        entertain(contact, answered=self.state.answered, at=self.now)

    def _wait_in(self, queue: Queue, demand: Demand, policy: RoutingPolicy, *, priority: int | None) -> None:
        """Let the contact wait in the queue. The time that it has waited in another one counts."""
        contact, left = self.contact, self.contact.queue
        # Straight from the line into the queue: the place is that of the arrival.
        since = contact.arrived_at if self.starts else self.now
        if left is not None:
            since = came_at(contact, left, policy, at=since)
        if contact.priority == AGED:
            priority = AGED
        enter_queue(
            contact, queue, demand, policy, priority=priority, answered=self.state.answered, at=self.now, since=since
        )

    def _leave_queue(self) -> None:
        """Take the contact out of its queue. An agent who is asked to take it just now is not any more."""
        contact = self.contact
        offer = live_offer(contact)
        if offer is not None:
            session = lock_sessions([offer.session_id]).get(offer.session_id)
            close_offer(contact, offer, session, state=OfferState.RESCINDED, cause="caller-chose", at=self.now)
        leave_queue(contact, at=self.now)

    def _instead_of(self, queue: Queue) -> Found | None:
        """Return the queue to which callers go who find this one full; None without one, or where that is full too."""
        found = find_queue(self.contact.tenant_id, queue.when_full) if queue.when_full else None
        note("contact.queue_full", self.contact, at=self.now, full=queue.id, to=found[0].id if found else None)
        return found if found and not is_full(found[0]) else None

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
            tenant_id=self.contact.tenant_id,
            subject_id=self.contact.id,
            due_at=self.now + HAND_OVER_NET,
            **kept,
        )

    def _hang_up(self, reason: str) -> None:
        taken = self.contact.call_back_id is not None
        self.contact.ending = EndReason.CALLBACK_TAKEN if taken else ENDINGS.get(reason, EndReason.SELF_SERVED)
        note("contact.flow_ended", self.contact, at=self.now, why=reason)
        save(self.contact, "ending")
        caller_command(self.contact, CommandKind.HANG_UP, at=self.now, cause=CAUSES.get(reason, Cause.NORMAL_CLEARING))
