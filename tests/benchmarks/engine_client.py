"""One client of the cycle: a process of its own that reports calls to the services, one after the other.

``python -m tests.benchmarks.engine_client``: says "ready", then reads lines of seconds and numbers, works through those
for so long, and says how many cycles it has carried out in how many seconds.
"""

from __future__ import annotations

import importlib
import random
import sys
import time

import django


def main() -> None:
    django.setup()
    # Not before: it needs Django.
    cycle = importlib.import_module("tests.benchmarks.engine_calls").cycle
    _say("ready")
    for line in sys.stdin:
        seconds, *numbers = line.split()
        cycle(random.choice(numbers))  # what is made at first use is made now
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < float(seconds):
            cycle(random.choice(numbers))
            done += 1
        _say(f"{done} {time.perf_counter() - began}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
