"""Two at once, on connections of their own: the database decides, and the loser gets the ordinary refusal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError

from agents.public import (
    Agent,
    AgentSession,
    SkillProfile,
    Station,
    ensure_profile,
    extend_wrap_up,
    log_in_agent,
    profile_hooks,
    update_agent_skills,
)
from tenants.public import Conflict, Event, Forbidden, Tenant, tenant_scope
from tenants.timers import due_timers, fire
from tests.agents.races import DEADLINE_S, outcome, run_together
from tests.agents.wrapping import in_wrap_up, overdue
from tests.factories import ACTOR, PASSWORD, entitle, make_agent, make_session, make_skill, make_station, reread

SEATS = "SELECT pg_advisory_xact_lock(hashtext('seats'), hashtext(%s))"
ELIGIBILITY = "SELECT pg_advisory_xact_lock(hashtext('eligibility'))"


def login_of(tenant: Tenant, agent: Agent, station: Station) -> partial[AgentSession]:
    return partial(
        log_in_agent,
        tenant_id=tenant.id,
        number=agent.number,
        password=PASSWORD,
        ip_address="",
        extension=station.extension,
    )


def open_sessions(tenant: Tenant) -> int:
    with tenant_scope(tenant.id, read_only=True):
        return int(AgentSession.objects.filter(logged_out_at__isnull=True).count())


def split(outcomes: list[object]) -> tuple[AgentSession, Exception]:
    """Return the one session and the one refusal."""
    sessions = [one for one in outcomes if isinstance(one, AgentSession)]
    errors = [one for one in outcomes if isinstance(one, Exception)]
    assert (len(sessions), len(errors)) == (1, 1), outcomes
    return sessions[0], errors[0]


def test_two_agents_at_one_station(acme: Tenant, admin_database_url: str) -> None:
    station = make_station(acme, extension="1001")
    agents = {agent.id: agent for agent in (make_agent(acme, name="甲"), make_agent(acme, name="乙"))}
    outcomes = run_together(
        admin_database_url,
        [login_of(acme, agent, station) for agent in agents.values()],
        locked_by=SEATS,
        values=(str(acme.id),),
    )
    session, error = split(outcomes)
    winner = agents[session.agent_id]
    assert isinstance(error, Conflict)
    assert (error.code, error.data["agent_number"]) == ("station-taken", winner.number)
    assert open_sessions(acme) == 1


def test_one_agent_at_two_stations(acme: Tenant, admin_database_url: str) -> None:
    stations = {row.id: row for row in (make_station(acme), make_station(acme))}
    agent = make_agent(acme)
    outcomes = run_together(
        admin_database_url,
        [login_of(acme, agent, station) for station in stations.values()],
        locked_by=SEATS,
        values=(str(acme.id),),
    )
    session, error = split(outcomes)
    assert isinstance(error, Conflict)
    assert (error.code, error.data["extension"]) == ("already-logged-in", stations[session.station_id].extension)
    assert open_sessions(acme) == 1


def test_one_agent_twice_at_one_station_has_one_session(acme: Tenant, admin_database_url: str) -> None:
    """Two clicks on "Log in": the second goes on with what the first opened."""
    login = login_of(acme, make_agent(acme), make_station(acme))
    outcomes = run_together(admin_database_url, [login, login], locked_by=SEATS, values=(str(acme.id),))
    assert len({session.id for session in outcomes}) == 1
    assert open_sessions(acme) == 1


def test_the_last_seat(acme: Tenant, admin_database_url: str) -> None:
    entitle(acme, seats=1)
    calls = [login_of(acme, make_agent(acme), make_station(acme)) for _ in range(2)]
    outcomes = run_together(admin_database_url, calls, locked_by=SEATS, values=(str(acme.id),))
    _, error = split(outcomes)
    assert isinstance(error, Forbidden)
    assert (error.code, error.data) == ("seats-exhausted", {"limit": 1, "used": 1})
    assert open_sessions(acme) == 1


@pytest.mark.parametrize("same", ["agent", "station"])
def test_the_index_refuses_a_second_open_session(acme: Tenant, same: str) -> None:
    first = make_session(acme)
    other = make_session(acme)
    setattr(other, f"{same}_id", getattr(first, f"{same}_id"))
    with pytest.raises(IntegrityError, match=f"one_open_session_per_{same}"), tenant_scope(acme.id):
        other.save(update_fields=[same])


def test_two_equal_profiles_made_together_are_one(acme: Tenant, admin_database_url: str) -> None:
    judged: list[SkillProfile] = []
    profile_hooks.append(judged.append)
    try:
        call = partial(ensure_profile, tenant_id=acme.id, skills={"english": 3})
        outcomes = run_together(admin_database_url, [call, call], locked_by=ELIGIBILITY, values=())
    finally:
        profile_hooks.pop()
    assert len({profile.id for profile in outcomes}) == 1
    assert [profile.id for profile in judged] == [outcomes[0].id]


def test_skills_that_change_during_a_login_are_the_sessions(acme: Tenant) -> None:
    """The login has read english=3; before it opens the session another connection gives the agent loans=5."""
    agent, station = make_agent(acme, skills={"english": 3}), make_station(acme)
    make_skill(acme, "loans")
    ensure_profile(tenant_id=acme.id, skills={"loans": 5})
    change = partial(update_agent_skills, tenant_id=acme.id, agent_id=agent.id, skills={"loans": 5}, actor=ACTOR)

    def change_now(_profile: SkillProfile) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(outcome, change).result(timeout=DEADLINE_S)

    profile_hooks.append(change_now)
    try:
        session = login_of(acme, agent, station)()
    finally:
        profile_hooks.pop()
    assert reread(session).profile.key == "loans=5"


def test_two_engines_end_a_wrap_up_once(acme: Tenant, admin_database_url: str) -> None:
    session = in_wrap_up(acme)
    overdue(session)
    (due,) = due_timers()
    outcomes = run_together(
        admin_database_url,
        [partial(fire, due), partial(fire, due)],
        locked_by="SELECT 1 FROM agents_agentsession WHERE id = %s FOR UPDATE",
        values=(session.id,),
    )
    assert outcomes == [None, None]
    assert reread(session).state == "ready"
    with tenant_scope(acme.id, read_only=True):
        ends = Event.objects.filter(aggregate_id=session.id, data__previous="wrap_up").count()
    assert (ends, due_timers()) == (1, [])


def test_a_wrap_up_extended_at_the_last_moment_goes_on(acme: Tenant) -> None:
    session = in_wrap_up(acme)
    overdue(session)
    (stale,) = due_timers()
    extend_wrap_up(tenant_id=acme.id, session_id=session.id, seconds=60, actor=ACTOR)
    fire(stale)
    after = reread(session)
    assert session.wrap_up_until is not None
    assert (after.state, after.wrap_up_until) == ("wrap_up", session.wrap_up_until + timedelta(seconds=60))
    assert due_timers() == []
