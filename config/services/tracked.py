"""Processes that outlive their parent, known by process id and start time so that a reused id is never mistaken."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.services.place import Place


@dataclass(frozen=True)
class Tracked:
    """A process id with the time (seconds since the epoch) at which that process began."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Tracked | None:
        """The process that has this id now, if any."""
        with suppress(psutil.NoSuchProcess):
            return cls(pid, psutil.Process(pid).create_time())
        return None

    def process(self) -> psutil.Process | None:
        """The running process, or None when it is gone, is a zombie, or its id belongs to another one now."""
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid)
            # The boot time that psutil adds moves with the clock's corrections; ids do not come round in a second.
            if abs(found.create_time() - self.started) < 1 and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None

    def end(self, *signals: signal.Signals, patience_s: float = 10) -> bool:
        """Send the signals one after the other, each with the same patience, until the process is gone."""
        for number in signals:
            found = self.process()
            if found is None:
                return True
            with suppress(psutil.NoSuchProcess):
                found.send_signal(number)
                psutil.wait_procs([found], timeout=patience_s)
        return self.process() is None


def launch(command: Sequence[str | Path], *, place: Place, log: Path, folder: Path) -> Tracked | None:
    """Start a server in a session of its own, so that no terminal's Ctrl-C reaches it; its output goes to the log.

    The shell between leaves it to the system's first process, which then reaps it. None when it has ended already.
    """
    script = '"$@" >&2 </dev/null & echo $!'
    with log.open("ab") as output:
        shell = subprocess.run(
            ["/bin/sh", "-c", script, "sh", *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
            **place.account(),
        )
    return Tracked.of(int(shell.stdout))
