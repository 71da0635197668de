"""A call comes in: number → entry point → the first contact, on its way into the flow."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from routing.flows import FlowState
from routing.models import CommandKind, Contact, ContactParty, EntryPoint, FlowRun, Interaction, Leg, SwitchNode
from routing.services.commands import send
from routing.services.contacts import note
from routing.services.diversions import begin_diversion
from routing.services.segments import begin_segment
from routing.states import ContactState, SegmentKind
from routing.switch.port import CallArrived, Cause, Presentation
from tenants.public import (
    CSP_TENANT_ID,
    Number,
    Tenant,
    calling_hash,
    db_now,
    engine_scope,
    find_row,
    insert_row,
    normalise,
    record_once,
    set_timer,
    uuid7,
)

log = logging.getLogger(__name__)

FLOW_TIMER = "flow"
START_LABEL = "start"
ANSWERED_LABEL = "answered"
PLAYED_LABEL = "played:"
START_NET = timedelta(seconds=2)
"""A flow that a crash kept from starting is started by its timer this much later."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the switch worker has to do next: start the contact's flow, or try its backup routes."""

    tenant_id: UUID
    contact_id: UUID
    diverted: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: personal, so it goes to `ContactParty` and nowhere else. `ani` is E.164 or empty."""

    ani: str
    restricted: bool
    dnis: str
    name: str


def arrive_call(*, node: str, event: CallArrived) -> Arrival | None:
    """Take in a call that reached `node`; None when it was known already, or is turned away.

    An unknown number is answered with "unallocated number" (Q.850 cause 1), a number without an entry point or of a
    suspended tenant with "call rejected" (21); each is an event of the tenant concerned, or of the provider.
    """
    with engine_scope(node=node):
        if find_row(Interaction, "t.caller_channel = %s", [event.channel]) is not None:
            return None
        now = db_now()
        interaction = _connect(event, node=node, now=now)
        number = _find_number(event.dnis)
        if number is None:
            _turn_away(interaction, cause=Cause.UNALLOCATED_NUMBER, why="unknown-number", now=now)
            return None
        entry_point = find_row(EntryPoint, "t.number_id = %s", [number.id], joined=("flow", "tenant"))
        if number.tenant.status != Tenant.Status.ACTIVE:
            _turn_away(
                interaction, cause=Cause.CALL_REJECTED, why="tenant-suspended", now=now, tenant_id=number.tenant_id
            )
            return None
        if entry_point is None or entry_point.flow.published_id is None:
            _turn_away(
                interaction, cause=Cause.CALL_REJECTED, why="no-entry-point", now=now, tenant_id=number.tenant_id
            )
            return None
        if entry_point.is_test:
            interaction.is_test = True
            interaction.save(update_fields=["is_test"])
        contact = begin_contact(
            interaction,
            entry_point,
            caller=_caller(event),
            sip_call_id=event.sip_call_id,
            state=FlowState(),
            number=number,
            at=interaction.started_at,
        )
        return Arrival(contact.tenant_id, contact.id, diverted=contact.state == ContactState.DIVERTED)


def begin_contact(
    interaction: Interaction,
    entry_point: EntryPoint,
    *,
    caller: Caller,
    sip_call_id: str,
    state: FlowState,
    at: datetime,
    number: Number | None = None,
    ordinal: int = 0,
    language: str = "",
) -> Contact:
    """Begin a contact of the entry point's tenant in an interaction, before its flow. Inner step; role engine.

    `sip_call_id` is that of the caller's leg, for the record. `state` is where its flow begins (handed over: the call
    may be answered). A timer starts the flow should the process die before it does.
    """
    contact = Contact(
        tenant_id=entry_point.tenant_id,
        interaction=interaction,
        node=interaction.node,
        caller_channel=interaction.caller_channel,
        ordinal=ordinal,
        language=language or entry_point.language,
        is_test=entry_point.is_test or interaction.is_test,
        number=number,
        entry_point=entry_point,
        flow_version_id=entry_point.flow.published_id,
        calling_hash=calling_hash(caller.ani),
        arrived_at=at,
    )
    note(
        "contact.arrived",
        contact,
        at=at,
        entry_point=entry_point.id,
        ordinal=ordinal,
        node=contact.node,
        sip_call_id=sip_call_id,
    )
    insert_row(contact)
    insert_row(
        ContactParty(
            tenant_id=contact.tenant_id,
            contact=contact,
            ani=caller.ani,
            ani_restricted=caller.restricted,
            dnis=caller.dnis,
            name=caller.name,
        )
    )
    insert_row(FlowRun(tenant_id=contact.tenant_id, contact=contact, state=state.as_json()))
    begin_segment(contact, SegmentKind.FLOW, at=at)
    if entry_point.backup_id is not None:
        begin_diversion(contact, entry_point.backup_id, at=at, answered=state.answered)
        return contact
    set_timer(FLOW_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=at + START_NET, label=START_LABEL)
    return contact


def _connect(event: CallArrived, *, node: str, now: datetime) -> Interaction:
    offset = _clock_offset(event, node=node, now=now)
    interaction = Interaction(
        node=node,
        caller_channel=event.channel,
        clock_offset_ms=round(offset / timedelta(milliseconds=1)),
        started_at=event.at + offset,
    )
    insert_row(interaction)
    leg = Leg(
        interaction=interaction,
        node=node,
        channel_id=event.channel,
        sip_call_id=event.sip_call_id,
        created_at=event.at + offset,
    )
    insert_row(leg)
    return interaction


def _clock_offset(event: CallArrived, *, node: str, now: datetime) -> timedelta:
    """Return the database's clock minus the switch's.

    A call that is taken in late (nobody was connected when it came) would make it too large by that much; the last
    heartbeat was not late. Both are too large by what it took to get here, so the smaller is the truer.
    """
    offset = now - event.at
    known = SwitchNode.objects.filter(name=node).values_list("clock_offset_ms", flat=True).first()
    return offset if known is None else min(offset, timedelta(milliseconds=known))


def _find_number(dnis: str) -> Number | None:
    digits = dnis.strip()
    forms = {normalise(digits), "+" + digits.lstrip("+")} - {""}
    return find_row(Number, "t.e164 = ANY(%s)", [list(forms)], joined=("tenant",))


def _caller(event: CallArrived) -> Caller:
    ani = normalise(event.ani) or normalise("+" + event.ani.lstrip("+"))
    dnis = normalise(event.dnis) or normalise("+" + event.dnis.lstrip("+")) or event.dnis[:64]
    return Caller(
        ani=ani,
        restricted=event.ani_presentation == Presentation.RESTRICTED,
        dnis=dnis,
        name=_printable(event.name)[:120],
    )


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _turn_away(
    interaction: Interaction, *, cause: int, why: str, now: datetime, tenant_id: UUID = CSP_TENANT_ID
) -> None:
    log.warning("call turned away", extra={"interaction": str(interaction.id), "why": why})
    data: dict[str, Any] = {"interaction": interaction.id, "why": why, "cause": cause}
    record_once("interaction.rejected", tenant_id=tenant_id, kind="rejection", subject_id=uuid7(), at=now, **data)
    send(
        CommandKind.HANG_UP,
        node=interaction.node,
        interaction_id=interaction.id,
        at=now,
        arguments={"channel": interaction.caller_channel, "cause": cause},
    )
