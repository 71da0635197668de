"""SIGKILL at every step of an activation, before and after its commit: another process goes on, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from routing.backup_states import ActivationState
from routing.models import BackupActivation, Diversion, EntryPoint
from routing.services.backup import fail_back
from tenants.public import db_now, engine_scope, tenant_scope
from tenants.timers import due_timers, fire
from tests import factories
from tests.routing import backups
from tests.routing.backups import activation_now, begin, in_force, make_plan, to_queue
from tests.routing.calls import Line, make_line, now_of, queued

ON, BACK = ("check", "divert", "move", "confirm"), ("restore", "close")

# A Celery worker's process, but for the broker: it does step after step and is killed at the named point of one of
# them. "begun": nothing of the step is committed; "written": all is written, nothing committed; "committed": the commit
# has been, nothing after it; "half": of those who wait, one has been moved.
WORKER = """
import os, signal, sys, uuid
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from routing.services import backup

tenant, activation, step, point = sys.argv[1:]

def die():
    os.killpg(0, signal.SIGKILL)

effects, prepared, moved = dict(backup._EFFECTS), dict(backup._PREPARATIONS), backup.move_waiting

def prepare(work):
    if point == "begun":
        die()
    return prepared[step](work)

def take_effect(*arguments):
    effects[step](*arguments)
    if point == "written":
        die()

def move(**arguments):
    was_waiting = moved(**arguments)
    if point == "half":
        die()
    return was_waiting

backup._EFFECTS = {**effects, step: take_effect}
backup._PREPARATIONS = {**prepared, step: prepare}
backup.move_waiting = move
while True:
    done = backup.run_step(tenant_id=uuid.UUID(tenant), activation_id=uuid.UUID(activation))
    if done == step and point == "committed":
        die()
    if not done:
        break
"""

POINTS = [(step, point) for step in (*ON, *BACK) for point in ("begun", "written", "committed")] + [("move", "half")]


def killed(activation: BackupActivation, step: str, point: str) -> None:
    """A worker takes the steps and dies there."""
    worker = subprocess.run(
        [sys.executable, "-c", WORKER, str(activation.tenant_id), str(activation.id), step, point],
        start_new_session=True,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert worker.returncode == -signal.SIGKILL, worker.stderr


def the_engine_goes_on() -> int:
    """Fire step timers, as the engine does when they are due, until none is left; return how many fired."""
    fired = 0
    while True:
        with engine_scope(read_only=True):
            later = db_now() + timedelta(minutes=1)
        steps = [due for due in due_timers(until=later) if due.kind == "backup-step"]
        if not steps:
            return fired
        for due in steps:
            fire(due)
            fired += 1


def record_of(line: Line, activation: BackupActivation) -> dict[str, object]:
    """All that must be the same whether somebody died or not."""
    now = activation_now(activation)
    with tenant_scope(line.tenant.id, read_only=True):
        diverted = EntryPoint.objects.get(number__e164=line.number).backup_id == activation.id
        moved = Diversion.objects.filter(activation=activation, waited=True).count()
    told = [data["step"] for kind, data in backups.events_of(line.tenant, "backup") if kind == "backup.step_done"]
    return {
        "state": now.state,
        "steps": [step for step, _at in now.steps],
        "told": told,
        "diverted": diverted,
        "moved": (now.moved, moved),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("step", "point"), POINTS)
def test_the_steps_go_on_after_sigkill_and_each_is_done_once(step: str, point: str) -> None:
    line = make_line()
    waiting = queued(line, 3)
    other = factories.make_queue(line.tenant, requires={"french": 1})
    factories.make_session(line.tenant, skills={"french": 1})
    routes = [to_queue(other, takes_waiting=True)]
    if step in BACK:
        activation = in_force(line, *routes)
        fail_back(tenant_id=line.tenant.id, plan_id=activation.plan_id, actor=factories.ACTOR)
    else:
        activation = begin(make_plan(line, *routes))
    killed(activation, step, point)
    last = point == "committed" and step in ("confirm", "close")
    assert (the_engine_goes_on() == 0) == last
    ended = step in BACK
    steps = [*ON, *BACK] if ended else [*ON]
    assert record_of(line, activation) == {
        "state": ActivationState.INACTIVE if ended else ActivationState.ACTIVE,
        "steps": steps,
        "told": steps,
        "diverted": not ended,
        "moved": (3, 3),
    }
    assert {now_of(contact).queue_id for contact in waiting} == {other.id}
