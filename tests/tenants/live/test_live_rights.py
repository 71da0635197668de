"""Who may open the socket and see what, and when it closes."""

from __future__ import annotations

from agents.public import log_out
from tenants.live.consumer import FORBIDDEN, SIGNED_OUT
from tenants.public import CSP_TENANT_ID, Membership, Relay, Role, Tenant, tenant_scope
from tests import telephony
from tests.api import Api, signed_in
from tests.factories import ACTOR, make_session, make_tenant
from tests.tenants.live.page import QUICK, a_centre, at_desk, in_thread, page


async def test_it_closes_a_socket_of_nobody() -> None:
    async with page(None) as stranger:
        assert await stranger.closed() == SIGNED_OUT
    async with page(Api()) as stranger:
        assert await stranger.closed() == SIGNED_OUT


async def test_it_closes_a_socket_of_a_suspended_tenant() -> None:
    tenant, _, session = await in_thread(a_centre)
    clients = [await in_thread(signed_in, tenant), await in_thread(at_desk, session)]
    await in_thread(suspend, tenant)
    for client in clients:
        async with page(client) as refused:
            assert await refused.closed() == FORBIDDEN


async def test_each_topic_is_for_the_roles_that_need_it() -> None:
    """Ghostwriter GHSA-f6w3-9v9c-5364, openwisp-radius#691: socket authorisation missing or thrown away."""
    tenant, _, session = await in_thread(a_centre)
    async with page(await in_thread(at_desk, session)) as agent:
        assert await agent.refused("board") == "missing-right"
        await agent.see("desk")
    for role in (Role.SUPERVISOR, Role.ADMINISTRATOR):
        async with page(await in_thread(signed_in, tenant, role=role)) as member:
            assert await member.refused("desk") == "missing-right"
            await member.see("board")
    async with page(await in_thread(signed_in, tenant, role=Role.AGENT)) as nowhere:
        assert await nowhere.refused("desk") == "no-agent-session"
        assert await nowhere.refused("board") == "missing-right"


async def test_a_topic_shows_only_the_own_tenant_and_the_own_desk() -> None:
    tenant, number, session = await in_thread(a_centre)
    other, _, stranger = await in_thread(a_centre)
    await in_thread(telephony.ring_in, number)
    async with page(await in_thread(signed_in, other)) as board, page(await in_thread(at_desk, stranger)) as desk:
        await board.see("board")
        assert [row["id"] for row in board.of("agent")] == [str(stranger.id)]
        assert board.of("contact") == []
        await desk.see("desk")
        assert desk.one("session")["id"] == str(stranger.id)
        assert desk.of("offer") == []
    colleague = await in_thread(make_session, tenant)
    async with page(await in_thread(at_desk, colleague)) as desk:
        await desk.see("desk")
        assert desk.of("offer") == []
    async with page(await in_thread(at_desk, session)) as desk:
        await desk.see("desk")
        assert len(desk.of("offer")) == 1


async def test_another_tenants_changes_are_not_heard(relay: Relay) -> None:
    tenant, _, _ = await in_thread(a_centre)
    other, number, _ = await in_thread(a_centre)
    async with page(await in_thread(signed_in, tenant)) as board, page(await in_thread(signed_in, other)) as theirs:
        await board.see("board")
        await theirs.see("board")
        await in_thread(telephony.ring_in, number)
        await in_thread(relay.step)
        await theirs.until(lambda: theirs.of("contact"))
        assert await board.socket.silent_for(0.5)


async def test_it_closes_when_the_membership_ends() -> None:
    tenant = await in_thread(make_tenant)
    client = await in_thread(signed_in, tenant, role=Role.SUPERVISOR)

    def dismiss() -> None:
        with tenant_scope(tenant.id):
            Membership.objects.all().delete()

    async with page(client, pace=QUICK) as board:
        await board.see("board")
        await in_thread(dismiss)
        assert await board.closed() == SIGNED_OUT


async def test_it_closes_when_the_role_no_longer_allows_what_is_shown() -> None:
    tenant = await in_thread(make_tenant)
    client = await in_thread(signed_in, tenant, role=Role.SUPERVISOR)

    def degrade() -> None:
        with tenant_scope(tenant.id):
            Membership.objects.update(role=Role.AGENT)

    async with page(client, pace=QUICK) as board:
        await board.see("board")
        await in_thread(degrade)
        assert await board.closed() == FORBIDDEN


async def test_it_closes_when_the_tenant_is_suspended() -> None:
    tenant = await in_thread(make_tenant)
    async with page(await in_thread(signed_in, tenant), pace=QUICK) as board:
        await board.see("board")
        await in_thread(suspend, tenant)
        assert await board.closed() == FORBIDDEN


async def test_it_closes_when_the_browser_signs_out() -> None:
    tenant = await in_thread(make_tenant)
    client = await in_thread(signed_in, tenant)
    async with page(client, pace=QUICK) as board:
        await board.see("board")
        await in_thread(client.session.flush)
        assert await board.closed() == SIGNED_OUT


async def test_an_agent_who_logs_out_sees_an_empty_desk_and_is_let_go_at_once(relay: Relay) -> None:
    tenant, _, session = await in_thread(a_centre)
    async with page(await in_thread(at_desk, session)) as desk:
        await desk.see("desk")
        await in_thread(relay.step)
        await in_thread(log_out, tenant_id=tenant.id, session_id=session.id, actor=ACTOR)
        await in_thread(relay.step)
        await desk.until(lambda: not desk.rows)
        assert await desk.closed() == SIGNED_OUT


def suspend(tenant: Tenant) -> None:
    with tenant_scope(CSP_TENANT_ID):
        Tenant.objects.filter(id=tenant.id).update(status=Tenant.Status.SUSPENDED)
