"""``make run`` from outside: it becomes ready, outlives what kills it, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from config.checkout import ROOT
from config.processes import session_members
from config.services import ports
from config.services.manager import Services
from config.services.place import AWAY, find_place
from tests.waiting import looks

pytestmark = [pytest.mark.nodb, pytest.mark.slow]


def wait_for(what: Callable[[], bool], seconds: float, said: Callable[[], str] = str) -> None:
    for _ in looks(within_s=seconds, every_s=0.1):
        if what():
            return
    raise AssertionError(f"not in {seconds} s; it said:\n{said()}")


@dataclass
class Installation:
    """A checkout's state of its own, and the manager that runs on it."""

    state: Path
    port: int
    managers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def manager(self) -> subprocess.Popen[bytes]:
        """The one started last."""
        return self.managers[-1]

    @property
    def services(self) -> Services:
        return Services("run", environ={"HOTSEAT_VAR_DIR": str(self.state)})

    def start(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        environment = inherited | {
            "HOTSEAT_VAR_DIR": str(self.state),
            "HOTSEAT_PORT": str(self.port),
            "HOTSEAT_SWITCH": "simulator",
        }
        with self.log.open("ab") as output:
            self.managers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "config.processes"],
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    @property
    def log(self) -> Path:
        return self.state / "manager.log"

    def said(self) -> str:
        return self.log.read_text()[-6000:]

    def ready(self) -> bool:
        assert self.manager.poll() is None, self.said()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def leader(self, name: str) -> int:
        return int(json.loads((self.state / "run.json").read_text())[name][0])

    def running(self) -> list[psutil.Process]:
        """Every process that belongs to this installation: by its environment, or by its data directory."""
        folder = str(find_place(self.state, "run").folder)
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("HOTSEAT_VAR_DIR") == str(self.state) or folder in " ".join(
                    process.cmdline()
                )
                if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def events(self) -> int:
        with psycopg.connect(self.services.target().url) as connection:
            row = connection.execute("SELECT count(*) FROM tenants_event").fetchone()
        assert row
        return int(row[0])

    def kill_manager(self) -> None:
        self.manager.kill()
        self.manager.wait()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    state = tmp_path / "var"
    state.mkdir()
    found = Installation(state, ports.choose(taken=set()))
    yield found
    for manager in found.managers:
        manager.kill()
        manager.wait()
    for process in found.running():
        process.kill()
    away = find_place(state, "run").folder.parent
    if away.is_relative_to(AWAY):
        shutil.rmtree(away)


def test_it_gets_ready_recovers_from_sigkill_and_leaves_no_process(installation: Installation) -> None:
    installation.start()
    wait_for(installation.ready, 90, installation.said)
    assert {"tenants", "public_number"} <= set(json.loads((installation.state / "demo.json").read_text()))
    assert httpx.get(f"http://127.0.0.1:{installation.port}/", timeout=5, follow_redirects=True).status_code == 200

    engine = installation.leader("engine")
    os.kill(engine, signal.SIGKILL)
    wait_for(lambda: installation.leader("engine") != engine, 15, installation.said)
    wait_for(installation.ready, 30, installation.said)

    before, web = installation.events(), installation.leader("web")
    assert before > 0, "the demo's set-up and calls are in the log"
    installation.kill_manager()
    assert session_members(web, since=0), "its children are orphans now"
    installation.start()
    wait_for(lambda: not session_members(web, since=0), 30, installation.said)
    wait_for(installation.ready, 90, installation.said)
    assert installation.events() >= before

    installation.manager.send_signal(signal.SIGINT)
    assert installation.manager.wait(timeout=40) == 0, installation.said()
    assert installation.running() == []


def test_a_second_one_is_refused_and_the_first_goes_on(installation: Installation) -> None:
    installation.start()
    lock = installation.state / "run.lock"
    wait_for(lock.exists, 20, installation.said)
    first = installation.manager
    wait_for(lambda: "starting PostgreSQL" in installation.said(), 20, installation.said)
    installation.start()
    second = installation.manager
    assert second.wait(timeout=20) == 1
    assert "already running in this checkout" in installation.said()
    assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    first.wait(timeout=60)
    assert installation.running() == []
