"""What the switch says of legs that were dialled to the outside. One report, one transaction, by the engine's role.

As with agents' legs (`routing.services.legs`): the leg gets its row when the switch first speaks of it, each report is
applied once, and what comes late, twice or out of order changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from routing.backup_states import DIVERSION, DiversionState
from routing.models import CommandKind, Contact, Diversion, Interaction, Leg, OutboundCall
from routing.services.commands import caller_command, send
from routing.services.contacts import note
from routing.services.contacts import save as save_contact
from routing.services.diversions import DIVERSION_TIMER, record_diversion
from routing.services.leg_ends import note_outside_leg_end
from routing.services.legs import BUSY_CAUSES, SILENT_CAUSES
from routing.services.offers import CONNECT_LEASE
from routing.services.outbound import call_of_name, hang_up_out, meeting_name, outbound_name
from routing.services.playback import POSITION_LABEL, playback_id
from routing.services.segments import begin_segment, end_segment
from routing.services.situation import on_our_clock
from routing.states import ContactState, EndedBy, EndReason, SegmentKind
from tenants.public import (
    db_now,
    drop_timer,
    engine_scope,
    find_row,
    insert_row,
    record_once,
    set_timer,
    update_row,
)

OUTBOUND_ENDED = "outbound.ended"


@dataclass(slots=True)
class _Seen:
    """A report with everything that it is about, the contact locked. `wanted`: the caller waits for this very call."""

    call: OutboundCall
    leg: Leg
    interaction: Interaction
    contact: Contact
    diversion: Diversion

    @property
    def wanted(self) -> bool:
        live = self.diversion.state in (DiversionState.DIALLING, DiversionState.TALKING)
        return self.contact.state == ContactState.DIVERTED and live and self.call.ended_at is None


def outbound_ringing(*, channel: str, at: datetime, node: str) -> None:
    """Note since when the far telephone rings."""
    with engine_scope(node=node):
        seen = _look(channel)
        if seen is None or seen.leg.ringing_at is not None or seen.leg.ended_at is not None:
            return
        seen.leg.ringing_at = on_our_clock(seen.interaction, at)
        update_row(seen.leg, "ringing_at")
        if seen.wanted:
            seen.call.ringing_at = seen.leg.ringing_at
            update_row(seen.call, "ringing_at")


def outbound_answered(*, channel: str, at: datetime, node: str, sip_call_id: str = "") -> None:
    """The far telephone was lifted: join the two legs; hang up when nobody waits for it any more."""
    with engine_scope(node=node):
        seen = _look(channel)
        if seen is None or seen.leg.answered_at is not None:
            return
        contact, diversion, call, now = seen.contact, seen.diversion, seen.call, db_now()
        seen.leg.answered_at, seen.leg.sip_call_id = on_our_clock(seen.interaction, at), sip_call_id
        update_row(seen.leg, "answered_at", "sip_call_id")
        call.answered_at = seen.leg.answered_at
        update_row(call, "answered_at")
        if not seen.wanted or diversion.state != DiversionState.DIALLING or seen.leg.ended_at is not None:
            _hang_up(seen, at=now)
            return
        DIVERSION.apply(diversion, DiversionState.TALKING)
        if seen.interaction.answered_at is None:
            caller_command(contact, CommandKind.ANSWER, at=now)
        else:
            caller_command(contact, CommandKind.STOP_MUSIC, at=now)
            position = playback_id(contact.id, POSITION_LABEL)
            caller_command(contact, CommandKind.STOP_PLAYBACK, at=now, playback=position)
        diversion.answered = True
        record_diversion("diversion.answered", diversion, contact, at=call.answered_at, leg=call.id, trunk=call.trunk)
        update_row(diversion, "state", "answered", "version")
        send(
            CommandKind.BRIDGE,
            node=node,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            at=now,
            arguments={
                "bridge": meeting_name(call.id),
                "channels": [contact.caller_channel, outbound_name(call.id)],
            },
        )
        set_timer(DIVERSION_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=now + CONNECT_LEASE)


def outbound_bridged(*, channel: str, bridge: str, at: datetime, node: str) -> None:
    """A leg joined an outbound call's bridge. When both have, the caller talks to the far end."""
    with engine_scope(node=node):
        seen = _look(bridge)
        if seen is None or seen.call.bridged_at is not None or not seen.wanted:
            return
        moment = on_our_clock(seen.interaction, at)
        sides = [seen.contact.caller_channel, outbound_name(seen.call.id)]
        legs = Leg.objects.filter(channel_id__in=sides, ended_at__isnull=True)
        legs.filter(channel_id=channel, bridged_at__isnull=True).update(bridged_at=moment)
        if legs.filter(bridged_at__isnull=False).count() < len(sides):
            return
        seen.call.bridged_at = moment
        update_row(seen.call, "bridged_at")
        begin_segment(seen.contact, SegmentKind.TALK, at=moment)
        record_diversion("diversion.connected", seen.diversion, seen.contact, at=moment, leg=seen.call.id)
        update_row(seen.diversion, "version")
        drop_timer(DIVERSION_TIMER, subject_id=seen.contact.id)


def outbound_ended(
    *,
    channel: str,
    at: datetime,
    node: str,
    cause: int,
    sip_status: int | None = None,
    sip_call_id: str = "",
    lost: bool = False,
) -> tuple[UUID, UUID] | None:
    """An outbound leg is over: its time is metered. Talked on, the caller is hung up too.

    Returns tenant and contact when the next route is to be tried, because nobody was reached by this one.
    """
    with engine_scope(node=node):
        seen = _look(channel)
        if seen is None or seen.leg.ended_at is not None:
            return None
        leg, wanted = seen.leg, seen.wanted
        leg.ended_at = max(on_our_clock(seen.interaction, at), leg.created_at)
        leg.cause, leg.sip_status = cause, sip_status
        leg.sip_call_id = leg.sip_call_id or sip_call_id
        update_row(leg, "ended_at", "cause", "sip_status", "sip_call_id")
        by = EndedBy.EXCHANGE if lost else EndedBy.FAR_END if wanted else EndedBy.HOTSEAT
        note_outside_leg_end(leg, tenant_id=seen.contact.tenant_id, contact_id=seen.contact.id, by=by)
        close_call(seen.call, seen.contact, at=leg.ended_at, cause=cause)
        if not wanted:
            return None
        if seen.call.bridged_at is not None:
            _part(seen, at=leg.ended_at)
            return None
        give_way(seen.contact, seen.diversion, seen.call, why=_why(cause), at=leg.ended_at)
        return seen.contact.tenant_id, seen.contact.id


def give_way(contact: Contact, diversion: Diversion, call: OutboundCall, *, why: str, at: datetime) -> None:
    """The number was not reached: the next route is to be tried. Inner step, any role; the call is over."""
    DIVERSION.apply(diversion, DiversionState.CHOOSING)
    record_diversion("diversion.gave_way", diversion, contact, at=at, route=call.route_id, why=why)
    update_row(diversion, "state", "version")
    set_timer(DIVERSION_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=at)


def _look(name: str) -> _Seen | None:
    """Lock the contact of an outbound channel or bridge, and read the rest; the leg gets its row now if it has none."""
    call_id = call_of_name(name)
    found = find_row(OutboundCall, "t.id = %s", [call_id]) if call_id else None
    if found is None:
        return None
    contact = find_row(Contact, "t.id = %s", [found.contact_id], lock=True, joined=("interaction", "queue"))
    call = find_row(OutboundCall, "t.id = %s", [call_id])
    diversion = find_row(Diversion, "t.id = %s", [found.diversion_id])
    if contact is None or call is None or diversion is None:
        raise RuntimeError(f"outbound call {call_id} belongs to nothing")
    leg = find_row(Leg, "t.id = %s", [call.id])
    if leg is None:
        leg = Leg(
            id=call.id,
            interaction_id=contact.interaction_id,
            node=contact.node,
            channel_id=outbound_name(call.id),
            created_at=call.began_at,
        )
        insert_row(leg)
    leg.interaction = contact.interaction
    return _Seen(call, leg, contact.interaction, contact, diversion)


def _hang_up(seen: _Seen, *, at: datetime) -> None:
    # The contact may be over; the engine may command all the same.
    hang_up_out(seen.contact, seen.call.id, at=at)


def close_call(call: OutboundCall, contact: Contact, *, at: datetime, cause: int) -> None:
    """Meter the call, once. Inner step; the contact is locked.

    One that was closed because nobody had heard of its leg is metered all the same, should the leg have been answered.
    """
    began = call.answered_at
    metered_ms = 0 if began is None else max(0, (at - began) // timedelta(milliseconds=1))
    if call.ended_at is not None and not metered_ms:
        return
    call.ended_at, call.cause, call.metered_ms = at, cause, metered_ms
    update_row(call, "ended_at", "cause", "metered_ms")
    record_once(
        OUTBOUND_ENDED,
        tenant_id=call.tenant_id,
        kind="outbound_call",
        subject_id=call.id,
        at=at,
        is_test=call.is_test,
        contact=call.contact_id,
        interaction=contact.interaction_id,
        diversion=call.diversion_id,
        route=call.route_id,
        trunk=call.trunk,
        answered_at=None if began is None else began.isoformat(),
        cause=cause,
        metered_ms=metered_ms,
    )


def _part(seen: _Seen, *, at: datetime) -> None:
    """The far end hung up after a talk: the contact ends with the caller's leg, which is ended now."""
    contact = seen.contact
    end_segment(contact, at=at)
    contact.ending = EndReason.OVERFLOWED
    note("contact.outside_left", contact, at=at, leg=seen.call.id)
    save_contact(contact, "ending")
    caller_command(contact, CommandKind.HANG_UP, at=at)
    hang_up_out(contact, seen.call.id, at=at)


def _why(cause: int) -> str:
    if cause in BUSY_CAUSES:
        return "busy"
    return "no-answer" if cause in SILENT_CAUSES else f"cause-{cause}"
