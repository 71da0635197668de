"""Call-backs played by hand: asked for, begun, their customers' telephones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from routing.models import (
    CallBack,
    CallBackAttempt,
    CallBackParty,
    CallBackRule,
    CallBackSource,
    CommandKind,
    Contact,
    EntryPoint,
    Queue,
    SwitchCommand,
)
from routing.node.handling import handle
from routing.services.call_back_asking import Asked, Wish, ask_for_call_back
from routing.services.calling_back import begin_call_back
from routing.switch.port import Cause, LegAnswered, LegEnded, LegRinging
from tenants.public import Due, Event, Tenant, db_now, engine_scope, tenant_scope
from tenants.timers import due_timers
from tests import factories
from tests.routing.calls import NODE, Line, commands

CUSTOMER = "+447700900777"


def make_rule(entry_point: EntryPoint, **fields: Any) -> CallBackRule:
    """How the service calls back."""
    with tenant_scope(entry_point.tenant_id):
        row: CallBackRule = CallBackRule.objects.create(entry_point=entry_point, **fields)
    return row


def service_of(line: Line) -> EntryPoint:
    with tenant_scope(line.tenant.id, read_only=True):
        row: EntryPoint = EntryPoint.objects.get(number__e164=line.number)
    return row


def asked(line: Line, number: str = CUSTOMER, *, rule: dict[str, Any] | None = None, **wish: Any) -> CallBack:
    """A call-back that a program asked for, by the rule that is made for the line unless it has one."""
    service = service_of(line)
    with tenant_scope(line.tenant.id, read_only=True):
        known = CallBackRule.objects.filter(entry_point=service).exists()
    if not known:
        make_rule(service, queue=line.queue, **(rule or {}))
    return asked_again(line, number, **wish).call_back


def asked_again(line: Line, number: str = CUSTOMER, **wish: Any) -> Asked:
    """What a program is told that asks for a call-back by the line's rule."""
    return ask_for_call_back(
        tenant_id=line.tenant.id,
        entry_point_id=service_of(line).id,
        wish=Wish(number=number, **wish),
        source=CallBackSource.API,
        actor=factories.ACTOR,
    )


def now_of(call_back: CallBack) -> CallBack:
    """The call-back as it is now."""
    with tenant_scope(call_back.tenant_id, read_only=True):
        row: CallBack = CallBack.objects.get(id=call_back.id)
    return row


def call_backs_of(tenant: Tenant) -> list[CallBack]:
    """The tenant's call-backs, oldest first."""
    with tenant_scope(tenant.id, read_only=True):
        return list(CallBack.objects.order_by("asked_at", "id"))


def begun(call_back: CallBack) -> Contact:
    """The call-back's attempt, begun; its contact."""
    assert begin_call_back(tenant_id=call_back.tenant_id, call_back_id=call_back.id)
    return contact_of(call_back)


def contact_of(call_back: CallBack) -> Contact:
    """The contact of the latest attempt."""
    return contacts_of(call_back)[-1]


def contacts_of(call_back: CallBack) -> list[Contact]:
    """The contacts of its attempts, oldest first."""
    with tenant_scope(call_back.tenant_id, read_only=True):
        tries = CallBackAttempt.objects.filter(call_back=call_back).select_related("contact").order_by("began_at", "id")
        return [row.contact for row in tries]


def outcomes_of(call_back: CallBack) -> list[str]:
    """What came of its attempts, oldest first."""
    with tenant_scope(call_back.tenant_id, read_only=True):
        return list(
            CallBackAttempt.objects.filter(call_back=call_back)
            .order_by("began_at", "id")
            .values_list("outcome", flat=True)
        )


def brought_forward(call_back: CallBack) -> CallBack:
    """Let it be due now, as if its time had come."""
    with tenant_scope(call_back.tenant_id):
        CallBack.objects.filter(id=call_back.id).update(due_at=db_now())
    return now_of(call_back)


def dials(contact: Contact) -> list[SwitchCommand]:
    """The dials to the customer."""
    return [row for row in commands(contact, CommandKind.DIAL) if row.arguments["channel"] == contact.caller_channel]


def customer_rings(contact: Contact) -> None:
    handle(LegRinging(channel=contact.caller_channel, at=datetime.now(UTC)), node=NODE)


def customer_answers(contact: Contact) -> None:
    at = datetime.now(UTC)
    handle(LegAnswered(channel=contact.caller_channel, at=at, sip_call_id="customer-1"), node=NODE)


def customer_ends(contact: Contact, *, cause: int = Cause.NORMAL_CLEARING) -> None:
    handle(LegEnded(channel=contact.caller_channel, at=datetime.now(UTC), cause=cause), node=NODE)


def timer_of(call_back: CallBack) -> Due | None:
    """The call-back's timer, however far away it is."""
    with engine_scope(read_only=True):
        later = db_now() + timedelta(days=400)
    found = [due for due in due_timers(until=later, limit=10_000) if due.subject_id == call_back.id]
    return found[0] if found else None


def events_of(call_back: CallBack) -> list[str]:
    """The types of its events, in order."""
    with engine_scope(read_only=True):
        rows = Event.objects.filter(aggregate_id=call_back.id).order_by("seq")
        return [row.type for row in rows]


def party_of(call_back: CallBack) -> CallBackParty:
    with tenant_scope(call_back.tenant_id, read_only=True):
        row: CallBackParty = CallBackParty.objects.get(call_back=call_back)
    return row


def call_back_flow(queue: Queue, **fields: Any) -> dict[str, Any]:
    """A flow that takes a call-back to the caller's number, says so, and hangs up; refused, the caller waits."""
    node = {"type": "callback", "taken": "bye", "refused": "queue", "queue": queue.code, **fields}
    return {
        "schema": 1,
        "start": "answer",
        "nodes": {
            "answer": {"type": "answer", "next": "take"},
            "take": node,
            "bye": {"type": "say", "text": {"en": "We call you back."}, "next": "end"},
            "end": {"type": "hang_up", "reason": "self_served"},
            "queue": {"type": "queue", "queue": queue.code},
        },
    }
