"""One PostgreSQL cluster of this checkout: made, started, adopted after a crash, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.services import ports
from config.services.errors import ServiceError
from config.services.place import Place
from config.services.programs import PostgresPrograms, postgres_programs
from config.services.tracked import Tracked, launch

START_S = 30.0  # recovery after a crash included
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "250",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",
    "log_destination": "stderr",
    "log_lock_waits": "on",
    "timezone": "UTC",
}
# A test cluster is thrown away after a crash of the machine, so it need not wait for the disk.
THROW_AWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True)
class Cluster:
    """A data directory, the programs that serve it and the port."""

    place: Place
    programs: PostgresPrograms
    port: int
    password: str
    throw_away: bool

    @property
    def data(self) -> Path:
        return self.place.folder / f"postgres-{self.programs.major}"

    @property
    def log(self) -> Path:
        return self.place.folder / "postgres.log"

    @property
    def admin_url(self) -> str:
        """URL of the administrator in the maintenance database."""
        return f"postgresql://postgres:{quote(self.password, safe='')}@127.0.0.1:{self.port}/postgres"

    def running(self) -> Tracked | None:
        """The server of this data directory, found by the pid file that PostgreSQL keeps there."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        found = Tracked.of(int(lines[0])) if lines and lines[0].strip().isdecimal() else None
        process = found.process() if found else None
        if process is None or str(self.data) not in process.cmdline():
            return None
        return found

    def answers(self) -> bool:
        """Whether the administrator can connect now."""
        with suppress(psycopg.OperationalError), psycopg.connect(self.admin_url, connect_timeout=3):
            return True
        return False

    def create(self) -> None:
        """Make the data directory unless it is complete."""
        if (self.data / "PG_VERSION").is_file() and (self.data / "hotseat.ready").is_file():
            return
        with suppress(FileNotFoundError):
            self._discard()
        self.place.make_folder(self.data.name)
        secret = self.place.folder / ".pwfile"
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password + "\n")
        self.place.own(secret)
        command = [str(self._program("initdb")), f"--pgdata={self.data}", "--username=postgres", f"--pwfile={secret}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        command += ["--no-sync"] if self.throw_away else []
        made = subprocess.run(
            command, cwd=self.data, capture_output=True, text=True, check=False, **self.place.account()
        )
        secret.unlink()
        if made.returncode:
            raise ServiceError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        (self.data / "hotseat.ready").touch()

    def _discard(self) -> None:
        """Empty a data directory whose making was interrupted; nothing was ever stored in it."""
        for folder, folders, files in os.walk(self.data, topdown=False):
            for name in files:
                Path(folder, name).unlink()
            for name in folders:
                Path(folder, name).rmdir()
        self.data.rmdir()

    def _program(self, name: str) -> Path:
        return self.place.reachable(self.programs.bin / name, self.programs.bundle)

    def start(self) -> Tracked:
        """Start the server, or adopt the one that runs already, and wait until it answers."""
        self.create()
        deadline = time.monotonic() + START_S
        running = self.running()
        while True:
            if running is None:
                self._drop_stale_pid_file()
                running = launch(self._command(), place=self.place, log=self.log, folder=self.data)
            while running is not None and running.process() is not None:
                if self.answers():
                    return running
                if time.monotonic() > deadline:
                    raise ServiceError(f"PostgreSQL does not answer on port {self.port}; see {self.log}")
                time.sleep(0.05)
            # It ended: children of a killed server may still hold its shared memory for a moment.
            running = None
            if time.monotonic() > deadline:
                raise ServiceError(f"PostgreSQL does not start; the last lines of {self.log}:\n{self._last_words()}")
            time.sleep(0.3)

    def _command(self) -> list[str | Path]:
        settings = SETTINGS | (THROW_AWAY_SETTINGS if self.throw_away else {}) | {"port": str(self.port)}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", self.data, *arguments]

    def _drop_stale_pid_file(self) -> None:
        """Remove a pid file whose process is gone or is not PostgreSQL; PostgreSQL itself would refuse to start."""
        if self.running() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:]) if self.log.exists() else "(no log)"

    def stop(self) -> None:
        """Stop the server: at once for its clients, cleanly for its data."""
        running = self.running()
        if running and not running.end(signal.SIGINT, signal.SIGQUIT):
            raise ServiceError(f"PostgreSQL (process {running.pid}) does not stop; see {self.log}")


def preferred_programs(place: Place, wanted: str) -> PostgresPrograms:
    """The installation to use: the first whose data this checkout already holds, else the first that is there."""
    found = postgres_programs(wanted)
    held = [one for one in found if (place.folder / f"postgres-{one.major}").is_dir()]
    return (held or found)[0]


def usable_port(remembered: int | None, *, taken: set[int]) -> int:
    """The remembered port when nobody else has taken it, else a new one."""
    if remembered and ports.is_free(remembered):
        return remembered
    return ports.choose(taken=taken)
