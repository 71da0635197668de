"""The services of one profile: ``run`` keeps its data, ``test`` is fast and thrown away.

What was chosen (ports, programs, the environment that follows) is in ``var/services/<profile>/services.json``. A lock
makes two callers take turns; a second lock, shared by everybody who uses the services, lets the last user stop them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from config import checkout
from config.services import database, ports, postgres, valkey
from config.services.errors import ServiceError
from config.services.place import Place, find_place
from config.services.programs import PostgresPrograms, postgres_programs, valkey_program

Profile = Literal["run", "test"]


@dataclass
class Services:
    """The services of a checkout for one profile. ``environ`` decides which are embedded and where they come from."""

    profile: Profile
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _use: IO[str] | None = field(default=None, init=False)

    @property
    def state(self) -> Path:
        return Path(self.environ.get("HOTSEAT_VAR_DIR") or checkout.STATE)

    @property
    def folder(self) -> Path:
        return self.state / "services" / self.profile

    @property
    def wanted(self) -> str:
        return self.environ.get("HOTSEAT_SERVICES") or "auto"

    def up(self) -> dict[str, str]:
        """Start what is embedded and not running, prepare the database, and return DATABASE_URL and REDIS_URL.

        DATABASE_URL carries no credentials. Raises ServiceError.
        """
        with self._turn():
            place = find_place(self.state, self.profile)
            chosen = checkout.read_json(self.folder / "services.json")
            servers: list[postgres.Cluster | valkey.Server] = []
            if self._embeds("DATABASE_URL"):
                cluster = self._running_cluster(place, chosen) or self._new_cluster(place, chosen)
                chosen |= {
                    "postgres_port": cluster.port,
                    "postgres": f"{cluster.programs.source} {cluster.programs.major}",
                }
                servers.append(cluster)
            if self._embeds("REDIS_URL"):
                server = self._valkey(place, chosen)
                chosen |= {
                    "valkey_port": server.port,
                    "valkey": f"{server.program.source} {server.program.server.name}",
                }
                servers.append(server)
            # Written down first: whoever comes after a crash in the next line must find what was started.
            self._remember(chosen)
            for one in servers:
                one.start()
            target = self.target()
            database.prepare(target, self.passwords())
        return self.environment()

    def prepare(self) -> None:
        """Make the secrets and choose the ports without starting anything, so that settings can be read."""
        with self._turn():
            chosen = checkout.read_json(self.folder / "services.json")
            for name in ("postgres_port", "valkey_port"):
                chosen.setdefault(name, ports.choose(taken={port for port in chosen.values() if isinstance(port, int)}))
            self._remember(chosen)

    def down(self) -> None:
        """Stop the embedded services."""
        with self._turn():
            self._stop()

    def status(self) -> dict[str, str]:
        """One line for each service: who it is and whether it answers."""
        place = find_place(self.state, self.profile)
        chosen = checkout.read_json(self.folder / "services.json")
        lines = {"postgres": "external", "valkey": "external"}
        if self._embeds("DATABASE_URL"):
            cluster = self._running_cluster(place, chosen)
            lines["postgres"] = (
                f"{chosen['postgres']}, port {cluster.port}" if cluster and cluster.answers() else "not running"
            )
        if self._embeds("REDIS_URL"):
            found = self._valkey(place, chosen).running() if "valkey_port" in chosen else None
            lines["valkey"] = f"{chosen['valkey']}, port {chosen['valkey_port']}" if found else "not running"
        return lines

    def acquire(self) -> dict[str, str]:
        """Like ``up``, and count as a user until ``release`` or the end of this process, however it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._use = (self.folder / "users.lock").open("w")
        fcntl.flock(self._use, fcntl.LOCK_SH)
        return self.up()

    def release(self) -> None:
        """Stop using the services; the last user stops them."""
        with self._turn():
            if self._use is None:
                return
            self._use.close()
            self._use = None
            with (self.folder / "users.lock").open("w") as alone:
                try:
                    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self._stop()

    def passwords(self) -> dict[str, str]:
        """Passwords of the three roles: from the environment, else this checkout's own."""
        known = checkout.generated_secrets(self.state)
        return {role: self.environ.get(name) or known[name] for role, name in database.PASSWORD_VARIABLES.items()}

    def target(self) -> database.Target:
        """The database, as its administrator reaches it."""
        if not self._embeds("DATABASE_URL"):
            return database.Target.of_url(self.environ["DATABASE_URL"])
        port = checkout.read_json(self.folder / "services.json")["postgres_port"]
        password = checkout.generated_secrets(self.state)["POSTGRES_PASSWORD"]
        return database.Target.of_url(f"postgresql://postgres:{password}@127.0.0.1:{port}/")

    def environment(self) -> dict[str, str]:
        """DATABASE_URL (without credentials) and REDIS_URL for the processes."""
        known = checkout.read_json(self.folder / "services.json").get("environment", {})
        return {name: self.environ.get(name) or known[name] for name in ("DATABASE_URL", "REDIS_URL")}

    def _embeds(self, variable: str) -> bool:
        return not self.environ.get(variable)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "turn.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _stop(self) -> None:
        place = find_place(self.state, self.profile)
        chosen = checkout.read_json(self.folder / "services.json")
        if self._embeds("REDIS_URL") and "valkey_port" in chosen:
            self._valkey(place, chosen, keep_port=True).stop()
        cluster = self._running_cluster(place, chosen) if self._embeds("DATABASE_URL") else None
        if cluster:
            cluster.stop()

    def _cluster(self, place: Place, programs: PostgresPrograms, port: int) -> postgres.Cluster:
        password = checkout.generated_secrets(self.state)["POSTGRES_PASSWORD"]
        return postgres.Cluster(place, programs, port, password, throw_away=self.profile == "test")

    def _running_cluster(self, place: Place, chosen: Mapping[str, int]) -> postgres.Cluster | None:
        """The cluster that runs already, of whatever programs that the wish allows."""
        for programs in postgres_programs(self.wanted):
            cluster = self._cluster(place, programs, chosen.get("postgres_port", 0))
            if cluster.running():
                return cluster
        return None

    def _new_cluster(self, place: Place, chosen: Mapping[str, int]) -> postgres.Cluster:
        programs = postgres.preferred_programs(place, self.wanted)
        taken = {chosen.get("valkey_port", 0)}
        return self._cluster(place, programs, postgres.usable_port(chosen.get("postgres_port"), taken=taken))

    def _valkey(self, place: Place, chosen: Mapping[str, int], *, keep_port: bool = False) -> valkey.Server:
        password = checkout.generated_secrets(self.state)["VALKEY_PASSWORD"]
        program = valkey_program(self.wanted)
        port = chosen.get("valkey_port", 0)
        server = valkey.Server(place, program, port, password, keep=self.profile == "run")
        if keep_port or (port and server.running()):
            return server
        port = postgres.usable_port(port, taken={chosen.get("postgres_port", 0)})
        return valkey.Server(place, program, port, password, keep=self.profile == "run")

    def _remember(self, chosen: dict[str, object]) -> None:
        secrets = checkout.generated_secrets(self.state)
        chosen["environment"] = {
            "DATABASE_URL": f"postgresql://127.0.0.1:{chosen['postgres_port']}/{database.DEFAULT_NAME}"
            if "postgres_port" in chosen
            else "",
            "REDIS_URL": f"redis://:{secrets['VALKEY_PASSWORD']}@127.0.0.1:{chosen['valkey_port']}/0"
            if "valkey_port" in chosen
            else "",
        }
        checkout.write_json(self.folder / "services.json", chosen)


def services(profile: Profile) -> Services:
    """The services of this checkout for a profile, with this process's environment."""
    return Services(profile)


__all__ = ["Profile", "ServiceError", "Services", "services"]
