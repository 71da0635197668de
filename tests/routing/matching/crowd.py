"""Many agents and callers in a few statements: rows as the services leave them, without the telephone calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from agents.public import Agent, AgentSession, SessionState, Slot, Station, ensure_profile
from routing.eligibility import ensure_demands, find_demand
from routing.models import Contact, Interaction, Offer, SlotHold
from routing.states import ContactState
from tenants.public import Tenant, User, db_now, engine_scope, tenant_scope, uuid7
from tests import factories
from tests.routing.calls import NODE, Line


def seat_agents(
    tenant: Tenant, count: int, *, skills: Mapping[str, int] = factories.SKILLS, ready: bool = True
) -> list[AgentSession]:
    """So many agents at work, the first idle for longest."""
    site = factories.make_site(tenant)
    profile = ensure_profile(tenant_id=tenant.id, skills=skills)
    numbers = [factories.unique() for _ in range(count)]
    with tenant_scope(tenant.id):
        now = db_now()
        people = User.objects.bulk_create(User(id=uuid7(), name=f"Agent {number}") for number in numbers)
        agents = Agent.objects.bulk_create(
            Agent(user=person, number=str(number)) for person, number in zip(people, numbers, strict=True)
        )
        stations = Station.objects.bulk_create(
            Station(site=site, extension=str(number), endpoint=f"{tenant.slug}-{number}", reachable=True)
            for number in numbers
        )
        state = SessionState.READY if ready else SessionState.NOT_READY
        sessions: list[AgentSession] = AgentSession.objects.bulk_create(
            AgentSession(agent=agent, station=station, profile=profile, state=state, state_since=now, logged_in_at=now)
            for agent, station in zip(agents, stations, strict=True)
        )
        Slot.objects.bulk_create(
            Slot(session=session, profile=profile, open=ready, idle_since=now - timedelta(seconds=count - number))
            for number, session in enumerate(sessions)
        )
    return sessions


def queue_callers(line: Line, count: int, *, at: datetime | None = None, priority: int = 0) -> list[Contact]:
    """So many callers in the line's queue, in order. No pass is run."""
    ensure_demands(tenant_id=line.tenant.id, queue_id=line.queue.id)
    with tenant_scope(line.tenant.id, read_only=True):
        demand = find_demand(line.queue)
    with engine_scope():
        now = at or db_now()
        calls = Interaction.objects.bulk_create(
            Interaction(node=NODE, caller_channel=f"crowd-{factories.unique()}", clock_offset_ms=0, started_at=now)
            for _ in range(count)
        )
        contacts: list[Contact] = Contact.objects.bulk_create(
            Contact(
                tenant=line.tenant, interaction=call, node=NODE, caller_channel=call.caller_channel, language="en",
                state=ContactState.QUEUED, queue=line.queue, demand=demand, priority=priority, arrived_at=now,
                queued_at=now, order_at=now + timedelta(milliseconds=number),
            )
            for number, call in enumerate(calls)
        )  # fmt: skip
    return contacts


def offers(tenant: Tenant) -> list[Offer]:
    """The tenant's offers in the order in which they were made."""
    with engine_scope(read_only=True):
        return list(Offer.objects.filter(tenant=tenant).order_by("id"))


def pairs(tenant: Tenant) -> list[tuple[object, object]]:
    """Contact and session of each offer, in the order in which they were made."""
    return [(offer.contact_id, offer.session_id) for offer in offers(tenant)]


def expect_consistent(tenant: Tenant) -> None:
    """Fail when a slot, its hold, its offer and the contact do not say the same."""
    with engine_scope(read_only=True):
        live = {
            offer.slot_id: offer
            for offer in Offer.objects.filter(tenant=tenant, state__in=("offered", "accepted")).select_related(
                "contact"
            )
        }
        holds = {hold.slot_id: hold for hold in SlotHold.objects.filter(tenant=tenant)}
        held = set(Slot.objects.filter(tenant=tenant, held=True).values_list("id", flat=True))
        offered = set(
            Contact.objects.filter(tenant=tenant, state__in=("offered", "connecting")).values_list("id", flat=True)
        )
    assert held == set(holds)
    assert {slot for slot, hold in holds.items() if hold.offer_id} == set(live)
    assert all(holds[slot].offer_id == offer.id for slot, offer in live.items())
    assert {offer.contact_id for offer in live.values()} == offered
    assert len({offer.contact_id for offer in live.values()}) == len(live)


def positions(contacts: Sequence[Contact], tenant: Tenant) -> list[int]:
    """The numbers, among `contacts`, of those that were offered, in the order of the offers."""
    numbers = {contact.id: number for number, contact in enumerate(contacts)}
    return [numbers[offer.contact_id] for offer in offers(tenant)]
