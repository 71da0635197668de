"""Tenants, agents and callers in bulk: one row of each as the services leave it, copied by INSERT ... SELECT.

Ids are hashes of what they are of, so that every row can name those that it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests import factories
from tests.benchmarks.engine_place import Place
from tests.routing.calls import make_line
from tests.routing.matching.crowd import queue_callers, seat_agents

OTHERS_WAITING, OTHERS_AGENTS = 10, 5

EMPTIED = (
    *("routing_interaction", "agents_agent", "agents_station", "agents_skillprofile", "routing_demand"),
    *("tenants_event", "tenants_outbox", "tenants_timer", "routing_switchcommand"),
)
NAMED = {"tenants_tenant": "slug", "tenants_user": "name", "agents_site": "name", "routing_queue": "code"}
"""Tables in which other rows stay, and the column by which the copies are known."""

_TENANTS = "SELECT t, 0 AS n, 0 AS m FROM generate_series(1, %(others)s) AS t"
_OF_TENANTS = "SELECT t, 0 AS n, 0 AS m FROM generate_series(0, %(others)s) AS t"
_EACH = (
    "SELECT t, n, 0 AS m FROM generate_series(0, %(others)s) AS t, "
    "LATERAL generate_series(0, CASE t WHEN 0 THEN %({own})s ELSE {other} END - 1) AS n"
)
_WAITING = _EACH.format(own="waiting", other=OTHERS_WAITING)
_AGENTS = _EACH.format(own="agents", other=OTHERS_AGENTS)
_DEMANDS = _EACH.format(own="demands", other=1)
_PROFILES = _EACH.format(own="profiles", other=2)
_PAIRS = (
    "SELECT t, n, m FROM generate_series(0, %(others)s) AS t, "
    "LATERAL generate_series(0, CASE t WHEN 0 THEN %(demands)s ELSE 1 END - 1) AS n, "
    "LATERAL generate_series(0, CASE t WHEN 0 THEN %(profiles)s ELSE 2 END - 1) AS m"
)


def _id(kind: str, number: str = "n") -> str:
    return f"md5(concat_ws('-', '{kind}', t, {number}))::uuid"


_TENANT = "CASE t WHEN 0 THEN %(tenant)s ELSE md5(concat_ws('-', 'tenant', t, 0))::uuid END"
_DEMAND = _id("demand", "n %% CASE t WHEN 0 THEN %(demands)s ELSE 1 END")
# The first agent's profile is the one that serves the callers; the others share what profiles there are besides.
_PROFILE = _id(
    "profile", "CASE n WHEN 0 THEN 0 ELSE 1 + n %% (CASE t WHEN 0 THEN %(profiles)s ELSE 2 END - 1) END"
)  # fmt: skip
_NAME = "concat_ws('-', 'crowd', t, n)"

COPIES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("tenants_tenant", _TENANTS, {"id": _TENANT, "slug": _NAME}),
    ("agents_site", _OF_TENANTS, {"id": _id("site"), "tenant_id": _TENANT, "name": _NAME}),
    ("routing_queue", _OF_TENANTS, {"id": _id("queue"), "tenant_id": _TENANT, "code": _NAME}),
    (
        "routing_demand",
        _DEMANDS,
        {
            "id": _id("demand"),
            "tenant_id": _TENANT,
            "queue_id": _id("queue", "0"),
            "expression": "concat('skill', n, '>=1')",
        },
    ),
    ("agents_skillprofile", _PROFILES, {"id": _id("profile"), "tenant_id": _TENANT, "key": "'skill:' || n"}),
    (
        "routing_eligibility",
        _PAIRS,
        {
            "id": _id("verdict", "n, m"),
            "tenant_id": _TENANT,
            "demand_id": _id("demand"),
            "profile_id": _id("profile", "m"),
            "fits": "m = 0",
        },
    ),
    ("tenants_user", _AGENTS, {"id": _id("user"), "name": _NAME}),
    ("agents_agent", _AGENTS, {"id": _id("agent"), "tenant_id": _TENANT, "user_id": _id("user"), "number": _NAME}),
    (
        "agents_station",
        _AGENTS,
        {
            "id": _id("station"),
            "tenant_id": _TENANT,
            "site_id": _id("site", "0"),
            "extension": "'' || n",
            "endpoint": _NAME,
        },
    ),
    (
        "agents_agentsession",
        _AGENTS,
        {
            "id": _id("session"),
            "tenant_id": _TENANT,
            "agent_id": _id("agent"),
            "station_id": _id("station"),
            "profile_id": _PROFILE,
        },
    ),
    (
        "agents_slot",
        _AGENTS,
        {
            "id": _id("slot"),
            "tenant_id": _TENANT,
            "session_id": _id("session"),
            "profile_id": _PROFILE,
            "idle_since": "now() - n * interval '1 second'",
        },
    ),
    ("routing_interaction", _WAITING, {"id": _id("call"), "caller_channel": _NAME}),
    (
        "routing_contact",
        _WAITING,
        {
            "id": _id("contact"),
            "tenant_id": _TENANT,
            "interaction_id": _id("call"),
            "caller_channel": _NAME,
            "queue_id": _id("queue", "0"),
            "demand_id": _DEMAND,
            "order_at": "now() + n * interval '1 millisecond'",
        },
    ),
)
"""What is written: table, the numbers (t tenant, n row, m second number) it is written for, and what differs."""


@dataclass(frozen=True)
class Size:
    """How much there is: of the measured tenant, and how many others with ten callers and five agents each."""

    waiting: int
    agents: int
    others: int = 0
    demands: int = 1
    profiles: int = 2


class Crowd:
    """Writes crowds for one tenant, one in place of the other."""

    def __init__(self, place: Place) -> None:
        self._place = place
        line = make_line(factories.make_tenant(seats=100_000), name="Crowd")
        seat_agents(line.tenant, 1)
        queue_callers(line, 1)
        self.tenant = line.tenant
        self.tenant_id: UUID = line.tenant.id
        with place.administrator() as connection:
            # Each table's latest row, which is the one just made.
            self._patterns = {table: _pattern(connection, table) for table, _, _ in COPIES}

    def become(self, size: Size) -> None:
        """Let there be exactly so many, with the planner's statistics up to date."""
        given = {"tenant": self.tenant_id} | vars(size)
        with self._place.administrator() as connection:
            connection.execute(f"TRUNCATE {', '.join(EMPTIED)} CASCADE")
            for table, column in NAMED.items():
                connection.execute(f"DELETE FROM {table} WHERE {column} LIKE 'crowd-%'")
            for table, numbers, changes in COPIES:
                connection.execute(_copy_statement(table, numbers, changes), given | {"row": self._patterns[table]})
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


def begin_again(connection: psycopg.Connection) -> None:
    """Take back the one offer that a pass has made: the caller waits as before and the agent is free."""
    offered = "SELECT contact_id FROM routing_offer"
    connection.execute(f"UPDATE routing_contact SET state = 'queued' WHERE id IN ({offered})")
    connection.execute("UPDATE agents_slot SET held = false WHERE id IN (SELECT slot_id FROM routing_slothold)")
    connection.execute("DELETE FROM routing_slothold")
    connection.execute("DELETE FROM routing_offer")


def _pattern(connection: psycopg.Connection, table: str) -> Jsonb:
    found = connection.execute(
        sql.SQL("SELECT to_jsonb(p) FROM {} AS p ORDER BY p.id DESC LIMIT 1").format(sql.Identifier(table))
    ).fetchone()
    assert found is not None, f"the services have left nothing in {table}"
    row: Any = found[0]
    return Jsonb(row)


def _copy_statement(table: str, numbers: str, changes: dict[str, str]) -> str:
    pairs = ", ".join(f"'{column}', {value}" for column, value in changes.items())
    return (
        f"INSERT INTO {table} SELECT copy.* FROM ({numbers}) AS numbers, "
        f"LATERAL jsonb_populate_record(NULL::{table}, %(row)s || jsonb_build_object({pairs})) AS copy"
    )
