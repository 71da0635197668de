"""``python -m config.process NAME``: become one of the installation's processes, for systemd units and containers."""

from __future__ import annotations

import os
import sys

from config.checkout import ROOT
from config.env import EnvironmentInvalid, read
from config.processes import commands


def command_of(name: str, known: dict[str, list[str]]) -> list[str]:
    """The command of that process. Exits with the names there are when there is none."""
    if name not in known:
        sys.exit(f"there is no process {name!r}; there are {', '.join(known)}")
    return known[name]


if __name__ == "__main__":
    try:
        environment = read()
    except EnvironmentInvalid as problem:
        sys.exit(str(problem))
    found = commands(node=environment["HOTSEAT_NODE"], switch=environment["HOTSEAT_SWITCH"])
    chosen = command_of(" ".join(sys.argv[1:]), found)
    os.chdir(ROOT)
    os.execv(chosen[0], chosen)  # noqa: S606 - this process becomes that one
