"""One Valkey (or Redis) server of this checkout."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from config.services.errors import ServiceError
from config.services.place import Place
from config.services.programs import ValkeyProgram
from config.services.tracked import Tracked, launch

START_S = 15.0
DATABASES = 64


@dataclass(frozen=True)
class Server:
    """A folder, a program, a port. ``keep`` writes what is in memory to an append-only file."""

    place: Place
    program: ValkeyProgram
    port: int
    password: str
    keep: bool

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def data_name(self) -> str:
        """Each program has a folder of its own: an older Redis cannot read what a newer Valkey wrote."""
        return f"{self.program.source}-{self.program.server.name}"

    @property
    def log(self) -> Path:
        return self.place.folder / "valkey.log"

    def running(self) -> Tracked | None:
        """The server that answers on the port to our password, which nobody else's has."""
        with (
            suppress(redis.RedisError),
            redis.Redis.from_url(self.url, socket_timeout=3, socket_connect_timeout=3) as client,
        ):
            facts: dict[str, Any] = client.info("server")
            return Tracked.of(int(facts["process_id"]))
        return None

    def start(self) -> Tracked:
        """Start the server, or adopt the one that runs already, and wait until it answers."""
        found = self.running()
        if found:
            return found
        folder = self.place.make_folder(self.data_name)
        server = launch([self._program(), self._configuration(folder)], place=self.place, log=self.log, folder=folder)
        deadline = time.monotonic() + START_S
        while server and server.process() and time.monotonic() < deadline:
            found = self.running()
            if found:
                return found
            time.sleep(0.05)
        raise ServiceError(f"{self.program.server.name} does not answer on port {self.port}; see {self.log}")

    def _program(self) -> Path:
        return self.place.reachable(self.program.server, self.program.bundle)

    def _configuration(self, folder: Path) -> Path:
        """The configuration file; the password would be seen by everybody on a command line."""
        path = folder / "server.conf"
        path.unlink(missing_ok=True)
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "databases": str(DATABASES),
            "dir": str(folder),
            "save": '""',
            "appendonly": "yes" if self.keep else "no",
            "daemonize": "no",
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name} {value}\n" for name, value in lines.items())
        self.place.own(path)
        return path

    def stop(self) -> None:
        """Stop the server; what it keeps is on disk afterwards."""
        found = self.running()
        if found and not found.end(signal.SIGTERM, signal.SIGKILL):
            raise ServiceError(f"{self.program.server.name} (process {found.pid}) does not stop; see {self.log}")
