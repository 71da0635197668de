"""Backup routes on a real Asterisk: a caller reaches a mobile through the trunk, and it is recorded and billed."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from billing.models import Rate, RateTable, UsageLine
from billing.services.rating import rate_unrated
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Outside, Phone, Sipp, call
from deploy.lab.sipp_log import FarCall
from routing.models import Leg, OutboundCall
from routing.states import ContactState, EndReason, SegmentKind
from tenants.public import Tenant, engine_scope, tenant_scope
from tests.lab.stack import contacts_of, in_state, record_of, working
from tests.routing import backups
from tests.routing.backups import (
    MOBILE,
    PARTNER,
    activation_now,
    announcement,
    begin,
    in_force,
    make_plan,
    make_trunk,
    take_steps,
    to_number,
)
from tests.routing.calls import Line, make_line
from tests.waiting import eventually

pytestmark = pytest.mark.lab

ANI = "447700900123"
LONG_S = 20.0


def dial(line: Line, lab: Lab, **behaviour: Any) -> Sipp:
    """Somebody calls the line."""
    return call(lab, Caller(to=line.number.lstrip("+"), number=ANI, **behaviour))


async def over(sipp: Sipp) -> FarCall:
    (only,) = await asyncio.to_thread(sipp.wait, 60.0)
    return only


async def ended(tenant: Tenant) -> Any:
    (contact,) = await eventually(lambda: in_state(tenant, ContactState.ENDED), within_s=LONG_S)
    return contact


async def outbound_over(tenant: Tenant, count: int = 1) -> list[OutboundCall]:
    """The tenant's outbound calls, once so many are over."""

    def calls() -> list[OutboundCall]:
        rows = [row for row in backups.outbound_calls_of(tenant) if row.ended_at]
        return rows if len(rows) >= count else []

    return await eventually(calls, within_s=LONG_S)


def price(tenant: Tenant) -> None:
    """Calls in cost 0.60 a minute, calls out to British mobiles 6.00, each by the second."""
    with tenant_scope(tenant.id):
        for direction, prices in (("inbound", {"": "0.60"}), ("outbound", {"": "99", "+447": "6.00"})):
            table = RateTable.objects.create(
                name=direction, direction=direction, currency="EUR", first_day=dt.date(2020, 1, 1)
            )
            for prefix, per_minute in prices.items():
                Rate.objects.create(table=table, prefix=prefix, price_per_minute=Decimal(per_minute))


def lines_of(tenant: Tenant) -> list[UsageLine]:
    with tenant_scope(tenant.id, read_only=True):
        return list(UsageLine.objects.order_by("key"))


async def test_a_caller_reaches_a_mobile_through_the_trunk_and_both_legs_are_recorded_and_billed(lab: Lab) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)(node=lab.node)
    await sync_to_async(price)(line.tenant)
    await sync_to_async(in_force)(line, to_number())
    async with working(lab):
        with Outside(lab, Phone(ring_s=1.0)) as outside:
            far = await over(dial(line, lab, talk_s=4.0))
            contact = await ended(line.tenant)
            (out,) = await outbound_over(line.tenant)
            (rung,) = outside.calls_to(MOBILE)
    found = await sync_to_async(record_of)(contact)
    assert contact.end_reason == EndReason.OVERFLOWED
    assert [row.kind for row in found["segments"]] == [SegmentKind.FLOW, SegmentKind.RING, SegmentKind.TALK]
    talk = found["segments"][-1]
    assert abs((talk.ended_at - talk.started_at).total_seconds() - far.talk_seconds) < 1
    assert abs(contact.metered_ms / 1000 - far.talk_seconds) < 1
    assert out.metered_ms is not None
    assert abs(out.metered_ms / 1000 - rung.talk_seconds) < 1
    assert {leg.sip_call_id for leg in found["legs"]} == {far.call_id, rung.call_id}
    rated = await sync_to_async(rate_unrated)(tenant_id=line.tenant.id)
    assert (len(rated.written), rated.unrated) == (2, [])
    inbound, outbound = await sync_to_async(lines_of)(line.tenant)
    assert (inbound.outbound_call_id, outbound.outbound_call_id) == (None, out.id)
    assert outbound.amount == outbound.quantity * Decimal("0.1")
    assert abs(float(outbound.quantity) - rung.talk_seconds) <= 1


async def test_a_partner_who_is_busy_gives_way_and_the_caller_hears_the_announcement(lab: Lab) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)(node=lab.node)
    await sync_to_async(in_force)(line, to_number(PARTNER), to_number(), announcement("Please call again tomorrow."))
    async with working(lab):
        with Outside(lab, Phone(status=486)) as outside:
            far = await over(dial(line, lab, talk_s=60.0))
            contact = await ended(line.tenant)
            rung = [len(outside.calls_to(number)) for number in (PARTNER, MOBILE)]
    assert (contact.end_reason, far.ended_by, rung) == (EndReason.REJECTED, "peer", [1, 1])
    calls = await sync_to_async(backups.outbound_calls_of)(line.tenant)
    assert [(row.cause, row.metered_ms) for row in calls] == [(17, 0), (17, 0)]


async def test_a_mobile_that_nobody_answers_gives_way_after_its_ring_time(lab: Lab) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)(node=lab.node)
    await sync_to_async(in_force)(line, to_number(ring_seconds=3), announcement("Goodbye."))
    async with working(lab):
        with Outside(lab, Phone(ring_s=None)) as outside:
            await over(dial(line, lab, talk_s=60.0))
            await ended(line.tenant)
            (rung,) = outside.calls_to(MOBILE)
    assert rung.answered_at is None
    (diversion,) = await sync_to_async(backups.diversions_of)(line.tenant)
    assert diversion.outcome == "announced"


async def test_a_caller_who_waits_is_moved_to_the_mobile_when_the_plan_is_activated(lab: Lab) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)(node=lab.node)
    plan = await sync_to_async(make_plan)(line, to_number(takes_waiting=True))
    async with working(lab):
        with Outside(lab, Phone(ring_s=0.5)) as outside:
            caller = dial(line, lab, talk_s=2.0)
            await eventually(lambda: in_state(line.tenant, ContactState.QUEUED), within_s=LONG_S)
            activation = await sync_to_async(begin)(plan)
            await sync_to_async(take_steps)(activation)
            await over(caller)
            contact = await ended(line.tenant)
            assert len(outside.calls_to(MOBILE)) == 1
    assert contact.end_reason == EndReason.OVERFLOWED
    assert (await sync_to_async(activation_now)(activation)).moved == 1
    assert len(await sync_to_async(contacts_of)(line.tenant)) == 1


async def test_a_caller_who_gives_up_silences_the_mobile(lab: Lab) -> None:
    line = await sync_to_async(make_line)()
    await sync_to_async(make_trunk)(node=lab.node)
    await sync_to_async(in_force)(line, to_number())
    async with working(lab):
        with Outside(lab, Phone(ring_s=None)) as outside:
            await over(dial(line, lab, patience_s=2.0))
            contact = await ended(line.tenant)
            (out,) = await outbound_over(line.tenant)
            (rung,) = outside.calls_to(MOBILE)
    assert (contact.end_reason, out.metered_ms) == (EndReason.LEFT_FLOW, 0)
    assert (rung.answered_at, rung.ended_by) == (None, "peer")

    def open_legs() -> int:
        with engine_scope(read_only=True):
            return Leg.objects.filter(interaction_id=contact.interaction_id, ended_at__isnull=True).count()

    assert await sync_to_async(open_legs)() == 0
