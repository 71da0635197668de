"""Calls that the platform makes to the outside, through a trunk: their names, and asking the switch. Inner steps."""

from datetime import datetime
from uuid import UUID

from routing.models import BackupRoute, CommandKind, Contact, Diversion, OutboundCall, OutboundParty, Trunk
from routing.services.commands import send
from tenants.public import insert_row, uuid7

OUTBOUND_PREFIX = "outbound."
MEETING_PREFIX = "outside."


def outbound_name(call_id: UUID) -> str:
    """Return the name of the call's channel."""
    return f"{OUTBOUND_PREFIX}{call_id}"


def meeting_name(call_id: UUID) -> str:
    """Return the name of the bridge in which the caller meets the far end.

    Not that of the channel: Asterisk keeps subscriptions by name alone and then tells nobody who is in the bridge.
    """
    return f"{MEETING_PREFIX}{call_id}"


def call_of_name(name: str) -> UUID | None:
    """Undo either; None for a channel or a bridge that is no outbound call's."""
    prefix = next((known for known in (OUTBOUND_PREFIX, MEETING_PREFIX) if name.startswith(known)), None)
    return UUID(name.removeprefix(prefix)) if prefix else None


def dial_out(contact: Contact, diversion: Diversion, route: BackupRoute, trunk: Trunk, *, at: datetime) -> OutboundCall:
    """Have the trunk ring the route's number. In the tenant's scope; the contact is locked.

    The command has the call's id, not the number: the switch worker reads that in the tenant's scope, as the dial goes
    out.
    """
    call = OutboundCall(
        id=uuid7(),
        tenant_id=contact.tenant_id,
        contact=contact,
        diversion=diversion,
        route_id=route.id,
        trunk=trunk.name,
        is_test=contact.is_test,
        began_at=at,
    )
    insert_row(call)
    insert_row(OutboundParty(tenant_id=contact.tenant_id, call=call, number=route.destination))
    send(
        CommandKind.DIAL,
        node=contact.node,
        interaction_id=contact.interaction_id,
        contact_id=contact.id,
        at=at,
        arguments={
            "channel": outbound_name(call.id),
            "endpoint": trunk.name,
            "timeout_s": route.ring_seconds,
            "headers": {},
            "tenant": str(contact.tenant_id),
            "outbound": str(call.id),
            "shows": str(trunk.shows),
        },
    )
    return call


def hang_up_out(contact: Contact, call_id: UUID, *, at: datetime) -> None:
    """Have the switch end the call's leg and take its bridge away; nothing where neither is there."""
    for kind, arguments in (
        (CommandKind.HANG_UP, {"channel": outbound_name(call_id)}),
        (CommandKind.DESTROY_BRIDGE, {"bridge": meeting_name(call_id)}),
    ):
        send(
            kind,
            node=contact.node,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            at=at,
            arguments=arguments,
        )
