"""What changes of agents cost beside many who wait: a log-in with skills never seen together, an edit of 500 agents.

Both in a tenant with 300 demands, 1,000 agents and 10,000 waiting. The log-in is timed without the hashing of the
password, which is slow on purpose. Beside the edit another process runs pass after pass, each of which makes one offer;
the longest is the pause.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import product
from typing import Any

from django.test import override_settings

from agents.public import Agent, AgentSkill, Skill, log_in_agent
from agents.services.skill_edits import SkillEdit, edit_skills
from tenants.public import tenant_scope
from tests import factories
from tests.benchmarks.engine_crowd import Crowd, Size
from tests.benchmarks.engine_passes import passes
from tests.benchmarks.engine_place import Place, p50, say

SIZE = Size(waiting=10_000, agents=1_000, demands=300, profiles=20)
LOGINS, EDITED = 40, 500
LEVELS = range(1, 6)
QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def measure(place: Place, runs: int) -> dict[str, Any]:
    """The medians of all log-ins, of the edits, and the longest of all pauses."""
    crowd = Crowd(place)
    logins: list[float] = []
    edits: list[float] = []
    pauses: list[float] = []
    for number in range(1, runs + 1):
        crowd.become(SIZE)
        logins += _log_in_many(crowd)
        took_s, pause_ms = _edit_many(place, crowd)
        edits.append(took_s)
        pauses.append(pause_ms)
        say(f"run {number}: log-in {p50(logins):.1f} ms, edit {took_s:.2f} s, longest pass beside it {pause_ms:.0f} ms")
    found = {"login_p50_ms": p50(logins), "edit_s": max(edits), "edit_pause_ms": max(pauses)}
    return found | {"logins_ms": logins, "edits_s": edits, "edit_pauses_ms": pauses}


def table(found: Mapping[str, Any]) -> str:
    """The figures, for a terminal."""
    return (
        f"log-in with a new profile, p50                  {found['login_p50_ms']:>9.1f} ms\n"
        f"an edit of {EDITED} agents is in force after        {found['edit_s']:>9.2f} s\n"
        f"the longest pass beside it                      {found['edit_pause_ms']:>9.1f} ms"
    )


def _log_in_many(crowd: Crowd) -> list[float]:
    """Milliseconds of each log-in; each agent has skills that nobody had together before."""
    tenant = crowd.tenant
    took = []
    with override_settings(PASSWORD_HASHERS=QUICK):
        for number in range(LOGINS):
            skills = {"english": 1 + number % 5, f"rare{number}": 3}
            agent = factories.make_agent(tenant, skills=skills, password=factories.PASSWORD)
            station = factories.make_station(tenant)
            began = time.perf_counter()
            log_in_agent(
                tenant_id=tenant.id,
                number=agent.number,
                password=factories.PASSWORD,
                ip_address="127.0.0.1",
                extension=station.extension,
            )
            took.append((time.perf_counter() - began) * 1000)
    return took


def _edit_many(place: Place, crowd: Crowd) -> tuple[float, float]:
    """Seconds of one edit of many agents with twenty sets of skills, and the longest pass beside it in milliseconds."""
    tenant = crowd.tenant
    with tenant_scope(tenant.id):
        # All but the one who can serve those that wait.
        crowd_agents = Agent.objects.filter(number__startswith="crowd-").exclude(number="crowd-0-0")
        first, *agents = crowd_agents.order_by("id")[: 1 + EDITED]
        skills = {code: Skill.objects.get_or_create(code=code, defaults={"name": code})[0] for code in ("a", "b", "c")}
        sets = list(product(LEVELS, LEVELS[:4]))
        AgentSkill.objects.bulk_create(
            AgentSkill(agent=agent, skill=skills[code], proficiency=level)
            for number, agent in enumerate(agents)
            for code, level in zip(("a", "b"), sets[number % len(sets)], strict=True)
        )
    # What is made at first use is made now.
    edit_skills(tenant_id=tenant.id, agent_ids=[first.id], edit=SkillEdit(give={"c": 3}), actor="bench")
    with passes(place, crowd.tenant_id) as beside:
        began = time.perf_counter()
        edit = SkillEdit(give={"c": 3}, take=["b"])
        changed = edit_skills(tenant_id=tenant.id, agent_ids=[one.id for one in agents], edit=edit, actor="bench")
        took_s = time.perf_counter() - began
    if changed != EDITED:
        raise RuntimeError(f"the edit changed {changed} agents")
    return round(took_s, 3), beside.longest_ms
