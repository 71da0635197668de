"""Steps through a real broker and real Celery workers, which are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from routing.backup_states import ActivationState
from routing.services.backup import fail_back
from tenants.public import Relay
from tests import factories
from tests.routing.backups import activation_now, announcement, begin, make_plan
from tests.routing.calls import make_line
from tests.waiting import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE_S = 40.0


@contextmanager
def celery_worker() -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker in a process group of its own; killed with all its children at the end."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "1", "--without-gossip"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    worker = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield worker
    finally:
        kill(worker)


def kill(worker: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole group."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def relay_until(done: Callable[[], bool]) -> None:
    """Relay events, as the engine does, and nothing else: its timers do not run here."""
    relay = Relay(holder="test")

    def relayed() -> bool:
        while relay.step():
            pass
        return done()

    try:
        until("the workers have done it", relayed, within_s=PATIENCE_S)
    finally:
        relay.release()


def test_celery_takes_every_step_and_another_worker_goes_on_when_one_is_killed() -> None:
    line = make_line()
    plan = make_plan(line, announcement())
    with celery_worker() as first:
        activation = begin(plan)
        relay_until(lambda: activation_now(activation).state == ActivationState.ACTIVE)
        fail_back(tenant_id=line.tenant.id, plan_id=plan.id, actor=factories.ACTOR)
        kill(first)
    with celery_worker():
        relay_until(lambda: activation_now(activation).state == ActivationState.INACTIVE)
    done = [step for step, _at in activation_now(activation).steps]
    assert done == ["check", "divert", "move", "confirm", "restore", "close"]
