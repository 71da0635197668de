"""Clients of the benchmark: processes of their own that report calls to the services, one after the other.

``python -m tests.benchmarks.engine_client``: says "ready", then reads lines of JSON and works through each: calls to
`numbers` in any order, for so many `seconds`, `rate` of them a second (null: as fast as it can). It answers with how
many it has `done`, in how many seconds (`took`), and how long each waited for its offer (`delays_ms`).
"""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import django

from config import checkout


@contextmanager
def clients(count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """So many clients, ready to work."""
    command = [sys.executable, "-m", "tests.benchmarks.engine_client"]
    with ExitStack() as stack:
        started = [
            subprocess.Popen(command, cwd=checkout.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(count)
        ]
        for client in started:
            stack.enter_context(client)
            stack.callback(client.terminate)
        for client in started:
            _heard(client)
        yield started


def work(client: subprocess.Popen[str], *, numbers: Sequence[str], seconds: float, rate: float | None = None) -> None:
    """Have a client work; `done` waits for it."""
    assert client.stdin is not None
    client.stdin.write(json.dumps({"numbers": list(numbers), "seconds": seconds, "rate": rate}) + "\n")
    client.stdin.flush()


def done(client: subprocess.Popen[str]) -> dict[str, Any]:
    """What a client has done."""
    found: dict[str, Any] = json.loads(_heard(client))
    return found


def _heard(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    line = client.stdout.readline().strip()
    if not line:
        raise RuntimeError("a client has ended; its error is above")
    return line


def main() -> None:
    django.setup()
    # Not before: it needs Django.
    cycle = importlib.import_module("tests.benchmarks.engine_calls").cycle
    _say("ready")
    for line in sys.stdin:
        wanted = json.loads(line)
        cycle(random.choice(wanted["numbers"]))  # what is made at first use is made now
        delays: list[float] = []
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < wanted["seconds"]:
            if wanted["rate"] and (early := len(delays) / wanted["rate"] - passed) > 0:
                time.sleep(early)
            delays.append(cycle(random.choice(wanted["numbers"])))
        _say(json.dumps({"done": len(delays), "took": time.perf_counter() - began, "delays_ms": delays}))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
