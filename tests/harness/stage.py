"""One run of the tests: its services, its template database, and a database and a Valkey number for each worker.

Several runs may go on at once in one checkout. The process that pytest was started as (the controller) starts the
services of the profile ``test`` and makes the template, once for each state of the migrations; every worker copies it.
What a killed run left behind is dropped by the next one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import psutil
import psycopg
from psycopg import sql

from config.checkout import ROOT
from config.services import database, valkey
from config.services.manager import Services

RUN = "HOTSEAT_TEST_RUN"
TEMPLATES_KEPT = 3
APPS = ("tenants", "agents", "routing", "reporting", "billing")


class StageError(Exception):
    """The tests cannot begin; the message says why."""


@dataclass
class Stage:
    """The place where one worker's tests play."""

    services: Services
    worker: str
    admin_url: str
    template: str
    owns_services: bool
    valkey_lock: IO[str]
    valkey_number: int

    @property
    def database(self) -> str:
        return f"hotseat_test_{os.environ[RUN].split('/')[0]}_{self.worker}"

    @property
    def database_url(self) -> str:
        """The administrator's URL of this worker's database."""
        return database.with_database(self.admin_url, self.database)

    def create_database(self) -> None:
        """Copy the template for this worker."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            self._drop(connection)
            database.create_database(connection, self.database, template=self.template)
            # Rights on a database are not copied with it.
            for statement in database.access_statements(self.database):
                connection.execute(statement)

    def drop_database(self) -> None:
        """Drop it, whoever is still connected."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            self._drop(connection)

    def _drop(self, connection: psycopg.Connection) -> None:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.database)))

    def leave(self) -> None:
        """Give back what this process took; the last run stops the services."""
        self.valkey_lock.close()
        if self.owns_services:
            self.services.release()


def enter() -> Stage:
    """Start or join the stage, and set this process's environment to its database and Valkey number."""
    services = Services("test", environ=_outer_environment())
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    owns = RUN not in os.environ
    if owns:
        services.acquire()
        try:
            template = _template(services)
        except BaseException:
            services.release()
            raise
        os.environ[RUN] = f"{os.getpid()}/{template}"
    template = os.environ[RUN].split("/")[1]
    lock, number = _claim_valkey_number(services)
    stage = Stage(services, worker, services.target().admin_url, template, owns, lock, number)
    bare = services.environment()
    os.environ["DATABASE_URL"] = database.with_database(bare["DATABASE_URL"], stage.database)
    os.environ["REDIS_URL"] = f"{bare['REDIS_URL'].rsplit('/', 1)[0]}/{number}"
    return stage


def _outer_environment() -> dict[str, str]:
    """The environment as the run began with it; workers inherit one in which the controller has set its own URLs."""
    outer = dict(os.environ)
    if RUN in outer:
        for name in ("DATABASE_URL", "REDIS_URL"):
            kept = outer.get(f"HOTSEAT_TEST_OUTER_{name}", "")
            outer.pop(name, None)
            if kept:
                outer[name] = kept
    else:
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ[f"HOTSEAT_TEST_OUTER_{name}"] = outer.get(name, "")
    return outer


def _fingerprint() -> str:
    """Changes whenever the migrated schema may."""
    found = hashlib.sha256()
    paths = [ROOT / "uv.lock", ROOT / "config/services/database.py"]
    for app in APPS:
        paths += [*(ROOT / app).glob("migration*/**/*.py"), *(ROOT / app).glob("migration*.py")]
        paths += (ROOT / app).glob("**/*.sql")
    for path in sorted(paths):
        found.update(f"{path.relative_to(ROOT)}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _template(services: Services) -> str:
    """The name of the template database for the present migrations, made when it is not there."""
    name = f"hotseat_template_{_fingerprint()}"
    admin_url = services.target().admin_url
    with _alone(services), psycopg.connect(admin_url, autocommit=True) as connection:
        _drop_leftovers(connection)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return name
        making = f"{name}_making"
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(making)))
        database.prepare(database.Target(admin_url, making), services.passwords())
        _migrate(services, making)
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name))
        )
    return name


def _migrate(services: Services, name: str) -> None:
    bare = services.environment()
    environment = os.environ | bare | {"DATABASE_URL": database.with_database(bare["DATABASE_URL"], name)}
    command = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StageError(f"migrations fail:\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}")


def _drop_leftovers(connection: psycopg.Connection) -> None:
    """Drop databases of runs whose process is gone, and all but the newest templates."""
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'hotseat\\_te%' "
        "ORDER BY (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification DESC NULLS LAST"
    ).fetchall()
    names = [row[0] for row in rows]
    templates = [name for name in names if name.startswith("hotseat_template_")]
    runs = [name for name in names if name.startswith("hotseat_test_")]
    for name in templates[TEMPLATES_KEPT:] + [name for name in runs if not psutil.pid_exists(int(name.split("_")[2]))]:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _alone(services: Services) -> Iterator[None]:
    with (services.folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _claim_valkey_number(services: Services) -> tuple[IO[str], int]:
    """A Valkey database that no other process uses; number 0 is nobody's."""
    for number in range(1, valkey.DATABASES):
        lock = (services.folder / f"valkey-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return lock, number
    raise StageError("every Valkey database number is in use by a running test")
