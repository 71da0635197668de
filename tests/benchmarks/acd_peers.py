"""The peers of `make bench-acd`: Asterisk's own queue, and the in-memory floor.

By themselves: ``python -m tests.benchmarks.acd_peers``. Their configurations are committed:
``deploy/asterisk/queues.conf`` and ``acd_floor.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from deploy.lab import endpoints, exchange
from deploy.lab.exchange import Lab
from tests.benchmarks.acd_floor import READY
from tests.benchmarks.acd_load import GAP_LOAD, SETUP_LOAD, Target, offer, registered

AGENTS = tuple(f"bench-{number:04d}" for number in range(1, 51))


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


PEERS = {"app_queue": app_queue, "floor": floor}


def run(lab: Lab, name: str) -> dict[str, object]:
    """Both loads on one peer, its telephones registered before: the queue looks at their state when it starts."""
    with registered(lab, AGENTS) as phones, PEERS[name](lab, AGENTS) as target:
        return {
            "setup_load": offer(lab, target, SETUP_LOAD, phones),
            "gap_load": offer(lab, target, GAP_LOAD, phones),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers", nargs="*", default=list(PEERS), metavar="PEER", help=" or ".join(PEERS))
    lab = exchange.up()
    for name in parser.parse_args().peers:
        sys.stdout.write(json.dumps({name: run(lab, name)}, indent=1) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
