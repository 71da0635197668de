"""Named points at which a test may kill this process: before and after every commit and every side effect.

A commit is named for the service that opened its scope: ``leg_ended.uncommitted`` when all is decided, and
``leg_ended.committed`` before anything follows from it. What has side effects calls `reach` by itself.

`HOTSEAT_TEST_DIE_AT` names the point at which the process group gets SIGKILL, `HOTSEAT_TEST_STOP_AT` the one at which
it gets SIGSTOP; `HOTSEAT_TEST_POINTS` names a file to which the points that are reached are written. Without any of
them nothing is installed, and commits cost what they cost.
"""

import inspect
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from django.db import transaction

from tenants.scope import Scope, before_commit

_NOT_THE_SERVICE = {"scope.py", "points.py", "contextlib.py"}

_signals: dict[str, signal.Signals] = {}
_told: Path | None = None


def are_armed() -> bool:
    """Whether a test wants to know of this process's points."""
    return bool(_signals or _told)


def arm(environ: Mapping[str, str]) -> None:
    """Have this process's commits reach their points, if a test asks for it. Called once, at start-up."""
    global _told
    for name, number in (("HOTSEAT_TEST_DIE_AT", signal.SIGKILL), ("HOTSEAT_TEST_STOP_AT", signal.SIGSTOP)):
        if environ.get(name):
            _signals[environ[name]] = number
    _told = Path(environ["HOTSEAT_TEST_POINTS"]) if environ.get("HOTSEAT_TEST_POINTS") else None
    if are_armed():
        before_commit(_commit)


def reach(point: str) -> None:
    """Die or stop here and now if this is the point to do so."""
    if _told is not None:
        with _told.open("a") as told:
            told.write(f"{point}\n")
    if point in _signals:
        # Once: who is woken goes on.
        os.killpg(os.getpgrp(), _signals.pop(point))


def _commit(scope: Scope) -> None:
    service = _service()
    reach(f"{service}.uncommitted")
    transaction.on_commit(lambda: reach(f"{service}.committed"), using=scope.alias)


def _service() -> str:
    """The name of the code whose scope ends now: the first on the stack that is not the scope's own machinery."""
    frame = inspect.currentframe()
    while frame is not None and Path(frame.f_code.co_filename).name in _NOT_THE_SERVICE:
        frame = frame.f_back
    if frame is None:
        raise RuntimeError("a scope was opened by nobody")
    return frame.f_code.co_qualname
