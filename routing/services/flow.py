"""A contact goes through its flow: one trigger, one step of the interpreter, one transaction.

Flows run in the tenant's scope, since keys pressed are personal. What leads out of the tenant (a hand-over) is
committed as a timer and then done at once by the engine's role; after a crash the timer does it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery

from agents.public import AccountAgent
from routing import flows
from routing.eligibility import with_demands
from routing.flows import triggers
from routing.flows.definition import CallBack
from routing.models import Contact, ContactParty, FlowRun
from routing.services.contacts import IN_QUEUE, NOT_WHILE_IT_RINGS, lock_contact, save
from routing.services.flow_call_backs import settle_call_back
from routing.services.flow_steps import (
    ANSWERED_LABEL,
    CALL_BACK_LABEL,
    FLOW_TIMER,
    PLAYED_LABEL,
    START_LABEL,
    FlowStep,
    definition_of,
    enter_flow,
)
from routing.services.hand_over import hand_over_contact
from routing.services.outside import Outside, read_outside
from routing.services.situation import on_our_clock
from routing.states import ContactState
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


@dataclass(frozen=True, slots=True)
class _Follows:
    """What a step leaves to be done in other scopes."""

    hand_over: dict[str, Any] | None = None
    call_back: bool = False


_NOTHING = _Follows()


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
    step = partial(
        _run,
        tenant_id=tenant_id,
        contact_id=contact_id,
        node=node,
        trigger=trigger,
        event_key=event_key,
        claim=claim,
    )
    _follow_up(with_demands(step), tenant_id=tenant_id, contact_id=contact_id, node=node)


def _follow_up(follows: _Follows, *, tenant_id: UUID, contact_id: UUID, node: str) -> None:
    """Do what a step has left to be done; what happens meanwhile to this process, its timer makes up for."""
    if follows.call_back:
        _take_call_back(tenant_id=tenant_id, contact_id=contact_id, node=node)
    service = follows.hand_over
    if service is not None:
        arrival = with_demands(
            lambda: hand_over_contact(tenant_id=tenant_id, contact_id=contact_id, service=service, node=node)
        )
        if arrival is not None and not arrival.is_under_way:
            start_flow(tenant_id=arrival.tenant_id, contact_id=arrival.contact_id, node=node)


def resume_flows(*, node: str, connected_at: datetime) -> None:
    """Let flows go on that wait for news which was told while nobody listened.

    A playback that was running may have finished, and an answer may have been noted without its flow: both are told
    again. A prompt that still runs is then followed by its question, which the caller may answer at once. Of a call
    that came after `connected_at` (the exchange's time) all has been heard.
    """
    with engine_scope(read_only=True, node=node):
        contacts = Contact.objects.filter(node=node, state=ContactState.IN_FLOW).select_related("interaction")
        waiting = [
            (row.tenant_id, row.id, row.interaction.answered_at is not None)
            for row in contacts
            if row.interaction.started_at < on_our_clock(row.interaction, connected_at)
        ]
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
    if label == CALL_BACK_LABEL:
        _take_call_back(tenant_id=due.tenant_id, contact_id=due.subject_id, node="", claim=lambda: claim_timer(due))
        return
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


def _run(
    *,
    tenant_id: UUID,
    contact_id: UUID,
    node: str,
    trigger: triggers.Trigger,
    event_key: str,
    claim: Callable[[], bool] | None,
) -> _Follows:
    """Take one step in the tenant's scope. Returns what is to follow."""
    with tenant_scope(tenant_id, node=node):
        contact = lock_contact(contact_id)
        now = db_now()
        if claim is not None and not claim():
            return _NOTHING
        if not _may_take(contact, trigger, at=now):
            return _NOTHING
        run = find_row(FlowRun, "t.contact_id = %s", [contact_id])
        if run is None:
            raise RuntimeError(f"contact {contact_id} has no flow run")
        if event_key and event_key in run.applied:
            return _NOTHING
        run.applied = [*run.applied, event_key][-REMEMBERED_KEYS:] if event_key else run.applied
        taken = _step(contact, run, trigger, now=now)
        if isinstance(trigger, triggers.Started) and contact.state == ContactState.IN_FLOW:
            save(contact)
        return _Follows(taken.hand_over, taken.call_back)


def _take_call_back(*, tenant_id: UUID, contact_id: UUID, node: str, claim: Callable[[], bool] | None = None) -> None:
    """Take the call-back that the contact's flow waits for, and let the flow go on by what came of it."""
    settle = partial(_settle, tenant_id, contact_id, node, read_outside(), claim)
    _follow_up(with_demands(settle), tenant_id=tenant_id, contact_id=contact_id, node=node)


def _settle(
    tenant_id: UUID, contact_id: UUID, node: str, outside: Outside, claim: Callable[[], bool] | None
) -> _Follows:
    with tenant_scope(tenant_id, node=node):
        contact = lock_contact(contact_id)
        now = db_now()
        run = find_row(FlowRun, "t.contact_id = %s", [contact_id])
        if (claim is not None and not claim()) or run is None or contact.state != ContactState.IN_FLOW:
            return _NOTHING
        state = flows.FlowState.from_json(run.state)
        place = definition_of(contact).nodes.get(state.node or "")
        if state.ended or not isinstance(place, CallBack):
            return _NOTHING
        drop_timer(FLOW_TIMER, subject_id=contact.id)
        result = settle_call_back(contact, place, state, outside, at=now)
        taken = _step(contact, run, triggers.CallBackSettled(result), now=now)
        return _Follows(taken.hand_over, taken.call_back)


def _step(contact: Contact, run: FlowRun, trigger: triggers.Trigger, *, now: datetime) -> FlowStep:
    """Let the flow go on, as often as the queue that it leads to does not take the caller. Returns the last step."""
    definition, facts = definition_of(contact), _facts(contact, now=now)
    state, starts = flows.FlowState.from_json(run.state), isinstance(trigger, triggers.Started)
    while True:
        step = flows.advance(definition, state, trigger, facts)
        taken = FlowStep(contact, step.state, now=now, starts=starts)
        refusal = taken.carry_out(step.actions)
        if refusal is None:
            break
        state, trigger = step.state, triggers.QueueRefused(refusal)
    run.state = taken.state.as_json()
    update_row(run, "state", "applied")
    return taken


def _may_take(contact: Contact, trigger: triggers.Trigger, *, at: datetime) -> bool:
    if contact.state in IN_QUEUE:
        return _may_leave_queue(contact, trigger, at=at)
    if isinstance(trigger, triggers.Started):
        if contact.state != ContactState.ARRIVING:
            return False
        drop_timer(FLOW_TIMER, subject_id=contact.id)
        enter_flow(contact, at=at)
        return True
    if isinstance(trigger, triggers.Answered):
        drop_timer(FLOW_TIMER, subject_id=contact.id)
    return contact.state == ContactState.IN_FLOW


def _may_leave_queue(contact: Contact, trigger: triggers.Trigger, *, at: datetime) -> bool:
    """Whether this can lead a caller who waits elsewhere: a key until an agent answers, time until an agent rings."""
    if isinstance(trigger, triggers.KeyPressed):
        return contact.state != ContactState.CONNECTING
    if not isinstance(trigger, triggers.TimedOut):
        return False
    if contact.state == ContactState.QUEUED:
        return True
    due_at = at + NOT_WHILE_IT_RINGS
    set_timer(FLOW_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=due_at, label=trigger.timer)
    return False


def _facts(contact: Contact, *, now: datetime) -> flows.FlowFacts:
    """Return what the flow may know of the contact; the contact keeps what matching is to know of its customer."""
    party = find_row(ContactParty, "t.contact_id = %s", [contact.id], joined=("tenant",))
    if party is None:
        raise RuntimeError(f"contact {contact.id} has no party")
    tenant = party.tenant
    customer = _customer_of(party)
    known = (customer.segment, customer.account_agent_id) if customer is not None else ("", None)
    if known != (contact.segment, contact.account_agent_id):
        contact.segment, contact.account_agent_id = known
        save(contact, "segment", "account_agent")
    return flows.FlowFacts(
        now=now,
        time_zone=tenant.zone,
        language=contact.language or tenant.language,
        dnis=party.dnis or None,
        ani_known=customer is not None,
        segment=contact.segment,
    )


def _customer_of(party: ContactParty) -> Any:
    """Return the customer with the calling number, besides as `account_agent_id` who looks after them; or None.

    Several customers may share a number; the one who was entered last counts, as at the desk.
    """
    if not party.ani or party.ani_restricted:
        return None
    account = AccountAgent.objects.filter(customer=OuterRef("id")).values("agent_id")
    customers = Customer.objects.filter(phone=party.ani).annotate(account_agent_id=Subquery(account))
    return customers.order_by("-id").first()
