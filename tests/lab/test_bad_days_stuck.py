"""What is stuck on the exchange, made by hand there or in the rows, heals within 15 s, with a line in the log."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import cast
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from agents.public import SessionState
from deploy.lab import exchange
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Phone
from routing.models import CommandKind, SwitchCommand, SwitchNode
from routing.services.offers import leg_channel_of
from routing.services.situation import bridge_id
from routing.states import ContactState, EndReason, OfferState
from tenants.public import engine_scope, uuid7
from tests import factories
from tests.lab.far_ends import FarEnds, over
from tests.lab.lines import answered_line, make_line
from tests.lab.settled import settled
from tests.lab.stack import contacts_of, in_state, record_of, seat, working
from tests.routing.broken import Break, breaking
from tests.waiting import eventually

pytestmark = pytest.mark.lab

HEALS_WITHIN_S = 15.0
STRAY = "a leg that should be over is hung up"


@pytest.fixture
def by_hand(admin_database_url: str) -> Iterator[Break]:
    with breaking(admin_database_url) as change:
        yield change


def ids(lab: Lab, kind: str) -> set[str]:
    """The exchange's channels or bridges."""
    return {row["id"] for row in cast("list[dict[str, str]]", exchange.ari(lab, "GET", f"/{kind}"))}


def _connected() -> bool:
    with engine_scope(read_only=True):
        return SwitchNode.objects.filter(connected=True).exists()


async def healed(what: Callable[[], object]) -> float:
    """Wait until it is well again; the seconds that took."""
    began = time.monotonic()
    await eventually(what, within_s=HEALS_WITHIN_S)
    return time.monotonic() - began


async def test_a_leg_in_our_application_that_nobody_knows_is_hung_up(
    lab: Lab, far_ends: FarEnds, caplog: pytest.LogCaptureFixture
) -> None:
    """ari4java#85, asterisk#2170: channels that are up and nobody's."""
    line = await sync_to_async(make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    channel = leg_channel_of(uuid7())
    with far_ends.phones([agent.station.endpoint], Phone(ring_s=None)) as phones:
        async with working(lab):
            asked = {"endpoint": f"PJSIP/{agent.station.endpoint}", "app": f"hotseat-{lab.node}", "appArgs": "dialled"}
            path = f"/channels/{channel}?{urllib.parse.urlencode(asked)}"
            await eventually(_connected)
            exchange.ari(lab, "POST", path)
            await eventually(lambda: phones.calls() and phones.calls()[0].ringing_at)
            await healed(lambda: phones.calls()[0].cancelled_at)
            await healed(lambda: channel not in ids(lab, "channels"))
    assert STRAY in caplog.text
    session = await sync_to_async(factories.reread)(agent.session)
    assert session.state == SessionState.READY


async def test_an_idle_bridge_of_ours_is_taken_away_and_a_strangers_stays(
    lab: Lab, far_ends: FarEnds, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#1674: nothing is cleared that is not ours."""
    ours, foreign = bridge_id(uuid7()), f"somebody-elses-{uuid7()}"
    line = await sync_to_async(make_line)()
    async with working(lab):
        await eventually(_connected)
        for name in (ours, foreign):
            exchange.ari(lab, "POST", f"/bridges/{name}?type=mixing")
        await healed(lambda: ours not in ids(lab, "bridges"))
        assert foreign in ids(lab, "bridges")
        exchange.ari(lab, "DELETE", f"/bridges/{foreign}")
        # And calls go on as ever.
        await over(far_ends.call(Caller(to=line.number, patience_s=0.5)))
        await settled(lab, line.tenant, 1)
    assert "idle bridges are taken away" in caplog.text


async def test_a_phone_that_rings_for_an_offer_that_is_over_falls_silent(
    lab: Lab, far_ends: FarEnds, by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#2529: caller gone, the agent still rang. The offer was closed, and the command to hang up lost."""
    line = await sync_to_async(make_line)(ring_seconds=60)
    agent = await sync_to_async(seat)(lab, line.tenant)
    with far_ends.phones([agent.station.endpoint], Phone(ring_s=None)) as phones:
        async with working(lab):
            caller = far_ends.call(Caller(to=line.number, patience_s=HEALS_WITHIN_S))
            await eventually(lambda: phones.calls() and phones.calls()[0].ringing_at)
            # As if the caller had been put back and the agent paused, and the exchange never told.
            by_hand("UPDATE routing_offer SET state = 'rescinded', ended_at = clock_timestamp()")
            by_hand("UPDATE agents_slot SET open = false")
            by_hand("UPDATE agents_agentsession SET state = 'not_ready'")
            await healed(lambda: phones.calls()[0].cancelled_at)
            assert await sync_to_async(in_state)(line.tenant, ContactState.QUEUED)
            await over(caller)
            await settled(lab, line.tenant, 1)
    for line_of_log in (STRAY, "mended: a contact was offered to nobody", "mended: a slot was held by nothing"):
        assert line_of_log in caplog.text


async def test_a_talk_whose_end_was_never_noticed_ends_on_both_sides(
    lab: Lab, far_ends: FarEnds, by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#1973, opensips#2530, #3123: "in call" for hours after the hang-up."""
    line = await sync_to_async(make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    with far_ends.phones([agent.station.endpoint], Phone()) as phones:
        async with working(lab):
            caller = far_ends.call(Caller(to=line.number, talk_s=40.0))
            await eventually(lambda: in_state(line.tenant, ContactState.ENGAGED))
            by_hand("UPDATE routing_leg SET ended_at = clock_timestamp() WHERE offer_id IS NULL")
            await healed(lambda: phones.calls()[0].bye_at)
            far = await over(caller)
            (contact,) = await settled(lab, line.tenant, 1)
    assert (far.ended_by, contact.end_reason) == ("peer", EndReason.HANDLED)
    assert far.talk_seconds < HEALS_WITHIN_S
    assert "mended: a contact had no caller" in caplog.text


async def test_a_leg_that_the_exchange_does_not_have_ends_its_contact(
    lab: Lab, far_ends: FarEnds, by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """asterisk#2170, #1645: channels "up" that are gone. The rows of a call, and no call."""
    line = await sync_to_async(make_line)()
    agent = await sync_to_async(seat)(lab, line.tenant)
    with far_ends.phones([agent.station.endpoint], Phone()):
        async with working(lab):
            await over(far_ends.call(Caller(to=line.number, talk_s=0.5)))
            await settled(lab, line.tenant, 1)
            # The record of that call, as if it went on, twenty seconds old.
            never = f"1.{uuid7()}"
            by_hand(
                "UPDATE routing_leg SET ended_at = NULL, channel_id = %s,"
                " created_at = created_at - interval '20 seconds' WHERE offer_id IS NULL",
                never,
            )
            by_hand("UPDATE routing_interaction SET ended_at = NULL, caller_channel = %s", never)
            by_hand(
                "UPDATE routing_contact SET state = 'queued', end_reason = '', ended_at = NULL, metered_ms = NULL,"
                " caller_channel = %s",
                never,
            )
            by_hand("UPDATE agents_slot SET open = false")
            by_hand("UPDATE agents_agentsession SET state = 'not_ready'")
            await healed(lambda: in_state(line.tenant, ContactState.ENDED))
    (contact,) = await sync_to_async(contacts_of)(line.tenant)
    assert contact.end_reason == EndReason.SWITCH_LOST
    assert "a leg is gone, and nobody knows how it ended" in caplog.text


def _hang_ups(interaction_id: UUID) -> list[str]:
    with engine_scope(read_only=True):
        rows = SwitchCommand.objects.filter(kind=CommandKind.HANG_UP, interaction_id=interaction_id)
        return list(rows.values_list("state", flat=True))


async def test_a_command_whose_hint_was_lost_is_carried_out(lab: Lab, far_ends: FarEnds, by_hand: Break) -> None:
    """celery#1628: killed tasks lost. A command is a row, and rows are looked for."""
    line = await sync_to_async(answered_line)()
    async with working(lab):
        caller = far_ends.call(Caller(to=line.number, talk_s=40.0))
        (contact,) = await eventually(lambda: in_state(line.tenant, ContactState.QUEUED))
        by_hand(
            "INSERT INTO routing_switchcommand (id, node, interaction_id, kind, arguments, state, created_at, failure)"
            " VALUES (%s, %s, %s, 'hang_up', jsonb_build_object('channel', %s::text), 'pending', now(), '')",
            *(uuid7(), lab.node, contact.interaction_id, contact.caller_channel),
        )
        far = await asyncio.wait_for(over(caller), HEALS_WITHIN_S)
        await settled(lab, line.tenant, 1)
    assert far.ended_by == "peer"
    assert await sync_to_async(_hang_ups)(contact.interaction_id) == ["done"]


async def test_an_offer_whose_lease_nobody_watches_goes_to_the_next_agent(
    lab: Lab, far_ends: FarEnds, by_hand: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """freeswitch#2540: agents stuck in "Reserved". The timer is gone, and the phone never ends its ringing."""
    line = await sync_to_async(make_line)(ring_seconds=60)
    stuck, free = [await sync_to_async(seat)(lab, line.tenant) for _ in range(2)]
    with (
        far_ends.phones([stuck.station.endpoint], Phone(ring_s=None)) as ringing,
        far_ends.phones([free.station.endpoint], Phone()),
    ):
        async with working(lab):
            caller = far_ends.call(Caller(to=line.number, talk_s=1.0))
            await eventually(lambda: ringing.calls() and ringing.calls()[0].ringing_at)
            by_hand("DELETE FROM tenants_timer WHERE kind = 'offer-lease'")
            by_hand("UPDATE routing_offer SET lease_expires_at = clock_timestamp()")
            took = await healed(lambda: ringing.calls()[0].cancelled_at)
            await over(caller)
            (contact,) = await settled(lab, line.tenant, 1)
    found = await sync_to_async(record_of)(contact)
    assert [offer.state for offer in found["offers"]] == [OfferState.TIMED_OUT, OfferState.CONNECTED]
    assert "mended: an offer had lost its lease's end" in caplog.text
    assert took < HEALS_WITHIN_S
