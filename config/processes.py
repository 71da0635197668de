"""``python -m config.processes``: everything on one machine, started in order, watched, and stopped as a whole.

1. Take the checkout's lock; a second manager is refused.
2. End what a killed manager left running (known by session and start time).
3. Start or adopt PostgreSQL and Valkey, migrate, load the demo.
4. Start web, engine, switch, worker, beat (and the simulated callers); start one again when it dies.
5. On SIGINT or SIGTERM stop them, then PostgreSQL and Valkey, and leave no process.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config import checkout
from config.env import EnvironmentInvalid, read
from config.services.errors import ServiceError
from config.services.manager import Services
from deploy.lab import exchange

STOP_S = 8.0
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 30.0  # one that ran this long has recovered, and the next back-off begins anew
LONGEST_LINE = 1 << 20
PYTHON = sys.executable
YIELDING = {"engine": 5, "worker": 10, "beat": 10}
"""How far (``nice``) they stand back behind calls and pages when there is not enough processor for all."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartError(Exception):
    """The installation cannot start; the message says what to do."""


def commands(*, node: str, switch: str) -> dict[str, list[str]]:
    """The processes of one machine, by name, in the order in which they start."""
    manage = [PYTHON, "manage.py"]
    celery = [PYTHON, "-m", "celery", "--quiet", "-A", "config"]
    found = {
        "web": [*manage, "web"],
        "engine": [*manage, "engine"],
        "switch": [*manage, "switch", "--node", node],
        "worker": [*celery, "worker", "--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=WARNING"],
        "beat": [*celery, "beat", "--loglevel=WARNING"],
    }
    if switch == "simulator":
        found["simulate"] = [*manage, "simulate"]
    nice = shutil.which("nice", path=os.defpath) or "/usr/bin/nice"
    return found | {name: [nice, "-n", str(by), *found[name]] for name, by in YIELDING.items()}


def session_members(leader: int, *, since: float) -> list[psutil.Process]:
    """The processes of a session that began at ``since`` (seconds since the epoch) or later, its leader or not.

    A session's number is not given to another one while it has a member, so what is found is what was started.
    """
    found = []
    for process in psutil.process_iter():
        # One that ends while it is looked at is no member any more.
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            of_session = os.getsid(process.pid) == leader and process.create_time() >= since - 1
            if of_session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _wait_for_end(leader: int, *, since: float, patience_s: float) -> None:
    """Wait until a session has no member. It does not reap: the exit status is for whoever started the leader."""
    deadline = time.monotonic() + patience_s
    while session_members(leader, since=since) and time.monotonic() < deadline:
        time.sleep(0.05)


def end_session(leader: int, *, since: float, patience_s: float = STOP_S) -> None:
    """Ask a session's leader to end (without one, everybody), and kill who stays. Returns when all are gone.

    A leader ends its own children in its own order; Celery's would lose their tasks if they were told first.
    """
    members = session_members(leader, since=since)
    for process in [process for process in members if process.pid == leader] or members:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _wait_for_end(leader, since=since, patience_s=patience_s)
    for process in session_members(leader, since=since):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_for_end(leader, since=since, patience_s=patience_s)


@dataclass
class Ledger:
    """The sessions that this manager started, on disk, so that the next one can end what a killed one left."""

    path: Path
    sessions: dict[str, tuple[int, float]] = field(default_factory=dict)

    def note(self, name: str, leader: int) -> float:
        """Write down a session that began just now, and return when that was."""
        started = time.time()
        self.sessions[name] = (leader, started)
        checkout.write_json(self.path, self.sessions)
        return started

    def end_leftovers(self) -> list[str]:
        """End every session in the file; returns the names of those that had a process."""
        left = []
        for name, (leader, since) in checkout.read_json(self.path).items():
            if session_members(leader, since=since):
                left.append(name)
                end_session(leader, since=since)
        self.path.unlink(missing_ok=True)
        return left


class Keeper:
    """Runs one command for as long as the manager lives, and passes its lines on under its name."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], ledger: Ledger) -> None:
        self.name, self.command, self.environment, self.ledger = name, command, environment, ledger

    async def keep(self, stopping: asyncio.Event) -> None:
        """Start the command again whenever it ends, with growing pauses; end it when ``stopping`` is set."""
        failures = 0
        while not stopping.is_set():
            began = time.monotonic()
            code = await self._run(stopping)
            if stopping.is_set():
                return
            failures = 0 if time.monotonic() - began > STEADY_S else failures
            pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            failures += 1
            say("manager", f"{self.name} ended with status {code}; starting it again in {pause} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _run(self, stopping: asyncio.Event) -> int:
        child = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=checkout.ROOT,
            env=dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        since = self.ledger.note(self.name, child.pid)
        lines = asyncio.create_task(self._pass_on(child.stdout))
        ended, stop = asyncio.create_task(child.wait()), asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        # Also when the leader died by itself: its own children (Celery's pool) must not outlive it.
        await asyncio.to_thread(end_session, child.pid, since=since)
        await ended
        await lines
        return await ended

    async def _pass_on(self, output: asyncio.StreamReader | None) -> None:
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:
                line = f"(a line of more than {LONGEST_LINE} bytes)\n".encode()
            if not line:
                return
            say(self.name, line.decode(errors="replace").rstrip("\n"))


def say(name: str, line: str) -> None:
    """One line of a process on standard output."""
    sys.stdout.write(f"{name:<8} | {line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def only_manager(state: Path) -> Iterator[None]:
    """Hold the checkout's lock. Raises StartError when another manager runs."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"`make run` is already running in this checkout ({state}/run.lock is held).") from None
        yield


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """Hold back what would stop us in the middle of starting a server, where nobody could find it; then heed it."""
    caught: list[int] = []
    before = {number: signal.signal(number, lambda got, _: caught.append(got)) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt


def switch_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Where the switch is when the environment does not say: the lab of this checkout when it runs, else simulated."""
    lab = exchange.load()
    if environ.get("HOTSEAT_SWITCH") or lab is None or not exchange.is_running(lab):
        return {}
    return {
        "HOTSEAT_SWITCH": "asterisk",
        "HOTSEAT_ARI_URL": lab.ari_url,
        "HOTSEAT_ARI_USER": lab.ari_user,
        "HOTSEAT_ARI_PASSWORD": lab.ari_password,
        "HOTSEAT_SOUNDS_DIR": lab.sounds_dir,
        "HOTSEAT_NODE": lab.node,
    }


def _step(title: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    say("manager", title)
    if subprocess.run(command, cwd=checkout.ROOT, env=dict(environment), check=False).returncode:
        raise StartError(f"{title}: failed; see the lines above.")


async def _keep_all(keepers: Sequence[Keeper]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, stopping.set)
    await asyncio.gather(*(keeper.keep(stopping) for keeper in keepers))


def run() -> None:
    """Start everything and return when a signal has stopped it. Raises StartError, ServiceError, EnvironmentInvalid."""
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)
    state = Path(os.environ.get("HOTSEAT_VAR_DIR") or checkout.STATE)
    with only_manager(state):
        ledger = Ledger(state / "run.json")
        for name in ledger.end_leftovers():
            say("manager", f"ended {name}, left over from a run that was killed")
        services = Services("run")
        say("manager", "starting PostgreSQL and Valkey")
        try:
            with signals_later():
                urls = services.acquire()
            environment = os.environ | switch_environment(os.environ) | urls
            settled = read(environment)
            manage = [PYTHON, "manage.py"]
            _step("migrating", [*manage, "migrate", "--database", "owner", "--verbosity", "0"], environment)
            _step("loading the demo", [*manage, "demo"], environment)
            found = commands(node=settled["HOTSEAT_NODE"], switch=settled["HOTSEAT_SWITCH"])
            say(
                "manager",
                f"serving http://{settled['HOTSEAT_BIND']}:{settled['HOTSEAT_PORT']} (Ctrl-C stops all of it)",
            )
            asyncio.run(_keep_all([Keeper(name, command, environment, ledger) for name, command in found.items()]))
        finally:
            for number in STOPPING:
                signal.signal(number, signal.SIG_IGN)  # it is stopping already
            say("manager", "stopping PostgreSQL and Valkey")
            services.release()
        ledger.path.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        run()
    except (StartError, ServiceError, EnvironmentInvalid) as problem:
        sys.exit(f"hotseat: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
