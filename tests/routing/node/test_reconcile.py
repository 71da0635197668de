"""What differs between the exchange and our rows, while calls go on between the reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from routing.models import Leg, Offer, Participation
from routing.node.handling import handle
from routing.node.reconcile import Findings, compare
from routing.services.situation import bridge_id
from routing.switch.port import BridgeSnapshot, CallArrived, ChannelSnapshot, ChannelState
from tenants.public import db_now, engine_scope, uuid7
from tests import factories
from tests.routing import calls
from tests.threads import at_once

READS = 7
"""How many statements `compare` takes at most after its scope is open; the change happens before each of them."""


def snapshot(channel: str, *, arrival: CallArrived | None = None, answered: bool = True) -> ChannelSnapshot:
    return ChannelSnapshot(
        id=channel, state=ChannelState.UP if answered else ChannelState.RINGING, answered=answered, dnis="", ani="",
        created_at=datetime.now(UTC), ours=True, arrival=arrival,
    )  # fmt: skip


def compared(*channels: ChannelSnapshot, began: float | None = None) -> Findings:
    began = time.monotonic() if began is None else began
    return compare(node=calls.NODE, channels=channels, bridges=[], now=datetime.now(UTC), began=began)


def compared_while(change: Callable[[], Any], *channels: ChannelSnapshot, before_read: int) -> Findings:
    """Compare, with `change` committed by another connection before the so-manieth read."""
    reads = 0

    def between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal reads
        if '"routing_' in sql:
            reads += 1
            if reads == before_read:
                at_once([change])
        return execute(sql, params, many, context)

    with connections["engine"].execute_wrapper(between):
        found = compared(*channels)
    if reads < before_read:
        change()
    return found


@pytest.mark.parametrize("read", range(1, READS + 1))
def test_a_caller_who_is_taken_in_meanwhile_is_no_stray(read: int) -> None:
    line = calls.make_line()
    event = calls.arrived(line.number)
    found = compared_while(
        lambda: handle(event, node=calls.NODE), snapshot(event.channel, arrival=event, answered=False), before_read=read
    )
    assert (found.strays, found.vanished) == ([], [])
    # Perhaps it is told once more; that changes nothing.
    for missed in found.missed:
        handle(missed, node=calls.NODE)
    assert calls.commands_of_channel(event.channel) == ["indicate_ringing"]


@pytest.mark.parametrize("read", range(1, READS + 1))
def test_an_agent_who_is_connected_meanwhile_is_no_stray(read: int) -> None:
    line = calls.make_line()
    factories.make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.offer_of(contact)
    found = compared_while(
        lambda: calls.talk(contact),
        snapshot(contact.caller_channel, answered=False), snapshot(offer.leg_channel), before_read=read,
    )  # fmt: skip
    assert (found.strays, found.vanished) == ([], [])


def test_a_leg_that_we_ended_and_one_that_nobody_asked_for_are_strays() -> None:
    line = calls.make_line()
    event = calls.arrived(line.number)
    handle(event, node=calls.NODE)
    calls.leg_ends(event.channel)
    # An end that is younger than the exchange's answer may be missing in it.
    assert compared(snapshot(event.channel, arrival=event)).strays == []
    with engine_scope():
        Leg.objects.using("engine").update(ended_at=db_now() - timedelta(seconds=10))
    found = compared(snapshot(event.channel, arrival=event), snapshot("agent.nobodys"))
    assert sorted(found.strays) == sorted([event.channel, "agent.nobodys"])


def test_a_phone_that_rings_for_an_offer_that_is_over_is_a_stray() -> None:
    """freeswitch#2529: caller gone, the agent still rang; and the command to end that leg was lost."""
    line = calls.make_line()
    factories.make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.offer_of(contact)
    calls.rings(offer)
    _age_legs()
    ringing = snapshot(offer.leg_channel, answered=False)
    assert compared(ringing).strays == [], "it rings for an offer"
    calls.caller_hangs_up(contact)
    assert compared(ringing).strays == [], "it was to end just now"
    with engine_scope():
        Offer.objects.update(ended_at=db_now() - timedelta(seconds=10))
    assert compared(ringing).strays == [offer.leg_channel]


def test_an_agents_leg_whose_talk_is_over_is_a_stray() -> None:
    """freeswitch#1973: "in call" for hours after the hang-up."""
    line = calls.make_line()
    factories.make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)
    _age_legs()
    with engine_scope():
        Offer.objects.update(ended_at=db_now() - timedelta(seconds=10))
    assert compared(snapshot(offer.leg_channel), snapshot(contact.caller_channel)).strays == []
    calls.caller_hangs_up(contact)
    assert compared(snapshot(offer.leg_channel)).strays == []
    with engine_scope():
        Participation.objects.update(left_at=db_now() - timedelta(seconds=10))
    assert compared(snapshot(offer.leg_channel)).strays == [offer.leg_channel]


def test_a_caller_who_was_turned_away_and_is_there_still_is_a_stray() -> None:
    event = calls.arrived("+15550000000")
    handle(event, node=calls.NODE)
    assert compared(snapshot(event.channel, arrival=event, answered=False)).strays == []
    _age_legs()
    assert compared(snapshot(event.channel, arrival=event, answered=False)).strays == [event.channel]


def _age_legs() -> None:
    with engine_scope():
        Leg.objects.using("engine").update(created_at=db_now() - timedelta(seconds=10))


def test_a_leg_that_came_after_the_exchange_was_asked_is_not_missing() -> None:
    line = calls.make_line()
    began = time.monotonic()
    calls.call(line.number)
    assert compared(began=began).vanished == []


def test_a_leg_that_was_there_is_missing_however_young_it_is() -> None:
    """The exchange died right after it told of the call: it ended then, and not when the next look is taken."""
    line = calls.make_line()
    contact = calls.call(line.number)
    assert compared().vanished == [contact.caller_channel]


def test_a_strangers_channel_is_left_alone() -> None:
    stranger = ChannelSnapshot(
        id="other", state=ChannelState.UP, answered=True, dnis="", ani="", created_at=datetime.now(UTC), ours=False
    )
    found = compared(stranger)
    assert (found.strays, found.missed, found.vanished) == ([], [], [])


def test_an_answer_that_is_too_old_says_nothing() -> None:
    found = compare(
        node=calls.NODE, channels=[snapshot("agent.nobodys")], bridges=[], now=datetime.now(UTC),
        began=time.monotonic() - 60,
    )  # fmt: skip
    assert found == Findings(missed=[], strays=[], vanished=[], empty=[], answers={})


def test_an_empty_bridge_is_idle_unless_its_offer_still_lives() -> None:
    line = calls.make_line()
    factories.make_session(line.tenant, ready=True)
    offer = calls.offer_of(calls.call(line.number))
    over, alive, foreign = bridge_id(uuid7()), bridge_id(offer.id), "somebody-elses"
    found = compare(
        node=calls.NODE,
        channels=[],
        now=datetime.now(UTC),
        began=time.monotonic(),
        bridges=[BridgeSnapshot(id=name) for name in (over, alive, foreign)],
    )
    assert found.empty == [over]
