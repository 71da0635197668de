"""The peers of `make bench-acd`: Asterisk's own queue, and the in-memory floor.

Their configurations are committed: ``deploy/asterisk/queues.conf`` and ``acd_floor.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from deploy.lab import endpoints, exchange
from deploy.lab.exchange import Lab
from tests.benchmarks.acd_floor import READY
from tests.benchmarks.acd_load import Target


@contextmanager
def app_queue(lab: Lab, agents: Sequence[str]) -> Iterator[Target]:
    """Asterisk's ``app_queue`` with these members."""
    endpoints.set_queue_members(lab, agents)
    try:
        yield Target(name="app_queue", number="bench-queue", agents=agents)
    finally:
        endpoints.set_queue_members(lab, ())


@contextmanager
def floor(lab: Lab, agents: Sequence[str]) -> Iterator[Target]:
    """The in-memory matcher, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.acd_floor", *agents],
        cwd=exchange.CHECKOUT,
        env=os.environ | {"HOTSEAT_LAB_DIR": str(exchange.lab_dir())},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != READY:
                raise RuntimeError("the floor did not start")
            yield Target(name="floor", number="bench-floor", agents=agents)
        finally:
            process.terminate()
