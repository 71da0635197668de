"""The far end of an outbound call, played by the test: the number outside rings, answers and ends."""

from __future__ import annotations

from datetime import UTC, datetime

from routing.models import CommandKind, Contact, OutboundCall, SwitchCommand
from routing.node.handling import end_leg, handle
from routing.services.outbound import meeting_name, outbound_name
from routing.switch.port import Cause, LegAnswered, LegBridged, LegEnded, LegRinging
from tenants.public import engine_scope
from tests.routing import backups
from tests.routing.calls import NODE, Line, caller_is_answered, commands


def the_call(line: Line) -> OutboundCall:
    """The line's latest outbound call."""
    return backups.outbound_calls_of(line.tenant)[-1]


def answers(line: Line) -> None:
    """The telephone outside is lifted, and the two are joined."""
    contact, name, meeting = contact_of(line), outbound_name(the_call(line).id), meeting_name(the_call(line).id)
    handle(LegRinging(channel=name, at=datetime.now(UTC)), node=NODE)
    handle(LegAnswered(channel=name, at=datetime.now(UTC), sip_call_id="outside-1"), node=NODE)
    caller_is_answered(contact)
    members = (contact.caller_channel, name)
    for count, channel in enumerate(members, start=1):
        joined = LegBridged(channel=channel, bridge=meeting, members=members[:count], at=datetime.now(UTC))
        handle(joined, node=NODE)


def contact_of(line: Line) -> Contact:
    """The line's latest contact."""
    with engine_scope(read_only=True):
        row: Contact = Contact.objects.select_related("interaction").filter(tenant=line.tenant).latest("arrived_at")
    return row


def outside_ends(line: Line, *, cause: int = Cause.NORMAL_CLEARING, lost: bool = False) -> None:
    name = outbound_name(the_call(line).id)
    end_leg(LegEnded(channel=name, at=datetime.now(UTC), cause=cause), node=NODE, lost=lost)


def dials(contact: Contact) -> list[SwitchCommand]:
    return commands(contact, CommandKind.DIAL)
