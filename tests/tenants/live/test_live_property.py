"""Whatever happens, a page that took its snapshot and every delta shows what a fresh snapshot would show it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agents.public import set_not_ready, set_ready
from reporting.board import board_rows
from routing.desk import desk_rows
from routing.public import end_contact, finish_wrap_up, reject_offer
from tenants.models import Timer
from tenants.public import HotseatError, Relay, Role, Tenant, db_now, engine_scope, fire_due_timers, tenant_scope
from tests import telephony
from tests.api import signed_in
from tests.factories import ACTOR, make_private_line, make_queue, make_reason, make_session, make_tenant
from tests.tenants.live.page import Page, at_desk, in_thread, page

HAPPENINGS = 60
SEEDS = range(1, 5)


class Centre:
    """A tenant with two agents and a line, and everything that can happen there."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.tenant: Tenant = make_tenant()
        line = make_private_line(self.tenant, queue=make_queue(self.tenant, wrap_up_seconds=30))
        assert line.number is not None
        self.number = str(line.number.e164)
        self.sessions = [make_session(self.tenant, ready=True) for _ in range(2)]
        self.reason = make_reason(self.tenant)
        self.channels: list[str] = []

    def something_happens(self) -> None:
        """One service call, chosen by chance; one that the present state forbids changes nothing."""
        often = [self.call, self.pick_up, self.ready, self.finish]
        seldom = [self.reject, self.caller_leaves, self.agent_hangs_up, self.end, self.not_ready, self.time_passes]
        try:
            self.chance.choice([*often, *often, *often, *seldom])()
        except HotseatError:
            return

    def call(self) -> None:
        self.channels.append(telephony.ring_in(self.number, ani=self.chance.choice(["+447700900123", ""])))

    def pick_up(self) -> None:
        if offers := telephony.live_offers(self.tenant):
            telephony.pick_up(self.chance.choice(offers))

    def reject(self) -> None:
        for offer in telephony.live_offers(self.tenant)[:1]:
            reject_offer(
                tenant_id=self.tenant.id, offer_id=offer.id, session_id=offer.session_id, reason="busy", actor=ACTOR
            )

    def caller_leaves(self) -> None:
        if self.channels:
            telephony.hang_up(self.channels.pop(self.chance.randrange(len(self.channels))))

    def agent_hangs_up(self) -> None:
        for leg in telephony.agents_legs(self.tenant)[:1]:
            telephony.hang_up(leg)

    def end(self) -> None:
        for contact in telephony.talked(self.tenant)[:1]:
            end_contact(tenant_id=self.tenant.id, contact_id=contact.id, actor=ACTOR)

    def ready(self) -> None:
        set_ready(tenant_id=self.tenant.id, session_id=self.somebody(), actor=ACTOR)

    def not_ready(self) -> None:
        set_not_ready(tenant_id=self.tenant.id, session_id=self.somebody(), reason_id=self.reason.id, actor=ACTOR)

    def finish(self) -> None:
        finish_wrap_up(tenant_id=self.tenant.id, session_id=self.somebody(), disposition_id=None, note="", actor=ACTOR)

    def time_passes(self) -> None:
        """Leases, back-offs, exclusions and wrap-ups run out, all that there are."""
        with engine_scope():
            Timer.objects.filter(tenant=self.tenant).update(due_at=db_now() - timedelta(minutes=1))
        fire_due_timers()

    def somebody(self) -> UUID:
        return self.chance.choice(self.sessions).id

    def fresh_board(self) -> dict[str, Any]:
        return {row["id"]: row for row in board_rows(self.tenant.id)}

    def fresh_desk(self) -> dict[str, Any]:
        with tenant_scope(self.tenant.id, read_only=True):
            return {row["id"]: row for row in desk_rows(self.sessions[1].id)}


async def agrees(shown: Page, fresh: dict[str, Any]) -> None:
    """Take deltas until the page shows what was read afresh; fails when they stop before that."""
    await shown.until(lambda: shown.rows == fresh)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_snapshot_and_deltas_give_what_a_fresh_snapshot_gives(seed: int, relay: Relay) -> None:
    centre = await in_thread(Centre, seed)
    supervisor = await in_thread(signed_in, centre.tenant, role=Role.SUPERVISOR)
    agent = await in_thread(at_desk, centre.sessions[1])
    # Nothing is read again by time: only what the relay tells can move these pages.
    async with page(supervisor) as board, page(agent) as desk:
        await board.see("board")
        await desk.see("desk")
        seen: set[str] = set()
        # Both agents get a contact before chance takes over: nothing that a page can show is left out.
        opening = [centre.call, centre.pick_up] * 2
        for number in range(1, HAPPENINGS + 1):
            await in_thread(opening.pop(0) if opening else centre.something_happens)
            await in_thread(relay.step)
            await agrees(desk, await in_thread(centre.fresh_desk))
            seen |= {row["kind"] for row in desk.rows.values()}
            if number % 10 == 0:
                await agrees(board, await in_thread(centre.fresh_board))
        assert seen == {"session", "offer", "contact", "reason"}
