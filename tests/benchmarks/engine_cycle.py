"""Cycles a second, ours and pgbench's: the same rows in five transactions each, by eight clients, in turn.

Ours are eight processes that report calls to the services; the limit is ``engine_cycle.pgbench``. Both as the role
`hotseat_engine`, on the same tenants: one with eight agents, and fifty of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from agents.public import SkillProfile
from config.services import database
from config.services.programs import postgres_programs
from routing.eligibility import ensure_demands, find_demand
from tenants.public import tenant_scope
from tests.benchmarks.engine_client import clients, done, work
from tests.benchmarks.engine_place import DATABASE, Place, p50, say
from tests.routing.calls import Line, make_line
from tests.routing.matching.crowd import seat_agents

CLIENTS, TENANTS, SECONDS = 8, 50, 8
SCRIPT = Path(__file__).parent / "engine_cycle.pgbench"
RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
FAILED = re.compile(r"number of failed transactions: (\d+)")

UUID7 = (
    "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' "
    "|| substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid"
)
DATA = (
    """'{"queue": "@queue@", "demand": "@demand@", "channel": "voice", "language": "en", "direction": "inbound", """
    """"interaction": "@queue@"}'::jsonb"""
)
DECISION = (
    """'{"decision": {"fit": 3, "step": 0, "demand": "@demand@", "excluded": [], "priority": 0, "candidates": 1, """
    """"order_at": "2026-01-01T00:00:00+00:00", "preference": "longest_idle"}}'::jsonb"""
)


@dataclass(frozen=True)
class Served:
    """A line with agents, and the ids that the script is filled in with."""

    line: Line
    ids: Mapping[str, str]


def measure(place: Place, runs: int) -> dict[str, Any]:
    """Run by run: pgbench, then ours, on one tenant and on fifty."""
    served = [_furnish() for _ in range(TENANTS)]
    rates: dict[str, list[float]] = {}
    with clients(CLIENTS) as those:
        for number in range(1, runs + 1):
            for suffix, tenants in (("", served[:1]), ("_50", served)):
                rates.setdefault(f"pgbench_cycles_per_s{suffix}", []).append(_pgbench(place, tenants))
                rates.setdefault(f"cycles_per_s{suffix}", []).append(_ours(those, tenants))
            say(f"run {number}: " + "  ".join(f"{name} {values[-1]:.0f}" for name, values in rates.items()))
    found: dict[str, Any] = {name: p50(values) for name, values in rates.items()}
    for suffix in ("", "_50"):
        found[f"ratio{suffix}"] = round(found[f"cycles_per_s{suffix}"] / found[f"pgbench_cycles_per_s{suffix}"], 3)
    return found | {"cycle_runs": rates, "pgbench_script": SCRIPT.read_text()}


def table(found: Mapping[str, Any]) -> str:
    """The rates, and the script that was the limit."""
    lines = [found["pgbench_script"], f"{'cycles a second, 8 clients':<28}{'ours':>10}{'pgbench':>10}{'ratio':>8}"]
    for what, suffix in (("one tenant", ""), ("50 tenants", "_50")):
        ours, limit = found[f"cycles_per_s{suffix}"], found[f"pgbench_cycles_per_s{suffix}"]
        lines.append(f"{what:<28}{ours:>10.1f}{limit:>10.1f}{found[f'ratio{suffix}']:>8.3f}")
    return "\n".join(lines)


def _furnish() -> Served:
    line = make_line()
    seat_agents(line.tenant, CLIENTS)
    ensure_demands(tenant_id=line.tenant.id, queue_id=line.queue.id)
    with tenant_scope(line.tenant.id, read_only=True):
        ids = {"tenant": line.tenant.id, "queue": line.queue.id, "demand": find_demand(line.queue).id}
        ids["profile"] = SkillProfile.objects.get().id
    return Served(line, {name: str(value) for name, value in ids.items()})


def _script(served: Served) -> str:
    """The script for one tenant. pgbench ends a statement at its semicolon, so lines may stay long."""
    text = SCRIPT.read_text().replace("@uuid7@", UUID7).replace("@data@", DATA).replace("@decision@", DECISION)
    for name, value in served.ids.items():
        text = text.replace(f"@{name}@", value)
    return text


def _pgbench(place: Place, tenants: Sequence[Served]) -> float:
    """Cycles a second of the script; each cycle picks one of the tenants."""
    at = psycopg.conninfo.conninfo_to_dict(place.admin_url)
    with tempfile.TemporaryDirectory(prefix="hotseat-pgbench-") as folder:
        command = [_program(place), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS)]
        command += ["-h", str(at["host"]), "-p", str(at["port"]), "-U", database.ENGINE]
        for number, one in enumerate(tenants):
            script = Path(folder, f"{number}.sql")
            script.write_text(_script(one))
            command += ["-f", str(script)]
        password = place.services.passwords()[database.ENGINE]
        done = subprocess.run(
            [*command, DATABASE], env=os.environ | {"PGPASSWORD": password}, capture_output=True, text=True, check=False
        )
    rate, failed = RATE.search(done.stdout), FAILED.search(done.stdout)
    if done.returncode or rate is None or (failed and failed.group(1) != "0"):
        raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}{done.stdout[-500:]}")
    return round(float(rate.group(1)), 1)


def _program(place: Place) -> str:
    beside = [programs.bin / "pgbench" for programs in postgres_programs(place.services.wanted)]
    found = next((str(path) for path in beside if path.is_file()), None) or shutil.which("pgbench")
    if found is None:
        raise RuntimeError("no pgbench found; it comes with PostgreSQL (Debian: package postgresql)")
    return found


def _ours(those: Sequence[subprocess.Popen[str]], tenants: Sequence[Served]) -> float:
    """Cycles a second of all clients together; each cycle picks one of the tenants."""
    for client in those:
        work(client, numbers=[one.line.number for one in tenants], seconds=SECONDS)
    rates: list[float] = [one["done"] / one["took"] for one in map(done, those)]
    return round(sum(rates), 1)
