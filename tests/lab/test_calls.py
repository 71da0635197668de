"""Whole calls on a real Asterisk: SIPp calls, the flow speaks, the agent's SIP phone rings, the record is right."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from agents.public import SessionState, set_ready
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Phone, Phones, Sipp, call
from deploy.lab.sipp_log import FarCall
from routing.models import ContactParty, Queue
from routing.states import ContactState, EndReason, OfferState, SegmentKind
from tenants.public import CSP_TENANT_ID, Tenant, engine_scope, tenant_scope
from tests import factories
from tests.lab.settled import settled
from tests.lab.stack import Seated, contacts_of, in_state, record_of, seat, working
from tests.waiting import eventually

pytestmark = pytest.mark.lab

LONG_S = 15.0
ANI = "447700900123"


def line(**queue: Any) -> tuple[Tenant, Queue, str]:
    """A tenant with a private number that leads into a queue without being answered."""
    tenant = factories.make_tenant()
    queue.setdefault("wrap_up_seconds", 0)
    made = factories.make_queue(tenant, **queue)
    number = factories.make_private_line(tenant, queue=made).number
    assert number is not None
    return tenant, made, number.e164.lstrip("+")


def public_line(enterprise: Tenant, queue: Queue, *, others: int = 1) -> str:
    """A public number whose menu hands over to `enterprise` on key 2, and to nobody useful on key 1."""
    with tenant_scope(CSP_TENANT_ID):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    answered = {"schema": 1, "start": "queue", "nodes": {"queue": {"type": "queue", "queue": queue.code}}}
    service = factories.make_entry_point(enterprise, flow=factories.make_flow(enterprise, answered), public=True)
    menu = {
        "schema": 1,
        "start": "answer",
        "nodes": {
            "answer": {"type": "answer", "next": "menu"},
            "menu": {
                "type": "menu",
                "prompt": {"text": {"en": "Press 2."}},
                "keys": {"1": "bye", "2": "over"},
                "on_timeout": "bye",
            },
            "over": {"type": "hand_over", "tenant": enterprise.slug, "service": service.code},
            "bye": {"type": "hang_up", "reason": "no_input"},
        },
    }
    number = factories.make_number(provider, kind="public")
    factories.make_entry_point(provider, flow=factories.make_flow(provider, menu), number=number)
    return number.e164.lstrip("+")


async def done(sipp: Sipp) -> FarCall:
    """The caller's one call, when it is over."""
    (only,) = await asyncio.to_thread(sipp.wait, 40.0)
    return only


async def ended(tenant: Tenant, count: int = 1) -> list[Any]:
    """The tenant's ended contacts, once there are so many."""
    return await eventually(lambda: in_state(tenant, ContactState.ENDED, count), within_s=LONG_S)


async def seated(lab: Lab, tenant: Tenant, **options: Any) -> Seated:
    """An agent at a new phone."""
    return await sync_to_async(seat)(lab, tenant, **options)


async def test_a_private_number_reaches_an_agent_and_is_recorded_to_the_second(lab: Lab) -> None:
    tenant, _, number = await sync_to_async(line)()
    agent = await seated(lab, tenant)
    with Phones(lab, [agent.station.endpoint], Phone()):
        async with working(lab):
            far = await done(call(lab, Caller(to=number, number=ANI, talk_s=3.0)))
            (contact,) = await ended(tenant)
            await settled(lab, tenant, 1)
    found = await sync_to_async(record_of)(contact)
    assert contact.end_reason == EndReason.HANDLED
    assert [row.kind for row in found["segments"]] == [
        SegmentKind.FLOW,
        SegmentKind.QUEUE,
        SegmentKind.RING,
        SegmentKind.TALK,
    ]
    for earlier, later in zip(found["segments"], found["segments"][1:], strict=False):
        assert earlier.ended_at == later.started_at
    assert abs(contact.metered_ms / 1000 - far.talk_seconds) < 1
    talk = found["segments"][-1]
    assert abs((talk.ended_at - talk.started_at).total_seconds() - far.talk_seconds) < 1
    assert all(leg.ended_at and leg.sip_call_id for leg in found["legs"])
    assert {leg.sip_call_id for leg in found["legs"]} >= {far.call_id}


async def test_the_public_number_s_menu_leads_to_an_agent_of_the_right_enterprise(lab: Lab) -> None:
    right, queue, _ = await sync_to_async(line)()
    wrong, _, _ = await sync_to_async(line)()
    number = await sync_to_async(public_line)(right, queue)
    agent, other = await seated(lab, right), await seated(lab, wrong)
    with Phones(lab, [agent.station.endpoint], Phone()), Phones(lab, [other.station.endpoint], Phone()):
        async with working(lab):
            far = await done(call(lab, Caller(to=number, number=ANI, keys="2", talk_s=4.0)))
            (contact,) = await ended(right)
    provider = await sync_to_async(lambda: _of_interaction(contact))()
    assert [(row.tenant_id, row.end_reason) for row in provider] == [
        (CSP_TENANT_ID, EndReason.HANDED_OVER),
        (right.id, EndReason.HANDLED),
    ]
    assert abs(sum(row.metered_ms for row in provider) / 1000 - far.talk_seconds) < 1
    assert await sync_to_async(contacts_of)(wrong) == []


async def test_a_caller_who_gives_up_in_the_queue_is_abandoned_and_not_metered(lab: Lab) -> None:
    tenant, _, number = await sync_to_async(line)(short_abandon_seconds=0)
    async with working(lab):
        await done(call(lab, Caller(to=number, number=ANI, patience_s=1.5)))
        (contact,) = await ended(tenant)
    assert (contact.end_reason, contact.metered_ms) == (EndReason.ABANDONED, 0)


async def test_the_next_agent_rings_when_one_does_not_answer_and_that_one_can_recover(lab: Lab) -> None:
    tenant, _, number = await sync_to_async(line)(ring_seconds=3)
    silent, answering = await seated(lab, tenant), await seated(lab, tenant)
    with (
        Phones(lab, [silent.station.endpoint], Phone(ring_s=None)),
        Phones(lab, [answering.station.endpoint], Phone()),
    ):
        async with working(lab):
            await done(call(lab, Caller(to=number, number=ANI, talk_s=1.0)))
            (contact,) = await ended(tenant)
            missed = await sync_to_async(factories.reread)(silent.session)
            back = await sync_to_async(set_ready)(tenant_id=tenant.id, session_id=missed.id, actor=factories.ACTOR)
    found = await sync_to_async(record_of)(contact)
    assert [(row.state, row.session_id) for row in found["offers"]] == [
        (OfferState.TIMED_OUT, silent.session.id),
        (OfferState.CONNECTED, answering.session.id),
    ]
    assert (missed.state, missed.reason.system_code) == (SessionState.NOT_READY, "missed")
    assert back.state == SessionState.READY


async def test_a_busy_phone_sends_the_caller_to_the_next_agent(lab: Lab) -> None:
    tenant, _, number = await sync_to_async(line)()
    busy, answering = await seated(lab, tenant), await seated(lab, tenant)
    with (
        Phones(lab, [busy.station.endpoint], Phone(status=486)),
        Phones(lab, [answering.station.endpoint], Phone()),
    ):
        async with working(lab):
            await done(call(lab, Caller(to=number, number=ANI, talk_s=1.0)))
            (contact,) = await ended(tenant)
            refused = await sync_to_async(factories.reread)(busy.session)
    found = await sync_to_async(record_of)(contact)
    assert [(row.state, row.cause) for row in found["offers"]] == [
        (OfferState.REJECTED, "busy"),
        (OfferState.CONNECTED, ""),
    ]
    assert refused.state == SessionState.READY
    assert refused.backoff_until is not None


async def test_an_agent_who_hangs_up_ends_the_call_and_wraps_up(lab: Lab) -> None:
    tenant, _, number = await sync_to_async(line)(wrap_up_seconds=60)
    agent = await seated(lab, tenant)
    with Phones(lab, [agent.station.endpoint], Phone(talk_s=2.0)):
        async with working(lab):
            far = await done(call(lab, Caller(to=number, number=ANI, talk_s=20.0)))
            (contact,) = await ended(tenant)
    assert (far.ended_by, contact.end_reason) == ("peer", EndReason.HANDLED)
    session = await sync_to_async(factories.reread)(agent.session)
    assert (session.state, session.wrap_up_contact_id) == (SessionState.WRAP_UP, contact.id)
    assert timedelta(seconds=50) < session.wrap_up_until - contact.ended_at < timedelta(seconds=61)


async def test_an_unknown_number_is_answered_404(lab: Lab) -> None:
    async with working(lab):
        far = await done(call(lab, Caller(to="15550000000", number=ANI, talk_s=1.0)))
    assert far.final_status == 404


@pytest.mark.parametrize(
    ("from_header", "headers", "ani", "restricted"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', (), "", True),
        (f"<sip:+{ANI}@127.0.0.1>", ("Privacy: id", f"P-Asserted-Identity: <sip:+{ANI}@127.0.0.1>"), f"+{ANI}", True),
        ("<sip:%00';drop-table--@127.0.0.1>", (), "", False),
        ('"张伟 🙂" <sip:+8613800138000@127.0.0.1>', (), "+8613800138000", False),
    ],
    ids=["anonymous", "private", "malformed", "chinese-and-emoji"],
)
async def test_hidden_and_malformed_callers_are_served_like_any_other(
    lab: Lab, from_header: str, headers: tuple[str, ...], ani: str, restricted: bool
) -> None:
    tenant, _, number = await sync_to_async(line)()
    agent = await seated(lab, tenant)
    with Phones(lab, [agent.station.endpoint], Phone()):
        async with working(lab):
            far = await done(call(lab, Caller(to=number, from_header=from_header, headers=headers, talk_s=0.5)))
            (contact,) = await ended(tenant)
    assert (contact.end_reason, far.final_status) == (EndReason.HANDLED, 200)
    party = await sync_to_async(_party)(contact)
    assert (party.ani, party.ani_restricted) == (ani, restricted)


async def test_two_callers_reach_one_agent_in_the_order_of_their_arrival(lab: Lab) -> None:
    tenant, _, number = await sync_to_async(line)()
    agent = await seated(lab, tenant)
    with Phones(lab, [agent.station.endpoint], Phone()):
        async with working(lab):
            first = call(lab, Caller(to=number, number="447700900001", talk_s=2.0))
            await eventually(lambda: in_state(tenant, ContactState.ENGAGED), within_s=LONG_S)
            second = call(lab, Caller(to=number, number="447700900002", talk_s=1.0))
            await eventually(lambda: in_state(tenant, ContactState.QUEUED), within_s=LONG_S)
            third = call(lab, Caller(to=number, number="447700900003", talk_s=0.5))
            fars = [await done(sipp) for sipp in (first, second, third)]
            await ended(tenant, 3)
    answered = [far.answered_at for far in fars if far.answered_at]
    assert len(answered) == 3
    assert answered == sorted(answered)


def _of_interaction(contact: Any) -> list[Any]:
    with engine_scope(read_only=True):
        return list(type(contact).objects.filter(interaction_id=contact.interaction_id).order_by("ordinal"))


def _party(contact: Any) -> ContactParty:
    with tenant_scope(contact.tenant_id, read_only=True):
        row: ContactParty = ContactParty.objects.get(contact=contact)
        return row
