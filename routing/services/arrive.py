"""A call comes in: number → entry point → the first contact, on its way into the flow."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from routing.eligibility import with_demands
from routing.flows import FlowState
from routing.models import CommandKind, Contact, ContactParty, EntryPoint, FlowRun, Interaction, Leg, SwitchNode
from routing.services.callers import Caller, remember_caller
from routing.services.commands import send
from routing.services.contacts import note
from routing.services.diversions import begin_diversion
from routing.services.flow_steps import FLOW_TIMER, START_LABEL, START_NET, begin_flow
from routing.services.segments import begin_segment
from routing.states import ContactState, SegmentKind
from routing.switch.port import CallArrived, Cause, Presentation
from tenants.public import (
    CLOCK,
    CSP_TENANT_ID,
    Number,
    Tenant,
    calling_hash,
    engine_scope,
    fetch,
    find_row,
    insert_row,
    normalise,
    record_once,
    set_timer,
    uuid7,
    wanted,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the switch worker has to do next: try the contact's backup routes, or start its flow unless it is in it."""

    tenant_id: UUID
    contact_id: UUID
    diverted: bool
    is_under_way: bool

    @classmethod
    def of(cls, contact: Contact) -> "Arrival":
        """Return what is left to do for a contact that was just begun."""
        waits = contact.state == ContactState.ARRIVING
        diverted = contact.state == ContactState.DIVERTED
        return cls(contact.tenant_id, contact.id, diverted=diverted, is_under_way=not waits and not diverted)


def arrive_call(*, node: str, event: CallArrived) -> Arrival | None:
    """Take in a call that reached `node`; None when it was known already, or is turned away.

    An unknown number is answered with "unallocated number" (Q.850 cause 1), a number without an entry point or of a
    suspended tenant with "call rejected" (21); each is an event of the tenant concerned, or of the provider.
    """
    return with_demands(partial(_arrive, node=node, event=event))


def _arrive(*, node: str, event: CallArrived) -> Arrival | None:
    with engine_scope(node=node):
        known, entry_points, nodes, (now,) = _look_up(event, node=node)
        if known:
            return None
        entry_point: EntryPoint | None = entry_points[0] if entry_points else None
        is_test = entry_point is not None and entry_point.is_test
        interaction = _connect(event, node=nodes[0] if nodes else SwitchNode(name=node), is_test=is_test, now=now)
        if entry_point is None or not _serves(entry_point):
            _refuse(interaction, event.dnis, entry_point, now=now)
            return None
        contact = begin_contact(
            interaction,
            entry_point,
            caller=_caller(event),
            sip_call_id=event.sip_call_id,
            state=FlowState(),
            number=entry_point.number,
            at=interaction.started_at,
            now=now,
        )
        return Arrival.of(contact)


def _look_up(event: CallArrived, *, node: str) -> list[list[Any]]:
    """Return what there is to know of a call: whether it is known, its entry point, its node, and the time."""
    return fetch(
        wanted(Interaction, "t.caller_channel = %s", [event.channel]),
        wanted(
            EntryPoint,
            "t.number_id IN (SELECT id FROM tenants_number WHERE e164 = ANY(%s))",
            [_forms(event.dnis)],
            joined=("flow", "tenant", "number"),
        ),
        wanted(SwitchNode, "t.name = %s", [node]),
        CLOCK,
    )


def _serves(entry_point: EntryPoint) -> bool:
    return entry_point.tenant.status == Tenant.Status.ACTIVE and entry_point.flow.published_id is not None


def _refuse(interaction: Interaction, dnis: str, entry_point: EntryPoint | None, *, now: datetime) -> None:
    number = entry_point.number if entry_point else find_row(Number, "t.e164 = ANY(%s)", [_forms(dnis)])
    if number is None:
        _turn_away(interaction, cause=Cause.UNALLOCATED_NUMBER, why="unknown-number", now=now)
        return
    active = find_row(Tenant, "t.id = %s AND t.status = 'active'", [number.tenant_id]) is not None
    why = "no-entry-point" if active else "tenant-suspended"
    _turn_away(interaction, cause=Cause.CALL_REJECTED, why=why, now=now, tenant_id=number.tenant_id)


def begin_contact(
    interaction: Interaction,
    entry_point: EntryPoint,
    *,
    caller: Caller,
    sip_call_id: str,
    state: FlowState,
    at: datetime,
    now: datetime,
    number: Number | None = None,
    ordinal: int = 0,
    language: str = "",
) -> Contact:
    """Begin a contact of the entry point's tenant in an interaction, before its flow. Inner step; role engine.

    `sip_call_id` is that of the caller's leg, for the record. `state` is where its flow begins (handed over: the call
    may be answered). It goes into its flow at once where the first step allows; otherwise a timer starts the flow
    should the process die before it does. Raises DemandMissing.
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
    remember_caller(contact.id, caller)
    begin_segment(contact, SegmentKind.FLOW, at=at)
    under_way: FlowState | None = None
    if entry_point.backup_id is not None:
        begin_diversion(contact, entry_point.backup_id, at=at, answered=state.answered)
    else:
        under_way = begin_flow(contact, tenant=entry_point.tenant, state=state, dnis=caller.dnis, now=now)
        if under_way is None:
            due = at + START_NET
            set_timer(FLOW_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=due, label=START_LABEL)
    # As it stands after all this; whatever refers to it is checked at the commit.
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
    insert_row(FlowRun(tenant_id=contact.tenant_id, contact=contact, state=(under_way or state).as_json()))
    return contact


def _connect(event: CallArrived, *, node: SwitchNode, is_test: bool, now: datetime) -> Interaction:
    offset = _clock_offset(event, node=node, now=now)
    interaction = Interaction(
        node=node.name,
        caller_channel=event.channel,
        is_test=is_test,
        clock_offset_ms=round(offset / timedelta(milliseconds=1)),
        started_at=event.at + offset,
    )
    insert_row(interaction)
    leg = Leg(
        interaction=interaction,
        node=node.name,
        channel_id=event.channel,
        sip_call_id=event.sip_call_id,
        created_at=event.at + offset,
    )
    insert_row(leg)
    return interaction


def _clock_offset(event: CallArrived, *, node: SwitchNode, now: datetime) -> timedelta:
    """Return the database's clock minus the switch's.

    A call that is taken in late (nobody was connected when it came) would make it too large by that much; the last
    heartbeat was not late. Both are too large by what it took to get here, so the smaller is the truer.
    """
    offset, known = now - event.at, node.clock_offset_ms
    return offset if known is None else min(offset, timedelta(milliseconds=known))


def _forms(dnis: str) -> list[str]:
    """Return how the number that was called may be written among ours."""
    digits = dnis.strip()
    return list({normalise(digits), "+" + digits.lstrip("+")} - {""})


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
