"""Calls, agents and offers in any order on PostgreSQL, held after every step against the naive policy, exactly."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agents.public import AgentSession, NotReadyReason, set_not_ready, set_ready
from routing.matching.sweep import pools_with_pairs
from routing.models import Contact, Queue
from routing.public import reject_offer
from routing.states import LIVE_OFFER, ContactState
from tenants import timers
from tenants.models import Timer
from tenants.public import Due, Tenant, engine_scope
from tests import factories
from tests.routing import calls
from tests.routing.matching import crowd, oracle

SKILLS = ({"english": 3}, {"english": 3}, {"english": 5, "loans": 2}, {"english": 1, "loans": 5})
NEEDS = ({"english": 3}, {"loans": 1}, {"english": 1})
SEQUENCES, STEPS = 100, 12


@dataclass
class Agent:
    """What the model knows of an agent. `idle` grows with every moment from which the agent counts as idle."""

    session: AgentSession
    profile: UUID
    level: dict[str, int]
    ready: bool = False
    backs_off: bool = False
    holds: UUID | None = None
    idle: int = 0


@dataclass
class Caller:
    contact: Contact
    line: int
    place: int
    excluded: set[UUID] = field(default_factory=set)
    offered_to: UUID | None = None


@dataclass
class World:
    """The tenant, its lines and agents: made once, shared by all sequences."""

    tenant: Tenant
    lines: list[calls.Line]
    reason: NotReadyReason
    sessions: list[AgentSession]


@pytest.fixture
def world() -> World:
    tenant = factories.make_tenant()
    lines = [
        calls.make_line(tenant, requires=NEEDS[0]),
        calls.make_line(tenant, requires=NEEDS[1], preference=Queue.Preference.MOST_PROFICIENT),
        calls.make_line(tenant, requires=NEEDS[2], priority=1, preference=Queue.Preference.MOST_PROFICIENT),
    ]
    sessions = [factories.make_session(tenant, skills=skills) for skills in SKILLS]
    return World(tenant, lines, factories.make_reason(tenant), sessions)


def fire(kind: str, subject: UUID) -> None:
    """Let the subject's timer be due now."""
    with engine_scope(read_only=True):
        row = Timer.objects.get(kind=kind, subject_id=subject)
    timers.fire(Due(row.id, row.tenant_id, row.kind, row.subject_id, row.due_at, row.data))


class Machine(RuleBasedStateMachine):
    """Every rule is one service or one report of the switch; a pass follows each commit by itself."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0
        self.callers: dict[UUID, Caller] = {}
        self.agents = {
            session.id: Agent(session, session.profile_id, dict(skills))
            for session, skills in zip(self.world.sessions, SKILLS, strict=True)
        }

    def tick(self) -> int:
        self.moment += 1
        return self.moment

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(line=st.integers(0, 2))
    def enqueue(self, line: int) -> None:
        contact = calls.call(self.world.lines[line].number)
        self.callers[contact.id] = Caller(contact, line, self.tick())
        self.match()

    @rule(number=st.integers(0, 3))
    def ready(self, number: int) -> None:
        session = self.world.sessions[number]
        set_ready(tenant_id=self.world.tenant.id, session_id=session.id, actor="agent:1")
        agent = self.agents[session.id]
        if not agent.ready:
            agent.ready, agent.idle = True, self.tick()
        self.match()

    @rule(number=st.integers(0, 3))
    def not_ready(self, number: int) -> None:
        session = self.world.sessions[number]
        tenant, reason = self.world.tenant, self.world.reason
        set_not_ready(tenant_id=tenant.id, session_id=session.id, reason_id=reason.id, actor="agent:1")
        self.agents[session.id].ready = False
        self.match()

    @precondition(lambda self: bool(self.offered()))
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        caller, agent = self.pick(data, self.offered())
        offer = calls.offer_of(caller.contact)
        reject_offer(
            tenant_id=self.world.tenant.id,
            offer_id=offer.id,
            session_id=agent.session.id,
            reason="busy",
            actor="agent:1",
        )
        self.release(caller, agent)
        caller.excluded.add(agent.session.id)
        agent.backs_off = True
        self.match()

    @precondition(lambda self: bool(self.offered()))
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        caller, agent = self.pick(data, self.offered())
        offer = calls.offer_of(caller.contact)
        calls.rings(offer)
        fire("offer-lease", offer.id)
        self.release(caller, agent)
        agent.ready = False
        self.match()

    @precondition(lambda self: bool(self.offered()))
    @rule(data=st.data())
    def expire_unrung(self, data: st.DataObject) -> None:
        """The phone was never heard of: the agent is spared, not blamed."""
        caller, agent = self.pick(data, self.offered())
        fire("offer-lease", calls.offer_of(caller.contact).id)
        self.release(caller, agent)
        caller.excluded.add(agent.session.id)
        agent.backs_off = True
        self.match()

    @precondition(lambda self: bool(self.callers))
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        caller = self.pick(data, list(self.callers.values()))
        calls.caller_hangs_up(caller.contact)
        if caller.offered_to:
            self.release(caller, self.agents[caller.offered_to])
        del self.callers[caller.contact.id]
        self.match()

    @precondition(lambda self: any(agent.backs_off for agent in self.agents.values()))
    @rule(data=st.data())
    def end_back_off(self, data: st.DataObject) -> None:
        agent = self.pick(data, [agent for agent in self.agents.values() if agent.backs_off])
        fire("back-off", agent.session.id)
        agent.backs_off = False
        self.match()

    @precondition(lambda self: bool(self.exclusions()))
    @rule(data=st.data())
    def end_exclusion(self, data: st.DataObject) -> None:
        caller, session_id = self.pick(data, self.exclusions())
        with engine_scope(read_only=True):
            exclusion = caller.contact.exclusion_set.get(session_id=session_id)
        fire("exclusion", exclusion.id)
        caller.excluded.remove(session_id)
        self.match()

    # --- the model --------------------------------------------------------------------------------------------------

    def pick(self, data: st.DataObject, among: list[Any]) -> Any:
        return among[data.draw(st.integers(0, len(among) - 1))]

    def offered(self) -> list[tuple[Caller, Agent]]:
        return [(one, self.agents[one.offered_to]) for one in self.callers.values() if one.offered_to]

    def exclusions(self) -> list[tuple[Caller, UUID]]:
        return [(caller, session) for caller in self.callers.values() for session in sorted(caller.excluded)]

    def release(self, caller: Caller, agent: Agent) -> None:
        caller.offered_to, agent.holds = None, None

    def match(self) -> None:
        """What the naive policy does now."""
        waiting = [
            oracle.Caller(one.contact.id, one.line, self.world.lines[one.line].queue.priority, one.place,
                          one.line > 0, frozenset(one.excluded))
            for one in self.callers.values() if not one.offered_to
        ]  # fmt: skip
        free = [
            oracle.Seat(agent.session.id, agent.session.id, agent.profile, agent.idle)
            for agent in self.agents.values() if agent.ready and not agent.backs_off and not agent.holds
        ]  # fmt: skip
        fits: dict[tuple[Hashable, Hashable], int] = {}
        for number, needs in enumerate(NEEDS):
            for agent in self.agents.values():
                if all(agent.level.get(skill, 0) >= level for skill, level in needs.items()):
                    fits[number, agent.profile] = sum(agent.level[skill] for skill in needs)
        for contact_id, session_id in oracle.pairs(waiting, free, fits):
            self.callers[contact_id].offered_to = session_id  # type: ignore[index, assignment] # names of the oracle's
            self.agents[session_id].holds = contact_id  # type: ignore[index, assignment]  # as above

    # --- and what is ------------------------------------------------------------------------------------------------

    @invariant()
    def the_database_says_what_the_naive_policy_says(self) -> None:
        with engine_scope(read_only=True):
            states = dict(
                Contact.objects.filter(tenant=self.world.tenant)
                .exclude(state=ContactState.ENDED).values_list("id", "state")
            )  # fmt: skip
        live = {
            offer.contact_id: offer.session_id for offer in crowd.offers(self.world.tenant) if offer.state in LIVE_OFFER
        }
        assert live == {one.contact.id: one.offered_to for one in self.callers.values() if one.offered_to}
        assert states == {
            one.contact.id: ContactState.OFFERED if one.offered_to else ContactState.QUEUED
            for one in self.callers.values()
        }
        crowd.expect_consistent(self.world.tenant)
        assert pools_with_pairs(patience_seconds=0) == []

    def teardown(self) -> None:
        """Leave the agents as the next sequence expects them; callers go."""
        with calls.matching_by_hand():
            for agent in self.agents.values():
                if agent.backs_off:
                    fire("back-off", agent.session.id)
            for number in range(len(SKILLS)):
                session, reason = self.world.sessions[number], self.world.reason
                set_not_ready(
                    tenant_id=self.world.tenant.id, session_id=session.id, reason_id=reason.id, actor="agent:1"
                )
            for caller in self.callers.values():
                calls.caller_hangs_up(caller.contact)


@pytest.mark.slow
def test_any_sequence_of_events_is_matched_as_the_naive_policy_would(world: World) -> None:
    class Bound(Machine):
        pass

    Bound.world = world
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
