"""Calls, agents and offers in any order on PostgreSQL, held after every step against the naive policy, exactly."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agents.public import (
    AgentSession,
    NotReadyReason,
    change_agent,
    close_reserve,
    open_reserve,
    set_not_ready,
    set_ready,
)
from routing.matching.sweep import pools_with_pairs
from routing.models import Contact, Offer, Participation, Queue, RoutingPolicy
from routing.public import reject_offer
from routing.services.contacts import AGED
from routing.states import LIVE_OFFER, ContactState
from tenants.public import Tenant, engine_scope, tenant_scope
from tests import factories
from tests.routing import calls
from tests.routing.matching import crowd, oracle
from tests.routing.ringing import fire

SKILLS = ({"english": 3}, {"english": 3}, {"english": 5, "loans": 2}, {"english": 1, "loans": 5}, {"english": 3})
"""Of the agents; the last is of the reserve."""

HOURS = (8.0, 0.1, 2.0, 0.5, 1.0)
"""Since they have logged in: who has served many need not have been busy for long, as shares go."""

NEEDS = ({"english": 3}, {"loans": 1}, *[{"english": 1}] * 2, {"english": 3}, {"english": 1})
WIDER: dict[int, tuple[str, Callable[[dict[str, int]], int]]] = {
    0: ("loans | english", lambda level: max(level.get("loans", 0), level.get("english", 0))),
    1: ("english & !loans", lambda level: 0 if level.get("loans") else level.get("english", 0)),
}
"""What the first lines ask for after their one step: an expression, and how well an agent fits, 0 for not at all."""

RAISED_BY = 2
AGES_AFTER_S = 3600
SEQUENCES = int(os.environ.get("ORACLE_SEQUENCES", "100"))
STEPS = int(os.environ.get("ORACLE_STEPS", "14"))


@dataclass
class Agent:
    """What the model knows of an agent. `idle` grows with every moment from which the agent counts as idle."""

    session: AgentSession
    profile: UUID
    level: dict[str, int]
    reserve: bool
    ready: bool = False
    backs_off: bool = False
    holds: UUID | None = None
    idle: int = 0


@dataclass
class Caller:
    contact: Contact
    line: int
    place: int
    ani: str
    priority: int
    step: int = 0
    aged: bool = False
    only: UUID | None = None
    excluded: set[UUID] = field(default_factory=set)
    offered_to: UUID | None = None
    talks: bool = False


@dataclass
class World:
    """The tenant, its lines and agents: made once, shared by all sequences. `turns` says when each agent was offered
    something last, or logged in, by the clock that only `moments` moves.
    """

    tenant: Tenant
    lines: list[calls.Line]
    reason: NotReadyReason
    sessions: list[AgentSession]
    moments: count[int] = field(default_factory=count)
    turns: dict[UUID, int] = field(default_factory=dict)


def step_of(line: int) -> list[dict[str, Any]]:
    return [{"after": 20, "requires": WIDER[line][0], "priority": RAISED_BY}]


@pytest.fixture
def world() -> World:
    tenant = factories.make_tenant()
    lines = [
        calls.make_line(tenant, requires=NEEDS[0], steps=step_of(0)),
        calls.make_line(tenant, requires=NEEDS[1], preference=Queue.Preference.MOST_PROFICIENT, steps=step_of(1)),
        calls.make_line(tenant, requires=NEEDS[2], priority=1, preference=Queue.Preference.MOST_PROFICIENT),
        calls.make_line(tenant, requires=NEEDS[3], preference=Queue.Preference.LEAST_OCCUPIED),
        calls.make_line(tenant, requires=NEEDS[4], preference=Queue.Preference.FEWEST_CONTACTS, affinity_seconds=3600),
        calls.make_line(tenant, requires=NEEDS[5], preference=Queue.Preference.ROUND_ROBIN, affinity_seconds=3600),
    ]
    with tenant_scope(tenant.id):
        RoutingPolicy.objects.create(ageing_seconds=AGES_AFTER_S)
    sessions = []
    for skills, hours in zip(SKILLS, HOURS, strict=True):
        session = factories.make_session(tenant, skills=skills)
        with engine_scope():
            since = session.logged_in_at - timedelta(hours=hours)
            AgentSession.objects.filter(id=session.id).update(logged_in_at=since)
        sessions.append(factories.reread(session))
    change_agent(tenant_id=tenant.id, agent_id=sessions[-1].agent_id, reserve=True, actor="test")
    made = World(tenant, lines, factories.make_reason(tenant), sessions)
    made.turns = {session.id: next(made.moments) for session in sessions}
    return made


class Machine(RuleBasedStateMachine):
    """Every rule is one service or one report of the switch; a pass follows each commit by itself."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.callers: dict[UUID, Caller] = {}
        self.agents = {
            session.id: Agent(session, session.profile_id, dict(skills), reserve=skills is SKILLS[-1])
            for session, skills in zip(self.world.sessions, SKILLS, strict=True)
        }
        self.reserve_is_open = False
        self.numbers = [f"+4477008{factories.unique() % 100_000:05d}" for _ in range(2)]
        self.served: list[tuple[str, int, UUID]] = []
        """Who was talked with: the number, the place of the call, and by whom."""

    def tick(self) -> int:
        return next(self.world.moments)

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(line=st.integers(0, 5), number=st.integers(0, 1))
    def enqueue(self, line: int, number: int) -> None:
        ani = self.numbers[number]
        contact = calls.call(self.world.lines[line].number, ani=ani)
        caller = self.callers[contact.id] = Caller(
            contact, line, self.tick(), ani, self.world.lines[line].queue.priority
        )
        latest = max((row[1:] for row in self.served if row[0] == ani), default=None)
        if self.world.lines[line].queue.affinity_seconds and latest is not None:
            agent = self.agents[latest[1]]
            caller.only = agent.session.id if ((line, 0), agent.profile) in self.fits() else None
        self.match()

    @initialize(order=st.permutations(range(len(SKILLS))), count=st.integers(0, len(SKILLS)))
    def begin(self, order: list[int], count: int) -> None:
        """Several agents to choose among, most of the time."""
        for number in order[:count]:
            self.make_ready(number)

    @rule(number=st.integers(0, 4))
    def ready(self, number: int) -> None:
        self.make_ready(number)

    @rule(number=st.integers(0, 4))
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

    @precondition(lambda self: bool(self.patient()))
    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        """A caller who waits, or is being offered, has waited for so long that the next routing step comes, or ages."""
        caller = self.pick(data, self.patient())
        fire("step", caller.contact.id)
        if caller.line in WIDER and not caller.step:
            caller.step, caller.priority = 1, caller.priority + RAISED_BY
        else:
            caller.aged = True
        self.match()

    @precondition(lambda self: bool(self.callers))
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        caller = self.pick(data, list(self.callers.values()))
        calls.caller_hangs_up(caller.contact)
        if caller.offered_to:
            agent = self.agents[caller.offered_to]
            self.release(caller, agent)
            agent.idle = self.tick() if caller.talks else agent.idle
        del self.callers[caller.contact.id]
        self.match()

    @precondition(lambda self: bool(self.offered()))
    @rule(data=st.data())
    def talk(self, data: st.DataObject) -> None:
        caller, agent = self.pick(data, self.offered())
        calls.talk(caller.contact)
        caller.talks = True
        self.served.append((caller.ani, caller.place, agent.session.id))
        self.match()

    @precondition(lambda self: any(caller.only for caller in self.callers.values()))
    @rule(data=st.data())
    def end_affinity(self, data: st.DataObject) -> None:
        caller = self.pick(data, [caller for caller in self.callers.values() if caller.only])
        fire("affinity", caller.contact.id)
        caller.only = None
        self.match()

    @rule()
    def open_reserve(self) -> None:
        open_reserve(tenant_id=self.world.tenant.id, actor="test")
        self.reserve_is_open = True
        self.match()

    @precondition(lambda self: self.reserve_is_open)
    @rule()
    def close_reserve(self) -> None:
        close_reserve(tenant_id=self.world.tenant.id, actor="test")
        self.reserve_is_open = False
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
        waiting = [one for one in self.callers.values() if not one.talks]
        return [(one, self.agents[one.offered_to]) for one in waiting if one.offered_to]

    def exclusions(self) -> list[tuple[Caller, UUID]]:
        return [(caller, session) for caller in self.callers.values() for session in sorted(caller.excluded)]

    def release(self, caller: Caller, agent: Agent) -> None:
        """The offer or the talk is over; the agent whom the caller waited for, if any, has been asked."""
        caller.offered_to, agent.holds, caller.only = None, None, None

    def patient(self) -> list[Caller]:
        """Those to whom waiting still does something."""
        return [one for one in self.callers.values() if not one.talks and not one.aged]

    def fits(self) -> dict[tuple[Hashable, Hashable], int]:
        """How well each agent's profile serves each line at each step, where it does."""
        found: dict[tuple[Hashable, Hashable], int] = {}
        for number, needs in enumerate(NEEDS):
            for agent in self.agents.values():
                if all(agent.level.get(skill, 0) >= level for skill, level in needs.items()):
                    found[(number, 0), agent.profile] = sum(agent.level[skill] for skill in needs)
        for number, (_text, fit) in WIDER.items():
            for agent in self.agents.values():
                if fit(agent.level):
                    found[(number, 1), agent.profile] = fit(agent.level)
        return found

    def work(self) -> dict[UUID, list[tuple[datetime, datetime]]]:
        """From the offer to the end of each contact that an agent has served, by the records of what happened."""
        with engine_scope(read_only=True):
            offered = dict(Offer.objects.filter(tenant=self.world.tenant).values_list("leg_channel", "offered_at"))
            parts = list(Participation.objects.filter(tenant=self.world.tenant, left_at__isnull=False))
        done: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
        for part in sorted(parts, key=lambda one: one.left_at):
            done[part.session_id].append((offered[part.leg_channel], part.left_at))
        return done

    def seat(self, agent: Agent, work: list[tuple[datetime, datetime]]) -> oracle.Seat:
        busy = sum((end - begin for begin, end in work), timedelta())
        share = busy / (work[-1][1] - agent.session.logged_in_at) if work else 0
        session_id = agent.session.id
        return oracle.Seat(
            session_id, session_id, agent.profile, agent.idle,
            turn=self.world.turns[session_id], share=share, served=len(work),
        )  # fmt: skip

    def make_ready(self, number: int) -> None:
        session = self.world.sessions[number]
        set_ready(tenant_id=self.world.tenant.id, session_id=session.id, actor="agent:1")
        agent = self.agents[session.id]
        if not agent.ready:
            agent.ready, agent.idle = True, self.tick()
        self.match()

    def match(self) -> None:
        """What the naive policy does now."""
        waiting = [
            oracle.Caller(one.contact.id, (one.line, one.step), AGED if one.aged else one.priority, one.place,
                          self.world.lines[one.line].queue.preference, frozenset(one.excluded), only=one.only)
            for one in self.callers.values() if not one.offered_to
        ]  # fmt: skip
        work = self.work()
        free = [
            self.seat(agent, work[agent.session.id])
            for agent in self.agents.values()
            if agent.ready and not agent.backs_off and not agent.holds and (self.reserve_is_open or not agent.reserve)
        ]
        now = self.tick()
        for contact_id, session_id in oracle.pairs(waiting, free, self.fits()):
            self.callers[contact_id].offered_to = session_id  # type: ignore[index, assignment] # names of the oracle's
            self.agents[session_id].holds = contact_id  # type: ignore[index, assignment]  # as above
            self.world.turns[session_id] = now  # type: ignore[index]  # as above

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
        assert live == {caller.contact.id: agent.session.id for caller, agent in self.offered()}
        assert states == {
            one.contact.id: ContactState.ENGAGED if one.talks
            else ContactState.OFFERED if one.offered_to else ContactState.QUEUED
            for one in self.callers.values()
        }  # fmt: skip
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
            close_reserve(tenant_id=self.world.tenant.id, actor="test")


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
