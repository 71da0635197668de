"""Running database work that must not be lost because of a deadlock or a database that is away for a moment."""

import logging
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections
from psycopg import errors

log = logging.getLogger(__name__)
Result = TypeVar("Result")

DEADLOCKS = (errors.DeadlockDetected, errors.SerializationFailure)
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

_failed_before: ContextVar[bool] = ContextVar("hotseat_failed_before", default=False)


def with_retries(work: Callable[[], Result], *, patience_s: float = 60.0) -> Result:
    """Run `work`, a function that opens its own scopes, again after a deadlock or a lost connection.

    Gives up and raises after `patience_s` seconds of a database that stays away. `work` may have committed before the
    connection broke, so it must be harmless when repeated, as every service here is.
    """
    give_up = time.monotonic() + patience_s
    pause = FIRST_PAUSE_S
    failed = False
    while True:
        before = _failed_before.set(failed)
        try:
            return work()
        except (OperationalError, InterfaceError) as problem:
            if not isinstance(problem.__cause__, DEADLOCKS):
                _discard_connections()
            if time.monotonic() >= give_up:
                raise
            log.warning("database work is tried again", extra={"problem": str(problem).splitlines()[0]})
            failed = True
        finally:
            _failed_before.reset(before)
        time.sleep(pause * (0.5 + random.random()))  # noqa: S311 - jitter, not secrecy
        pause = min(2 * pause, LONGEST_PAUSE_S)


def trying_again() -> bool:
    """Whether the work under way is done again, since it has failed before."""
    return _failed_before.get()


def _discard_connections() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
