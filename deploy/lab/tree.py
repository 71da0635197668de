"""The exchange's root directory: Debian sid with Asterisk, made once for a machine and shared by its checkouts."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

OLDEST_ASTERISK = (22, 4)
"""The first with requests over WebSockets."""
PACKAGES = ("asterisk", "asterisk-moh-opsound-wav")
TOOLS = {"debootstrap": "debootstrap", "sipp": "sip-tester", "espeak-ng": "espeak-ng", "faketime": "faketime"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class LabError(Exception):
    """The lab cannot do what was asked; the message says what to do."""


def cache_dir() -> Path:
    """Where trees are kept: ``HOTSEAT_LAB_CACHE``, else ``/var/tmp/hotseat-lab``."""
    return Path(os.environ.get("HOTSEAT_LAB_CACHE", "/var/tmp/hotseat-lab"))  # noqa: S108 - root's, and locked


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock that all checkouts of this machine share."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str], *, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed. Raises ``LabError`` with its last lines when it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise LabError(f"`{' '.join(command)}` failed with status {done.returncode}:\n{tail}")
    return done.stdout


def require_root() -> None:
    if os.geteuid() != 0:
        raise LabError("The lab needs root: it makes a root directory and mounts into it. Run it as root.")


def install_tools() -> None:
    """Install the Debian packages of SIPp, espeak-ng and debootstrap, those that are missing."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise LabError(f"Missing, and no apt-get to install them: {', '.join(missing)}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=env)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=env)


def mirror() -> str:
    """The Debian mirror this machine is configured with, or ``HOTSEAT_LAB_MIRROR``."""
    if chosen := os.environ.get("HOTSEAT_LAB_MIRROR"):
        return chosen
    lists = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(SUITE)|$(REPO_URI)", "Created-By: Packages"])
    for line in lists.splitlines():
        origin, suite, uri = line.split("|", 2)
        if origin == "Debian" and "security" not in suite and "security" not in uri:
            return uri
    raise LabError("No Debian mirror among the apt sources. Set HOTSEAT_LAB_MIRROR to one.")


def asterisk_version(tree: Path) -> str:
    """What ``asterisk -V`` says in a tree, e.g. ``22.10.1``. Raises ``LabError`` when it is older than we support."""
    said = run(["chroot", str(tree), "/usr/sbin/asterisk", "-V"]).strip()
    found = re.match(r"Asterisk (\d+)\.(\d+)(\.\d+)*", said)
    if found is None:
        raise LabError(f"Not understood as a version of Asterisk: {said!r}")
    if (int(found.group(1)), int(found.group(2))) < OLDEST_ASTERISK:
        raise LabError(f"{said} is too old: Hotseat needs Asterisk {'.'.join(map(str, OLDEST_ASTERISK))} or newer.")
    return said.removeprefix("Asterisk ")


def ensure_tree() -> Path:
    """Return the shared tree, making it first where there is none (about a minute, half a gigabyte)."""
    tree = cache_dir() / "sid"
    with locked("tree"):
        if tree.exists():
            return tree
        partial = cache_dir() / "sid.partial"
        if partial.exists():
            shutil.rmtree(partial)
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        if KEYRING.exists():
            command.append(f"--keyring={KEYRING}")
        run([*command, "sid", str(partial), mirror()])
        asterisk_version(partial)
        for mountpoint in ("etc/hosts", "etc/nsswitch.conf", "etc/resolv.conf"):
            path = partial / mountpoint
            if path.is_symlink():
                path.unlink()
            path.touch()
        (partial / "hotseat").mkdir()
        partial.rename(tree)
    return tree
