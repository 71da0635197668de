"""Holding what the database believes against what the exchange has: adopt, hang up, end.

Events missed while the socket was away never come again. So on every connection, and every few seconds besides, the
exchange's channels are compared with our open legs, and what differs is told to the same services that the events
would have been told to.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.public import Station
from routing.models import (
    CallBackAttempt,
    CommandKind,
    Contact,
    Leg,
    Offer,
    OutboundCall,
    Participation,
    SwitchCommand,
    SwitchNode,
)
from routing.services.offers import leg_channel_of
from routing.services.outbound import outbound_name
from routing.services.situation import offer_of_bridge
from routing.states import LIVE_OFFER, ContactState
from routing.switch.port import (
    BridgeSnapshot,
    CallArrived,
    ChannelSnapshot,
    EndpointSnapshot,
    LegAnswered,
    LegBridged,
    LegEnded,
)
from tenants.public import db_now, engine_scope

YOUNG = timedelta(seconds=3)
"""What was over only this long before the exchange was asked may be ending there still."""

STALE_SECONDS = 5.0


Missed = CallArrived | LegAnswered | LegBridged


@dataclass(frozen=True, slots=True)
class Findings:
    """What differs: events to apply as if they had come, channels to hang up, legs that are no more, idle bridges.

    `answers`: when callers' legs were answered, by the exchange's clock, if they were and no report of it came.
    """

    missed: list[Missed]
    strays: list[str]
    vanished: list[str]
    empty: list[str]
    answers: dict[str, datetime]

    def unless(self, is_told: Callable[[str], bool]) -> "Findings":
        """Leave out the channels of which something is being told just now: it may say the same, and says it better."""
        missed = [event for event in self.missed if not is_told(event.channel)]
        return replace(self, missed=missed, vanished=[name for name in self.vanished if not is_told(name)])


NOTHING = Findings(missed=[], strays=[], vanished=[], empty=[], answers={})


def compare(
    *,
    node: str,
    channels: Sequence[ChannelSnapshot],
    bridges: Sequence[BridgeSnapshot],
    now: datetime,
    began: float,
) -> Findings:
    """Return what the exchange's state says that our rows do not.

    `now` is the exchange's clock; `began` is `time.monotonic()` before the exchange was asked: what is younger than the
    answer cannot be in it, and an old answer says nothing.
    """
    if time.monotonic() - began > STALE_SECONDS:
        return NOTHING
    present = {channel.id: channel for channel in channels if channel.ours}
    with engine_scope(node=node, read_only=True):
        # Legs have rows since the exchange first spoke of them: those made before it was asked, it had.
        asked_at = db_now() - timedelta(seconds=time.monotonic() - began)
        settled = asked_at - YOUNG
        # Calls go on meanwhile, and each statement sees more than the last. Offers come first: one that leads to a leg
        # in between is found as either. Legs come in one statement, or one that is new would look like one that ended.
        awaited = set(
            Offer.objects.filter(contact__node=node, state__in=LIVE_OFFER).values_list("leg_channel", flat=True)
        )
        # Whom the platform dials, or has dialled, for a caller on a backup route.
        calls = OutboundCall.objects.filter(contact__node=node, contact__state=ContactState.DIVERTED)
        outside = {outbound_name(call) for call in calls.filter(ended_at__isnull=True).values_list("id", flat=True)}
        # Customers who are called back.
        tries = CallBackAttempt.objects.filter(contact__node=node, ended_at__isnull=True, dialled_at__isnull=False)
        outside |= set(tries.values_list("contact__caller_channel", flat=True))
        awaited |= outside
        rows = list(Leg.objects.filter(Q(node=node, ended_at__isnull=True) | Q(channel_id__in=present.keys())))
        answers = _answer_times(rows)
        # Callers whose contact goes on, or was over only just now: all others are to be hung up, or were turned away.
        served = set(
            Contact.objects.filter(node=node, caller_channel__in=present.keys())
            .filter(Q(ending="") & ~Q(state=ContactState.ENDED) | Q(ended_at__gte=settled))
            .values_list("caller_channel", flat=True)
        )
        served |= outside
        # Agents who are asked, or on a contact, or were only just now.
        at_work = awaited | set(
            Offer.objects.filter(leg_channel__in=present.keys())
            .filter(Q(ended_at__gte=settled) | Exists(_on_a_contact(since=settled)))
            .values_list("leg_channel", flat=True)
        )
    known = {leg.channel_id for leg in rows}
    legs = {leg.channel_id: leg for leg in rows if leg.ended_at is None}
    over = {leg.channel_id for leg in rows if leg.ended_at is not None and leg.ended_at < settled}
    over |= {
        name
        for name, leg in legs.items()
        if leg.created_at < settled and name not in (served if leg.offer_id is None else at_work)
    }
    return Findings(
        missed=_missed(present, bridges, legs, known, awaited, answers=answers, now=now),
        strays=[
            name for name, channel in present.items() if name in over or _is_nobodys(name, channel, known, awaited)
        ],
        vanished=[name for name, leg in legs.items() if name not in present and leg.created_at < asked_at],
        empty=[bridge.id for bridge in bridges if not bridge.channels and _offer_is_over(bridge.id, awaited)],
        answers=answers,
    )


def with_answers(ended: Sequence[LegEnded], answers: Mapping[str, datetime]) -> list[LegAnswered | LegEnded]:
    """The ends of legs that are gone, and before them the answers of which no report came either."""
    told: list[LegAnswered | LegEnded] = []
    for end in ended:
        if end.answered and end.channel in answers:
            told.append(LegAnswered(channel=end.channel, at=min(answers[end.channel], end.at)))
        told.append(end)
    return told


def _answer_times(legs: Sequence[Leg]) -> dict[str, datetime]:
    """When callers' legs that are not known to be answered would have been: when the exchange was asked to.

    The exchange answers within milliseconds; that the report of it is lost with a worker must not change the bill.
    """
    unheard = {
        leg.interaction_id: leg.channel_id
        for leg in legs
        if leg.offer_id is None and leg.answered_at is None and leg.ended_at is None
    }
    asked = SwitchCommand.objects.filter(kind=CommandKind.ANSWER, interaction_id__in=unheard.keys()).values_list(
        "interaction_id", "begun_at", "interaction__clock_offset_ms"
    )
    return {
        unheard[interaction_id]: begun_at - timedelta(milliseconds=offset_ms)
        for interaction_id, begun_at, offset_ms in asked
        if begun_at is not None
    }


def unlike_ours(endpoints: Sequence[EndpointSnapshot]) -> list[EndpointSnapshot]:
    """Return the telephones of which our stations say otherwise; most of the time there is none."""
    with engine_scope(read_only=True):
        believed = dict(
            Station.objects.filter(endpoint__in=[seen.endpoint for seen in endpoints])
            .order_by()
            .values_list("endpoint", "reachable")
        )
    return [seen for seen in endpoints if believed.get(seen.endpoint, seen.reachable) != seen.reachable]


def last_alive(*, node: str) -> datetime | None:
    """Return when the exchange was last seen alive, by its own clock."""
    with engine_scope(node=node, read_only=True):
        return SwitchNode.objects.filter(name=node).values_list("last_alive_at", flat=True).first()


def _offer_is_over(bridge: str, awaited: Collection[str]) -> bool:
    """Whether nobody will join this bridge any more; one of an offer that is still live is about to be used."""
    offer_id = offer_of_bridge(bridge)
    return offer_id is not None and leg_channel_of(offer_id) not in awaited


def _on_a_contact(*, since: datetime) -> QuerySet[Participation]:
    """The parts of an offer's leg in a contact that go on, or ended after `since`."""
    # By the contact, which has an index.
    parts = Participation.objects.filter(contact=OuterRef("contact_id"), leg_channel=OuterRef("leg_channel"))
    return parts.filter(Q(left_at__isnull=True) | Q(left_at__gte=since))


def _is_nobodys(name: str, channel: ChannelSnapshot, known: Collection[str], awaited: Collection[str]) -> bool:
    """An agent's leg of an offer that is over or never was; not a caller who is still to be taken in."""
    return name not in known and name not in awaited and channel.arrival is None


def _missed(
    present: dict[str, ChannelSnapshot],
    bridges: Sequence[BridgeSnapshot],
    legs: dict[str, Leg],
    known: Collection[str],
    awaited: Collection[str],
    *,
    answers: Mapping[str, datetime],
    now: datetime,
) -> list[Missed]:
    missed: list[Missed] = []
    for name, channel in present.items():
        arrival: CallArrived | None = channel.arrival
        if name not in known and arrival is not None:
            missed.append(arrival)
        leg = legs.get(name)
        if channel.answered and (leg.answered_at is None if leg else name in awaited):
            missed.append(LegAnswered(channel=name, at=answers.get(name, now)))
    for bridge in bridges:
        for name in bridge.channels:
            leg = legs.get(name)
            if leg is not None and leg.bridged_at is None:
                missed.append(LegBridged(channel=name, bridge=bridge.id, members=tuple(bridge.channels), at=now))
    return missed
