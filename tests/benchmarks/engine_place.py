"""Where `make bench-engine` measures: a database of its own in the checkout's PostgreSQL, on disk as in production.

Rows in bulk are written by the administrator, with triggers and keys off; what is measured runs as production's roles.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from config import checkout
from config.services import database
from config.services.manager import Services

DATABASE = "hotseat_bench_engine"
VALKEY_DATABASE = 10
REPORT = checkout.STATE / "bench" / "engine.json"

_MESSAGE = re.compile(r"^\S+ \S+ \S+ \[(\d+)\] (.*)", re.DOTALL)
_TIMED = re.compile(r"LOG:  duration: ([\d.]+) ms  (?:parse|bind|execute) [^:]+: (.*)", re.DOTALL)


@dataclass(frozen=True)
class Place:
    """The database as its administrator and as ours reach it."""

    services: Services
    admin_url: str
    environment: Mapping[str, str]

    @contextmanager
    def administrator(self) -> Iterator[psycopg.Connection]:
        """A connection for loading: nothing that a service would check or note is checked or noted."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            yield connection

    def versions(self) -> dict[str, Any]:
        """What was measured, on what."""
        with psycopg.connect(self.admin_url) as connection:
            row = connection.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchone()
        text = Path("/proc/cpuinfo").read_text()
        models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=checkout.ROOT, capture_output=True, text=True, check=False
        )
        return {
            "cores": os.cpu_count(),
            "model": models[0] if models else platform.machine(),
            "kernel": platform.release(),
            "load_average": os.getloadavg(),
            "hotseat": described.stdout.strip(),
            "postgresql": row[0] if row else "",
            "fsync": row[1] if row else "",
            "python": platform.python_version(),
        }


def prepare(services: Services, urls: Mapping[str, str]) -> Place:
    """Make the database anew, empty but for its tables, and set this process's environment to it."""
    target = replace(services.target(), name=DATABASE)
    with psycopg.connect(target.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
    database.prepare(target, services.passwords())
    valkey = urlunsplit(urlsplit(urls["REDIS_URL"])._replace(path=f"/{VALKEY_DATABASE}"))
    with redis.Redis.from_url(valkey) as client:
        client.flushdb()
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database.with_database(urls["DATABASE_URL"], DATABASE),
        "REDIS_URL": valkey,
        "HOTSEAT_LOG_LEVEL": "WARNING",
    }
    os.environ.update(environment)
    command = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
    subprocess.run(command, cwd=checkout.ROOT, check=True)
    return Place(services, target.url, environment)


@dataclass(frozen=True)
class Timed:
    """One statement, or a part of its way, and how long the server says it took, in milliseconds."""

    text: str
    ms: float


@contextmanager
def timed_by_server(place: Place) -> Iterator[StatementLog]:
    """Have the server log what each statement of the engine's role took; of connections that begin meanwhile."""
    settings = {"log_min_duration_statement": "0", "log_parameter_max_length": "0"}
    of_engine = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(
        sql.Identifier(database.ENGINE), sql.Identifier(DATABASE)
    )
    with place.administrator() as connection:
        for name, value in settings.items():
            change = sql.SQL("{} SET {} = {}").format(of_engine, sql.Identifier(name), sql.Literal(value))
            connection.execute(change)
        path = Path(f"/proc/{connection.info.backend_pid}/fd/2").resolve(strict=True)
        try:
            yield StatementLog(path)
        finally:
            for name in settings:
                connection.execute(sql.SQL("{} RESET {}").format(of_engine, sql.Identifier(name)))


class StatementLog:
    """The server's log from here on."""

    def __init__(self, path: Path) -> None:
        self._path, self._read_to = path, path.stat().st_size

    def transactions(self) -> list[list[Timed]]:
        """The transactions committed since this was asked last, each statement with its time."""
        with self._path.open(errors="replace") as lines:
            lines.seek(self._read_to)
            text = lines.read()
            self._read_to = lines.tell()
        done: list[list[Timed]] = []
        under_way: dict[str, list[Timed]] = {}
        for message in re.split(r"\n(?=\d{4}-\d\d-\d\d )", text):
            whose = _MESSAGE.match(message)
            timed = _TIMED.match(whose.group(2)) if whose else None
            if whose is None or timed is None:
                continue
            statement = Timed(timed.group(2).strip(), float(timed.group(1)))
            under_way.setdefault(whose.group(1), []).append(statement)
            if statement.text == "COMMIT" and "execute" in message.partition(":")[2][:60]:
                done.append(under_way.pop(whose.group(1)))
        return [one for one in done if one]


def p50(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)


def p99(values: Sequence[float]) -> float:
    """The 99th of 100; of fewer, the one that would be."""
    return round(sorted(values)[min(len(values) - 1, round(0.99 * len(values)))], 3)


def write_report(report: Mapping[str, Any]) -> None:
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
