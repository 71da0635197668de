"""Where the servers' data lie and as whom they run.

PostgreSQL refuses to run as root, so root hands the servers to an unprivileged user, and puts data and programs where
that user reaches them: in the checkout when it can go there, else under /var/tmp.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from config import checkout
from config.services.errors import ServiceError
from config.services.programs import Bundle

AWAY = Path("/var/tmp")  # noqa: S108 - the folder made there has an unguessable name and must be new or ours
SERVICE_USERS = ("postgres", "nobody")


class Account(TypedDict, total=False):
    """Arguments by which subprocess runs a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Place:
    """The folder of a profile's servers and the account that runs them (None: the caller's own)."""

    folder: Path
    user: str | None

    def account(self) -> Account:
        """How subprocess runs a program as that account."""
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to the account."""
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def make_folder(self, name: str) -> Path:
        """A folder that only the account can enter."""
        path = self.folder / name
        if not path.is_dir():
            path.mkdir(mode=0o700)
            self.own(path)
        return path

    def reaches(self, path: Path) -> bool:
        """Whether the account can read that file, or enter that folder."""
        if self.user is None:
            return True
        test = ["test", "-x" if path.is_dir() else "-r", str(path)]
        return subprocess.run(test, check=False, cwd="/", **self.account()).returncode == 0

    def reachable(self, program: Path, bundle: Bundle | None) -> Path:
        """The program itself when the account reaches it, else its twin in a copy of the bundle."""
        if bundle is None or self.reaches(program):
            return program
        stamp = f"{bundle.base} {[(bundle.base / part).stat().st_mtime_ns for part in bundle.parts]}"
        copy = self.folder.parent / f"programs-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
        if not copy.exists():
            partial = copy.with_name(f".{copy.name}.{os.getpid()}")
            for part in bundle.parts:
                shutil.copytree(bundle.base / part, partial / part, symlinks=True)
            partial.rename(copy)
        return copy / program.relative_to(bundle.base)


def _service_user() -> str | None:
    if os.geteuid() != 0:
        return None
    for name in SERVICE_USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServiceError(f"PostgreSQL cannot run as root, and none of the users {', '.join(SERVICE_USERS)} exists.")


def find_place(state: Path, profile: str) -> Place:
    """The place of a profile's servers, made on the first call and remembered in the state folder."""
    home = state / "services" / profile
    home.mkdir(parents=True, exist_ok=True)
    memory = state / "services" / "place.json"
    known = checkout.read_json(memory)
    if known.get("state") != str(state.resolve()):
        # New, or a copy of another checkout's state: its servers are not ours to share.
        known = {"state": str(state.resolve()), "user": _service_user(), "id": secrets.token_hex(8)}
        checkout.write_json(memory, known)
    local = Place(home, known["user"])
    if local.reaches(home):
        return local
    away = Place(AWAY / f"hotseat-{known['id']}" / profile, known["user"])
    for folder in (away.folder.parent, away.folder):
        folder.mkdir(mode=0o711, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise ServiceError(f"{folder} belongs to somebody else; remove it, or set HOTSEAT_VAR_DIR.")
        folder.chmod(0o711)
    return away
