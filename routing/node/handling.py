"""What the switch reports, told to the service that is concerned. Plain functions: the worker runs them in threads."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from agents.public import mark_endpoint
from routing.flows import triggers
from routing.models import Contact, SwitchNode
from routing.services.announce import resume_music
from routing.services.arrive import arrive_call
from routing.services.backup_calls import announcement_over, take_next_route
from routing.services.call_backs import CUSTOMER_PREFIX
from routing.services.customer_legs import customer_answered, customer_ringing
from routing.services.diversions import BACKUP_LABEL
from routing.services.flow import advance_flow, resume_flows, start_flow
from routing.services.hold import leg_held, leg_unheld
from routing.services.legs import BOTH, agent_answered, caller_answered, leg_bridged, leg_ended, leg_ringing
from routing.services.offers import AGENT_PREFIX
from routing.services.outbound import call_of_name
from routing.services.outbound_legs import outbound_answered, outbound_bridged, outbound_ended, outbound_ringing
from routing.services.playback import POSITION_LABEL, parse_playback_id
from routing.states import ContactState
from routing.switch import port
from tenants.public import db_now, engine_scope, tell_system

HEARS_KEYS = (ContactState.IN_FLOW, ContactState.QUEUED, ContactState.OFFERED)
"""The states of a contact whose caller may choose by a key."""


def handle(event: port.SwitchEvent, *, node: str) -> None:  # noqa: C901, PLR0912 - one branch an event
    """Apply one report of the switch. Every branch calls a service; applying a report again changes nothing."""
    match event:
        case port.CallArrived():
            arrival = arrive_call(node=node, event=event)
            if arrival is not None and not arrival.is_under_way:
                begin = take_next_route if arrival.diverted else start_flow
                begin(tenant_id=arrival.tenant_id, contact_id=arrival.contact_id, node=node)
        case port.LegRinging() if is_outbound(event.channel):
            outbound_ringing(channel=event.channel, at=event.at, node=node)
        case port.LegRinging() if event.channel.startswith(CUSTOMER_PREFIX):
            customer_ringing(channel=event.channel, at=event.at, node=node)
        case port.LegRinging():
            leg_ringing(channel=event.channel, at=event.at, node=node)
        case port.LegAnswered():
            _answered(event, node=node)
        case port.LegEnded():
            end_leg(event, node=node)
        case port.LegBridged() if is_outbound(event.bridge):
            outbound_bridged(channel=event.channel, bridge=event.bridge, at=event.at, node=node)
        case port.LegBridged():
            leg_bridged(channel=event.channel, bridge=event.bridge, members=event.members, at=event.at, node=node)
        case port.KeyPressed():
            contact = _contact_on(event.channel)
            if contact is not None and contact.state in HEARS_KEYS:
                _advance(contact, triggers.KeyPressed(event.digit), node=node, key=event.key)
        case port.PlaybackFinished():
            _played(event, node=node)
        case port.EndpointChanged():
            mark_endpoint(endpoint=event.endpoint, reachable=event.reachable, at=event.at)
        case port.SwitchConnected():
            tell_system("exchange.connected", node=node)
            resume_flows(node=node, connected_at=event.at)
        case port.SwitchLost():
            tell_system("exchange.lost", node=node, last_alive_at=event.at.isoformat())
            note_node(node=node, connected=False, at=event.at)
        case port.SwitchAlive():
            note_node(node=node, connected=True, at=event.at)
        case port.LegHeld():
            leg_held(channel=event.channel, at=event.at, node=node)
        case port.LegUnheld():
            leg_unheld(channel=event.channel, at=event.at, node=node)
        case port.LegUnbridged():
            pass


def is_of_consequence(event: port.SwitchEvent) -> bool:
    """Say whether `handle` has anything to do. One leg alone in an offer's bridge is half of a report."""
    match event:
        case port.LegUnbridged():
            return False
        case port.LegBridged() if not is_outbound(event.bridge):
            return len(event.members) >= BOTH
        case _:
            return True


def end_leg(event: port.LegEnded, *, node: str, lost: bool = False) -> None:
    """A leg is over, whoever's it was. `lost`: the exchange died with it."""
    outbound = is_outbound(event.channel)
    follows = (outbound_ended if outbound else leg_ended)(
        channel=event.channel,
        at=event.at,
        node=node,
        cause=event.cause,
        sip_status=event.sip_status,
        sip_call_id=event.sip_call_id,
        lost=lost,
    )
    if follows is not None:
        tenant_id, contact_id = follows
        take_next_route(tenant_id=tenant_id, contact_id=contact_id, node=node)


def is_outbound(name: str) -> bool:
    """Say whether a channel or a bridge is an outbound call's."""
    return call_of_name(name) is not None


def note_node(*, node: str, connected: bool, at: datetime) -> None:
    """Keep when the exchange was last seen alive, by its own clock."""
    with engine_scope(node=node):
        seen: dict[str, Any] = {"connected": connected, "last_alive_at": at}
        if connected:
            seen["clock_offset_ms"] = round((db_now() - at) / timedelta(milliseconds=1))
        SwitchNode.objects.update_or_create(name=node, defaults=seen, create_defaults={**seen, "connected_at": at})


def _answered(event: port.LegAnswered, *, node: str) -> None:
    if event.channel.startswith(AGENT_PREFIX):
        agent_answered(channel=event.channel, at=event.at, node=node, sip_call_id=event.sip_call_id)
        return
    if event.channel.startswith(CUSTOMER_PREFIX):
        customer_answered(channel=event.channel, at=event.at, node=node, sip_call_id=event.sip_call_id)
        return
    if is_outbound(event.channel):
        outbound_answered(channel=event.channel, at=event.at, node=node, sip_call_id=event.sip_call_id)
        return
    contact = caller_answered(channel=event.channel, at=event.at, node=node)
    if contact is not None and contact.state == ContactState.IN_FLOW:
        _advance(contact, triggers.Answered(), node=node, key=event.key)


def _played(event: port.PlaybackFinished, *, node: str) -> None:
    contact_id, label = parse_playback_id(event.playback)
    if label == POSITION_LABEL:
        resume_music(contact_id=contact_id, node=node)
        return
    if label == BACKUP_LABEL:
        announcement_over(contact_id=contact_id, node=node)
        return
    contact = _contact(contact_id)
    if contact is not None and contact.state == ContactState.IN_FLOW:
        _advance(contact, triggers.MediaFinished(label), node=node, key=event.key)


def _advance(contact: Contact, trigger: triggers.Trigger, *, node: str, key: str) -> None:
    advance_flow(tenant_id=contact.tenant_id, contact_id=contact.id, node=node, trigger=trigger, event_key=key)


def _contact_on(channel: str) -> Contact | None:
    with engine_scope(read_only=True):
        return Contact.objects.filter(interaction__caller_channel=channel).exclude(state=ContactState.ENDED).first()


def _contact(contact_id: UUID) -> Contact | None:
    with engine_scope(read_only=True):
        return Contact.objects.filter(id=contact_id).first()
