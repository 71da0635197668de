"""Where `make bench-acd` runs the product: a database of its own, on disk as in production, and the lab's exchange.

The database is in the checkout's PostgreSQL (profile ``run``: fsync and synchronous commits are on) and is made anew by
each call of the benchmark; a database of Valkey is kept for it too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from config import checkout
from config.services import database, ports
from config.services.manager import Services
from deploy.lab.exchange import Lab

DATABASE = "hotseat_bench"
VALKEY_DATABASE = 9


def prepare(lab: Lab, services: Services, urls: Mapping[str, str], *, name: str = DATABASE) -> dict[str, str]:
    """Make the database, empty but for its tables, and return what the product's processes need to know of it."""
    _make_database(services, name)
    valkey = urlunsplit(urlsplit(urls["REDIS_URL"])._replace(path=f"/{VALKEY_DATABASE}"))
    with redis.Redis.from_url(valkey) as client:
        client.flushdb()
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database.with_database(urls["DATABASE_URL"], name),
        "REDIS_URL": valkey,
        "HOTSEAT_SWITCH": "asterisk",
        "HOTSEAT_NODE": lab.node,
        "HOTSEAT_ARI_URL": lab.ari_url,
        "HOTSEAT_ARI_USER": lab.ari_user,
        "HOTSEAT_ARI_PASSWORD": lab.ari_password,
        "HOTSEAT_SOUNDS_DIR": lab.sounds_dir,
        "HOTSEAT_LOG_LEVEL": "WARNING",
        "HOTSEAT_PORT": str(ports.choose(taken=set())),
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"],
        cwd=checkout.ROOT,
        env=os.environ | environment,
        check=True,
    )
    return environment


def _make_database(services: Services, name: str) -> None:
    target = replace(services.target(), name=name)
    with psycopg.connect(target.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    database.prepare(target, services.passwords())


def versions(lab: Lab, services: Services) -> dict[str, str]:
    """What was measured, by name and version."""
    with psycopg.connect(services.target().admin_url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    with redis.Redis.from_url(services.environment()["REDIS_URL"]) as client:
        facts = client.info("server")
    return {
        "hotseat": _said("git", "describe", "--always", "--dirty"),
        "asterisk": lab.asterisk,
        "sipp": _said("sipp", "-v").removeprefix("SIPp ").split()[0],
        "postgresql": row[0] if row else "",
        "valkey": facts.get("valkey_version") or facts["redis_version"],
        "python": sys.version.split()[0],
    }


def _said(*command: str) -> str:
    """The first line that a program says that is not empty."""
    done = subprocess.run(command, cwd=checkout.ROOT, capture_output=True, text=True, check=False)
    return next((line.strip() for line in done.stdout.splitlines() if line.strip()), "")
