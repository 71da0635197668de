"""Passed on blindly: the next agent has the caller, the first their wrap-up, and the record says who had them when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from agents.public import AgentSession, SessionState, set_ready
from routing.models import (
    CommandKind,
    Contact,
    Exclusion,
    Offer,
    Participation,
    Queue,
    RoutingPolicy,
    Segment,
    Transfer,
)
from routing.public import change_queue, mend
from routing.services import transfers
from routing.services.transfers import Asked
from routing.states import ContactState, EndReason, OfferState, TransferKind
from tenants.public import Conflict, Event, HotseatError, Invalid, NotFound, Tenant, engine_scope, tenant_scope
from tests import factories
from tests.routing import calls
from tests.routing.broken import is_free
from tests.routing.ringing import fire, reject


@dataclass(frozen=True)
class House:
    """Two tiers, each with one agent; a caller who talks with the one of the first."""

    tenant: Tenant
    first: Queue
    second: Queue
    ann: AgentSession
    expert: AgentSession
    contact: Contact
    offer: Offer

    def asks(self, **details: Any) -> Asked:
        given: dict[str, Any] = {"session_id": self.ann.id, "actor": "agent:ann", **details}
        return Asked(tenant_id=self.tenant.id, contact_id=self.contact.id, **given)

    def now(self) -> Contact:
        return calls.now_of(self.contact)

    def history(self) -> list[Transfer]:
        with tenant_scope(self.tenant.id, read_only=True):
            return list(Transfer.objects.filter(contact_id=self.contact.id))


@pytest.fixture
def house() -> House:
    return furnished()


def furnished(**queue: Any) -> House:
    tenant = factories.make_tenant()
    second = factories.make_queue(tenant, code="experts", requires="expert >= 3", wrap_up_seconds=0)
    line = calls.make_line(tenant, code="first", escalates_to="experts", **{"wrap_up_seconds": 30, **queue})
    ann = factories.make_session(tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)
    factories.make_skill(tenant, "expert")
    able = factories.make_agent(tenant, skills={"expert": 5})
    expert = factories.make_session(tenant, agent=able, ready=True)
    return House(tenant, line.queue, second, ann, expert, contact, offer)


def failure(work: Callable[..., object], **arguments: Any) -> HotseatError:
    with pytest.raises(HotseatError) as refused:
        work(**arguments)
    return refused.value


def stays_where_it_was(house: House) -> None:
    """Nothing has happened to the call."""
    contact = house.now()
    assert (contact.state, contact.queue_id) == (ContactState.ENGAGED, house.first.id)
    assert calls.segments(house.contact) == ["flow", "queue", "ring", "talk"]
    assert factories.slot_of(house.ann).held
    assert calls.hung_up(house.contact) == []
    assert house.history() == []


# --- to the next tier, to a queue, back -------------------------------------------------------------------------------


def test_an_escalated_caller_talks_with_the_expert_and_the_first_agent_wraps_up(house: House) -> None:
    """asterisk#759, FreePBX#124: transfers missing from the record, talk time inflated."""
    before = house.now()
    transfers.escalate_contact(asked=house.asks(reason="authority", note="wants a refund of 300"))
    calls.pair_up(house.contact, house.expert)
    ann = factories.reread(house.ann)
    assert (ann.state, ann.wrap_up_contact_id) == (SessionState.WRAP_UP, house.contact.id)
    assert not factories.slot_of(house.ann).held
    assert calls.hung_up(house.contact) == [house.offer.leg_channel]
    calls.leg_ends(house.offer.leg_channel)
    calls.talk(house.contact)
    now = house.now()
    assert (now.queue_id, now.priority, now.connected_at) == (house.second.id, before.priority, before.connected_at)
    assert (now.order_at, now.ending) == (before.order_at, "")
    assert calls.segments(house.contact) == ["flow", "queue", "ring", "talk", "wrap_up", "queue", "ring", "talk"]
    with engine_scope(read_only=True):
        talks = list(Segment.objects.filter(contact=house.contact, kind="talk").order_by("started_at"))
        parts = list(Participation.objects.filter(contact=house.contact).order_by("joined_at"))
    assert [row.session_id for row in talks] == [row.session_id for row in parts] == [house.ann.id, house.expert.id]
    assert [row.queue_id for row in talks] == [house.first.id, house.second.id]
    assert [row.left_at is None for row in parts] == [False, True]
    calls.caller_hangs_up(house.contact)
    assert house.now().end_reason == EndReason.HANDLED
    assert is_free(house.expert)
    assert mend() == 0


def test_the_switch_is_told_in_order(house: House) -> None:
    transfers.escalate_contact(asked=house.asks())
    kinds = [row.kind for row in calls.commands(house.contact)]
    left = kinds[kinds.index(CommandKind.DESTROY_BRIDGE) :]
    assert left[:3] == [CommandKind.DESTROY_BRIDGE, CommandKind.HANG_UP, CommandKind.START_MUSIC]


def test_who_when_why_is_kept_and_the_log_holds_no_note(house: House) -> None:
    transfers.escalate_contact(asked=house.asks(reason="authority", note="wants a refund"))
    (row,) = house.history()
    assert (row.kind, row.reason, row.note) == (TransferKind.ESCALATION, "authority", "wants a refund")
    assert (row.session_id, row.queue_id, row.to_queue_id) == (house.ann.id, house.first.id, house.second.id)
    with engine_scope(read_only=True):
        event = Event.objects.get(aggregate_id=house.contact.id, type="contact.transferred")
    assert (event.actor, event.data["reason"], event.data["to_queue"]) == (
        "agent:ann",
        "authority",
        str(row.to_queue_id),
    )
    assert "refund" not in str(event.data)


def test_wrap_up_belongs_to_the_agent_and_has_its_own_deadline(house: House) -> None:
    """opensips#2679, asterisk#607, #1006: wrap-up lost or applied to the wrong agent after a transfer."""
    transfers.escalate_contact(asked=house.asks())
    calls.talk(house.contact)
    fire("wrap-up", house.ann.id)
    assert factories.reread(house.ann).state == SessionState.READY
    assert factories.reread(house.expert).state == SessionState.READY, "the expert talks, and nothing else"
    with engine_scope(read_only=True):
        wrapped = Segment.objects.get(contact=house.contact, kind="wrap_up")
    assert wrapped.session_id == house.ann.id
    assert wrapped.ended_at is not None


def test_to_another_queue_with_the_higher_priority() -> None:
    house = furnished(priority=3)
    transfers.transfer_to_queue(asked=house.asks(), queue_code="experts")
    assert house.now().priority == 3
    again = furnished()
    change_queue(tenant_id=again.tenant.id, queue_id=again.second.id, changes={"priority": 7}, actor="user:1")
    transfers.transfer_to_queue(asked=again.asks(), queue_code="experts")
    assert again.now().priority == 7


def test_back_in_the_queue_it_goes_to_somebody_else_first() -> None:
    house = furnished(wrap_up_seconds=0)
    transfers.return_to_queue(asked=house.asks())
    assert house.now().state == ContactState.QUEUED, "though Ann is free"
    with engine_scope(read_only=True):
        left_out = Exclusion.objects.get(contact=house.contact, session=house.ann)
    other = factories.make_session(house.tenant)
    set_ready(tenant_id=house.tenant.id, session_id=other.id, actor="agent:bob")
    calls.pair_up(house.contact, other)
    reject(calls.offer_of(house.contact))
    assert house.now().state == ContactState.QUEUED
    # Then whoever is there, rather than wait.
    with engine_scope():
        Exclusion.objects.filter(id=left_out.id).delete()
    fire("exclusion", left_out.id)
    calls.pair_up(house.contact, house.ann)


def test_a_contact_is_passed_on_twice_and_comes_back(house: House) -> None:
    transfers.escalate_contact(asked=house.asks())
    calls.talk(house.contact)
    back = house.asks(session_id=house.expert.id, actor="agent:expert", reason="wish")
    transfers.transfer_to_queue(asked=back, queue_code="first")
    assert house.now().state == ContactState.QUEUED
    assert [row.kind for row in house.history()] == [TransferKind.ESCALATION, TransferKind.QUEUE]


# --- to one agent -----------------------------------------------------------------------------------------------------


def test_to_one_agent_though_another_is_idle_for_longer(house: House) -> None:
    factories.make_session(house.tenant, ready=True)
    chosen = factories.make_session(house.tenant, ready=True)
    transfers.transfer_to_agent(asked=house.asks(), agent_number=number_of(chosen))
    calls.pair_up(house.contact, chosen)
    (row,) = house.history()
    assert (row.kind, row.to_session_id, row.to_queue_id) == (TransferKind.AGENT, chosen.id, house.first.id)


def test_an_agent_of_the_next_tier_has_it_in_that_queue(house: House) -> None:
    transfers.transfer_to_agent(asked=house.asks(), agent_number=number_of(house.expert))
    calls.pair_up(house.contact, house.expert)
    assert house.now().queue_id == house.second.id


def test_the_chosen_one_who_rejects_leaves_it_to_everybody(house: House) -> None:
    other, chosen = (factories.make_session(house.tenant, ready=True) for _ in range(2))
    transfers.transfer_to_agent(asked=house.asks(), agent_number=number_of(chosen))
    reject(calls.offer_of(house.contact))
    calls.pair_up(house.contact, other)


def test_an_agent_who_is_not_free_or_not_fit_leaves_the_caller_where_they_are(house: House) -> None:
    """A transfer to a station that is in use: a clear error, and the contact stays where it was."""
    talks = factories.make_session(house.tenant, ready=True)
    other_line = factories.make_private_line(house.tenant, queue=house.first)
    assert other_line.number is not None
    calls.talk(calls.call(other_line.number.e164))
    paused = factories.make_session(house.tenant)
    unfit = factories.make_session(
        house.tenant, agent=factories.make_agent(house.tenant, skills={"expert": 1}), ready=True
    )
    absent = factories.make_agent(house.tenant)
    for number, code in (
        (number_of(talks), "agent-busy"),
        (number_of(paused), "agent-busy"),
        (number_of(unfit), "agent-unfit"),
        (absent.number, "agent-unknown"),
        ("no such", "agent-unknown"),
        (number_of(house.ann), "transfer-to-self"),
    ):
        error = failure(transfers.transfer_to_agent, asked=house.asks(), agent_number=number)
        assert error.code == code, number
    stays_where_it_was(house)


# --- to another tenant's service --------------------------------------------------------------------------------------


def test_to_another_tenants_public_service_a_contact_ends_and_the_next_begins(house: House) -> None:
    partner = factories.make_tenant()
    queue = factories.make_queue(partner, wrap_up_seconds=0)
    flow = factories.make_flow(partner, factories.queue_flow(queue))
    factories.make_entry_point(partner, flow=flow, code="claims", public=True)
    takes = factories.make_session(partner, ready=True)
    transfers.transfer_to_service(asked=house.asks(note="ours"), tenant=partner.slug, service="claims")
    assert (house.now().end_reason, factories.reread(house.ann).state) == (EndReason.HANDED_OVER, SessionState.WRAP_UP)
    with engine_scope(read_only=True):
        following = Contact.objects.get(interaction_id=house.contact.interaction_id, ordinal=1)
    assert (following.tenant_id, following.arrived_at) == (partner.id, house.now().ended_at)
    calls.pair_up(following, takes)
    calls.leg_ends(house.offer.leg_channel)
    calls.talk(following)
    calls.caller_hangs_up(following)
    assert calls.now_of(following).end_reason == EndReason.HANDLED
    with tenant_scope(partner.id, read_only=True):
        assert Transfer.objects.count() == 0, "why stays with whom it concerns"
    assert mend() == 0


def test_a_service_that_is_not_public_or_not_there_is_refused(house: House) -> None:
    partner = factories.make_tenant()
    queue = factories.make_queue(partner)
    flow = factories.make_flow(partner, factories.queue_flow(queue))
    factories.make_entry_point(partner, flow=flow, code="private", public=False)
    for tenant, service in ((partner.slug, "private"), (partner.slug, "none"), ("nobody", "claims")):
        error = failure(transfers.transfer_to_service, asked=house.asks(), tenant=tenant, service=service)
        assert error.code == "service-unknown"
    stays_where_it_was(house)


# --- what cannot be done ----------------------------------------------------------------------------------------------


def test_what_cannot_be_done_leaves_the_caller_with_the_agent(house: House) -> None:
    factories.make_queue(house.tenant, code="closed", active=False)
    for asked, code, expected in (
        (house.asks(), "closed", "queue-unknown"),
        (house.asks(), "none", "queue-unknown"),
        (house.asks(reason="because"), "experts", "reason-unknown"),
        (house.asks(note="x" * 501), "experts", "note-too-long"),
    ):
        error = failure(transfers.transfer_to_queue, asked=asked, queue_code=code)
        assert error.code == expected
    with pytest.raises(NotFound):
        transfers.escalate_contact(asked=house.asks(session_id=house.expert.id))
    change_queue(tenant_id=house.tenant.id, queue_id=house.first.id, changes={"escalates_to": ""}, actor="user:1")
    assert failure(transfers.escalate_contact, asked=house.asks()).code == "no-next-tier"
    stays_where_it_was(house)


def test_a_full_queue_takes_nobody_but_its_own_come_back(house: House) -> None:
    for queue in (house.first, house.second):
        change_queue(tenant_id=house.tenant.id, queue_id=queue.id, changes={"most_waiting": 1}, actor="user:1")
    other = factories.make_private_line(house.tenant, queue=house.second)
    assert other.number is not None
    calls.talk(calls.call(other.number.e164))
    calls.call(other.number.e164)
    assert failure(transfers.escalate_contact, asked=house.asks()).code == "queue-full"
    stays_where_it_was(house)
    transfers.return_to_queue(asked=house.asks())
    assert house.now().state == ContactState.QUEUED


def test_another_tenants_contact_is_not_there(house: House) -> None:
    stranger = factories.make_tenant()
    asked = Asked(tenant_id=stranger.id, contact_id=house.contact.id, actor="user:1")
    assert isinstance(failure(transfers.escalate_contact, asked=asked), NotFound)
    assert isinstance(failure(transfers.transfer_to_service, asked=asked, tenant="a", service="b"), NotFound)
    stays_where_it_was(house)


def test_a_next_tier_must_be_another_open_queue_and_keeps_it_from_closing(house: House) -> None:
    def change(queue: Queue, **changes: Any) -> None:
        change_queue(tenant_id=house.tenant.id, queue_id=queue.id, changes=changes, actor="user:1")

    for code in ("first", "none"):
        with pytest.raises(Invalid) as refused:
            change(house.first, escalates_to=code)
        assert refused.value.data["errors"][0]["pointer"] == "/escalates_to"
    assert failure(change, queue=house.second, active=False).code == "queue-in-steps"


# --- races ------------------------------------------------------------------------------------------------------------


def test_a_caller_who_hangs_up_while_waiting_again_was_answered_once(house: House) -> None:
    transfers.return_to_queue(asked=house.asks())
    calls.caller_hangs_up(house.contact)
    ended = house.now()
    assert (ended.state, ended.end_reason) == (ContactState.ENDED, EndReason.SHORT_ABANDONED)
    assert ended.connected_at is not None
    calls.leg_ends(house.offer.leg_channel)
    assert mend() == 0


def test_the_caller_hangs_up_while_the_expert_rings(house: House) -> None:
    """freeswitch#2529: caller gone, the agent still rang."""
    transfers.escalate_contact(asked=house.asks())
    rings = calls.offer_of(house.contact)
    calls.caller_hangs_up(house.contact)
    assert calls.offer_of(house.contact).state == OfferState.RESCINDED
    assert rings.leg_channel in calls.hung_up(house.contact)
    assert is_free(house.expert)


def test_the_first_phone_that_dies_late_ends_nothing(house: House) -> None:
    transfers.escalate_contact(asked=house.asks())
    calls.talk(house.contact)
    calls.leg_ends(house.offer.leg_channel)
    assert (house.now().state, house.now().ending) == (ContactState.ENGAGED, "")
    with engine_scope(read_only=True):
        ended = Event.objects.get(type="leg.ended", data__offer=str(house.offer.id))
    assert ended.data["ended_by"] == "hotseat"


def test_the_phone_that_dies_first_leaves_nothing_to_pass_on(house: House) -> None:
    calls.leg_ends(house.offer.leg_channel)
    assert failure(transfers.escalate_contact, asked=house.asks()).code == "contact-over"
    calls.caller_hangs_up(house.contact)
    assert failure(transfers.escalate_contact, asked=house.asks()).code == "contact-over"


def test_two_clicks_at_once_pass_it_on_once(house: House) -> None:
    barrier, refused = Barrier(2), []

    def click() -> None:
        barrier.wait()
        try:
            transfers.escalate_contact(asked=house.asks())
        except (Conflict, NotFound) as error:
            refused.append(error)

    threads = [Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), len(house.history())) == (1, 1)
    calls.pair_up(house.contact, house.expert)


def test_it_ages_from_the_moment_at_which_it_first_came(house: House) -> None:
    policy = {"order": "arrival", "ageing_seconds": 600}
    with tenant_scope(house.tenant.id):
        RoutingPolicy.objects.create(**policy)
    came = house.now().order_at
    assert came is not None
    transfers.return_to_queue(asked=house.asks())
    assert (house.now().order_at, house.now().ages_at) == (came, came + timedelta(seconds=600))


def number_of(session: AgentSession) -> str:
    with tenant_scope(session.tenant_id, read_only=True):
        return str(AgentSession.objects.select_related("agent").get(id=session.id).agent.number)
