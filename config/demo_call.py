"""``make demo-call``: one real SIP call through the lab, told step by step on the terminal, from ring to bill.

1. Start the lab's Asterisk, PostgreSQL and Valkey, with a database of its own beside that of ``make run``.
2. Load the demo's tenants; start the engine, the switch worker and the Celery worker as in production.
3. An agent logs in; SIPp plays the agent's telephone and registers it.
4. SIPp calls the public number, presses keys, talks, hangs up. What the event log says is told as it is written.
5. The contact is rated by the Celery worker. The last line says OK, with both sides' seconds.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from config import checkout
from config.processes import PYTHON, commands
from config.services import database
from config.services.errors import ServiceError
from config.services.manager import Services
from deploy.lab import exchange
from deploy.lab.tree import LabError

DATABASE = "hotseat_call"
VALKEY_DATABASE = 7
PARTS = ("engine", "switch", "worker")
STOP_S = 10.0


def environment_for(lab: exchange.Lab, urls: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the call's processes: the lab as the switch, and a database of its own."""
    state = Path(os.environ.get("HOTSEAT_VAR_DIR") or checkout.STATE) / "demo-call"
    state.mkdir(parents=True, exist_ok=True)
    valkey = urlsplit(urls["REDIS_URL"])
    return os.environ | {
        "DATABASE_URL": database.with_database(urls["DATABASE_URL"], DATABASE),
        "REDIS_URL": urlunsplit(valkey._replace(path=f"/{VALKEY_DATABASE}")),
        "HOTSEAT_SWITCH": "asterisk",
        "HOTSEAT_ARI_URL": lab.ari_url,
        "HOTSEAT_ARI_USER": lab.ari_user,
        "HOTSEAT_ARI_PASSWORD": lab.ari_password,
        "HOTSEAT_SOUNDS_DIR": lab.sounds_dir,
        "HOTSEAT_NODE": lab.node,
    }


@contextlib.contextmanager
def processes(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """Run the engine, the switch worker and the Celery worker until the block ends; their lines go to `log`."""
    found = commands(node=environment["HOTSEAT_NODE"], switch="asterisk")
    with log.open("w") as lines, contextlib.ExitStack() as running:
        for name in PARTS:
            running.enter_context(_process(found[name], environment, lines.fileno()))
        yield


@contextlib.contextmanager
def _process(command: list[str], environment: Mapping[str, str], output: int) -> Iterator[None]:
    child = subprocess.Popen(
        command, cwd=checkout.ROOT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def say(line: str) -> None:
    """One line of the story, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Set the stage, let ``manage.py call`` tell the call, and take the stage down again. Returns the exit status."""
    began = time.monotonic()
    lab = exchange.up()
    say(f"     the exchange: Asterisk {lab.asterisk}, SIP on {lab.host}:{lab.sip_port}")
    services = Services("run")
    urls = services.acquire()
    try:
        target = services.target()
        database.prepare(database.Target(target.admin_url, DATABASE), services.passwords())
        environment = environment_for(lab, urls)
        manage = [PYTHON, "manage.py"]
        for step in (["migrate", "--database", "owner", "--verbosity", "0"], ["demo"]):
            subprocess.run([*manage, *step], cwd=checkout.ROOT, env=environment, check=True)
        log = checkout.STATE / "demo-call" / "processes.log"
        with processes(environment, log):
            say(f"     set up in {time.monotonic() - began:.0f} s; the processes' lines are in {log}")
            told = subprocess.run([*manage, "call"], cwd=checkout.ROOT, env=environment, check=False)
        return told.returncode
    finally:
        services.release()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LabError, ServiceError, subprocess.CalledProcessError) as problem:
        sys.exit(f"demo-call: {problem}")
