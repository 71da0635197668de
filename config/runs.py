"""Runs of the installation's processes, told in the event log: when one began, and when it ended in good order."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from tenants.public import tell_system, uuid7


@contextmanager
def told_run(process: str, *, node: str = "") -> Iterator[None]:
    """Tell that `process` has begun, and when the block is left, that it has ended.

    A process that is killed leaves a beginning without an end; who takes its duties over tells of that (`lease.taken`).
    What was loaded until now is kept out of garbage collections from here on: it stays, and to walk all of it again and
    again stops every thread for as long as a call takes to come in.
    """
    gc.collect()
    gc.freeze()
    run = {"process": process, "run": uuid7(), "host": socket.gethostname(), "pid": os.getpid()}
    node = node or settings.HOTSEAT_NODE
    tell_system("process.started", node=node, **run)
    try:
        yield
    finally:
        tell_system("process.stopped", node=node, **run)
