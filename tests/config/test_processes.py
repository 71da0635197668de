"""The manager behind ``make run``: children are kept running, ended as a whole, and found again after a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from config.processes import Keeper, Ledger, StartError, commands, end_session, only_manager, session_members
from tests.waiting import until

pytestmark = pytest.mark.nodb

# Ends by nothing but SIGKILL, and has a child that does not either; says when both are ready.
STUBBORN = (
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork();"
    "child and print('ready', flush=True); time.sleep(60)"
)


def start(code: str) -> tuple[subprocess.Popen[str], float]:
    since = time.time()
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child, since


def test_a_session_that_ignores_the_polite_signal_is_killed_with_its_children() -> None:
    child, since = start(STUBBORN)
    with child:
        assert len(session_members(child.pid, since=since)) == 2
        end_session(child.pid, since=since, patience_s=0.2)
        assert session_members(child.pid, since=since) == []


def test_children_of_a_killed_leader_are_found_by_the_next_manager(tmp_path: Path) -> None:
    child, _ = start(STUBBORN)
    with child:
        ledger = Ledger(tmp_path / "run.json")
        ledger.note("engine", child.pid)
        child.kill()
        child.wait()
        assert Ledger(tmp_path / "run.json").end_leftovers() == ["engine"]
        assert session_members(child.pid, since=0) == []
        assert Ledger(tmp_path / "run.json").end_leftovers() == []


def test_a_process_that_began_earlier_than_the_ledger_says_is_left_alone(tmp_path: Path) -> None:
    child, _ = start("import time; print('ready', flush=True); time.sleep(60)")
    with child:
        ledger = Ledger(tmp_path / "run.json", {"engine": (child.pid, time.time() + 3600)})
        ledger.note("web", 1)
        assert ledger.end_leftovers() == []
        assert child.poll() is None
        child.kill()


async def test_a_killed_child_is_started_again_and_all_end_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(tmp_path / "run.json")
    code = "import os, time; print('I am', os.getpid(), flush=True); time.sleep(60)"
    stopping = asyncio.Event()
    keeping = asyncio.create_task(Keeper("web", [sys.executable, "-c", code], os.environ, ledger).keep(stopping))
    seen: list[int] = []

    async def next_child() -> int:
        await asyncio.to_thread(
            until, "a new child", lambda: ledger.sessions.get("web", (0, 0.0))[0] not in [0, *seen], within_s=10
        )
        seen.append(ledger.sessions["web"][0])
        return seen[-1]

    first = await asyncio.wait_for(next_child(), 10)
    os.kill(first, signal.SIGKILL)
    second = await asyncio.wait_for(next_child(), 10)
    stopping.set()
    await asyncio.wait_for(keeping, 10)
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)
    assert "web ended with status -9" in capsys.readouterr().out


def test_a_second_manager_is_refused(tmp_path: Path) -> None:
    with only_manager(tmp_path), pytest.raises(StartError, match="already running"), only_manager(tmp_path):
        pass


def test_callers_are_simulated_only_without_an_exchange() -> None:
    assert list(commands(node="node1", switch="asterisk")) == ["web", "engine", "switch", "worker", "beat"]
    assert list(commands(node="node1", switch="simulator"))[-1] == "simulate"
    assert commands(node="node7", switch="asterisk")["switch"][-2:] == ["--node", "node7"]


def test_what_can_wait_stands_back_behind_calls() -> None:
    started = commands(node="node1", switch="asterisk")
    yielding = [name for name, command in started.items() if Path(command[0]).name == "nice"]
    assert yielding == ["engine", "worker", "beat"]
    waits = [*started["engine"][:-2], "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        until("it stands back", lambda: psutil.Process(process.pid).nice() == psutil.Process().nice() + 5)
