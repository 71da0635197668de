"""Keys on a bad day: by RTP or by INFO, wrong, missing, too early, all at once. On Asterisk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Phone
from deploy.lab.sipp_log import FarCall
from routing.models import Contact, ContactParty
from routing.states import EndReason
from tenants.public import tenant_scope
from tests.lab.far_ends import FarEnds, over
from tests.lab.lines import ANSWER_AND_QUEUE, Line, make_line
from tests.lab.settled import metered_s, settled
from tests.lab.stack import say, seat, working

pytestmark = pytest.mark.lab

LONG = "Please listen to all of this before you choose. " * 4
LONG_LASTS_S = 8.0
"""At least; measured with espeak-ng it is 11 s."""

TIMEOUT_S = 2


def menu(prompt: str, **menu: Any) -> dict[str, Any]:
    """Answer, ask for a key: 2 leads to the queue, and two more digits are asked before it on 3."""
    return {
        "answer": {"type": "answer", "next": "menu"},
        "menu": {
            "type": "menu",
            "prompt": {"text": say(prompt)},
            "invalid": {"text": say("No.")},
            "keys": {"1": "bye", "2": "queue", "3": "account"},
            "timeout_seconds": TIMEOUT_S,
            "retries": 1,
            "on_timeout": "tired",
            "on_invalid": "wrong",
            **menu,
        },
        "account": {
            "type": "digits",
            "name": "account",
            "prompt": {"text": say(prompt)},
            "min_digits": 4,
            "max_digits": 4,
            "next": "queue",
            "on_timeout": "tired",
        },
        "bye": {"type": "hang_up", "reason": "done"},
        "tired": {"type": "hang_up", "reason": "no_input"},
        "wrong": {"type": "hang_up", "reason": "rejected"},
    }


async def called(lab: Lab, far_ends: FarEnds, prompt: str, **caller: Any) -> tuple[FarCall, Contact, Line]:
    """One call to a menu with an agent behind it, when it is over."""
    line = await sync_to_async(make_line)(nodes=menu(prompt), start="answer")
    agent = await sync_to_async(seat)(lab, line.tenant)
    with far_ends.phones([agent.station.endpoint], Phone()):
        async with working(lab):
            far = await over(far_ends.call(Caller(to=line.number, **{"talk_s": 3.0, **caller})))
            (contact,) = await settled(lab, line.tenant, 1)
    return far, contact, line


def until_queued(contact: Contact) -> timedelta:
    """How long the caller was in the menu, from the answer."""
    answered_at = contact.interaction.answered_at
    assert contact.queued_at is not None, f"never came to the queue: {contact.end_reason}"
    assert answered_at is not None
    waited: timedelta = contact.queued_at - answered_at
    return waited


@pytest.mark.parametrize("info", [False, True], ids=["RFC 4733", "INFO"])
async def test_a_key_is_heard_either_way_and_breaks_into_the_prompt(lab: Lab, far_ends: FarEnds, info: bool) -> None:
    far, contact, _ = await called(lab, far_ends, LONG, keys="2", gap_s=2.0, info=info)
    assert contact.end_reason == EndReason.HANDLED
    assert timedelta(seconds=1.5) < until_queued(contact) < timedelta(seconds=4) < timedelta(seconds=LONG_LASTS_S)
    assert far.talk_seconds > 2


@pytest.mark.parametrize("info", [False, True], ids=["RFC 4733", "INFO"])
async def test_keys_before_the_prompt_begins_are_not_lost(lab: Lab, far_ends: FarEnds, info: bool) -> None:
    """All of it typed at once, by heart: menu and account number, before anything was said."""
    typed = {"keys": "34711", "gap_s": 0.01 if info else 0.25}
    _, contact, line = await called(lab, far_ends, LONG, **typed, info=info, speaks=info, talk_s=6.0)
    assert contact.end_reason == EndReason.HANDLED
    assert until_queued(contact) < timedelta(seconds=5)
    assert await sync_to_async(_digits)(line, contact) == {"account": "4711"}


async def test_a_wrong_key_is_told_and_the_right_one_then_counts(lab: Lab, far_ends: FarEnds) -> None:
    _, contact, _ = await called(lab, far_ends, "Press.", keys="92", gap_s=1.5)
    assert contact.end_reason == EndReason.HANDLED
    assert until_queued(contact) > timedelta(seconds=2.5)


async def test_wrong_keys_only_lead_where_the_flow_says(lab: Lab, far_ends: FarEnds) -> None:
    far, contact, _ = await called(lab, far_ends, "Press.", keys="97", gap_s=1.0, talk_s=20.0)
    assert (far.ended_by, contact.end_reason, contact.queued_at) == ("peer", EndReason.REJECTED, None)
    assert far.talk_seconds < 6


async def test_no_key_at_all_is_asked_again_and_then_let_go(lab: Lab, far_ends: FarEnds) -> None:
    far, contact, _ = await called(lab, far_ends, "Press.", talk_s=30.0)
    assert (far.ended_by, contact.end_reason, contact.queued_at) == ("peer", EndReason.LEFT_FLOW, None)
    # Asked twice, and each time given two seconds.
    assert 2 * TIMEOUT_S < far.talk_seconds < 2 * TIMEOUT_S + 6


async def test_a_key_is_heard_through_the_music_and_leads_out_of_the_queue(lab: Lab, far_ends: FarEnds) -> None:
    nodes = {**ANSWER_AND_QUEUE, "bye": {"type": "hang_up", "reason": "self_served"}}
    line = await sync_to_async(make_line)(nodes=nodes, start="answer", ways={"keys": {"1": "bye"}})
    async with working(lab):
        far = await over(far_ends.call(Caller(to=line.number, keys="1", gap_s=2.0, talk_s=20.0)))
        (contact,) = await settled(lab, line.tenant, 1)
    assert (far.ended_by, contact.end_reason) == ("peer", EndReason.SELF_SERVED)
    assert 2 < far.talk_seconds < 6


async def test_a_caller_who_hangs_up_in_the_prompt_has_left_the_flow(lab: Lab, far_ends: FarEnds) -> None:
    far, contact, _ = await called(lab, far_ends, LONG, talk_s=1.0)
    assert (far.ended_by, contact.end_reason) == ("self", EndReason.LEFT_FLOW)
    assert abs(metered_s(contact) - far.talk_seconds) < 1


def _digits(line: Line, contact: Contact) -> Any:
    with tenant_scope(line.tenant.id, read_only=True):
        return ContactParty.objects.get(contact=contact).digits
