"""The installation's processes as production starts them, each in a group of its own: to kill, freeze and thaw."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.checkout import ROOT
from config.processes import commands, switch_environment
from deploy.lab.exchange import Lab
from tests.waiting import until

STOP_S = 10.0
LAST_LINES = 40


@dataclass
class Running:
    """One process that was started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to the process group; returns when it is gone."""
        self._signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def freeze(self) -> None:
        """SIGSTOP to the process group."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to the process group."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it as the system would, and kill it when it does not."""
        if self.process.poll() is None:
            self._signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        # What stood before it (faketime) may have ended alone.
        if self._has_members():
            os.killpg(self.process.pid, signal.SIGTERM)
            until(f"all of {self.name} are gone", lambda: not self._has_members(), within_s=STOP_S)

    def _has_members(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    @property
    def was_killed(self) -> bool:
        """Whether it is gone, and by SIGKILL."""
        return self.process.poll() == -signal.SIGKILL

    def said(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self.log.read_text(errors="replace")

    def _signal(self, number: int) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)


@dataclass
class Installation:
    """Processes with one environment; their logs are in `folder`."""

    environment: Mapping[str, str]
    folder: Path
    started: list[Running] = field(default_factory=list)

    def start(self, name: str, *, prefix: Sequence[str] = (), **more: str) -> Running:
        """Start one of the installation's processes (`config.processes`), through `prefix`, with more environment."""
        environment = {**self.environment, **more}
        command = commands(node=environment["HOTSEAT_NODE"], switch=environment["HOTSEAT_SWITCH"])[name]
        log = self.folder / f"{len(self.started):03d}-{name}.log"
        with log.open("wb") as lines:
            process = subprocess.Popen(
                [*prefix, *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
            )
        running = Running(name, process, log)
        self.started.append(running)
        return running

    def last_words(self) -> str:
        """The end of what each process wrote."""
        return "\n".join(f"--- {one.log.name}\n{_tail(one.log)}" for one in self.started)


@contextmanager
def installation(lab: Lab, folder: Path, **environment: str) -> Iterator[Installation]:
    """Processes on the lab's exchange and this process's database; what still runs at the end is ended."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Installation({**os.environ, **switch_environment({}), "HOTSEAT_NODE": lab.node, **environment}, folder)
    try:
        yield found
    except BaseException:
        # Captured with the failure: the folder itself is gone with the machine.
        sys.stderr.write(found.last_words())
        raise
    finally:
        for running in reversed(found.started):
            running.stop()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
