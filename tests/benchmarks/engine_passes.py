"""Pass after pass in a process of its own, to see how long what happens beside them holds one up.

``python -m tests.benchmarks.engine_passes TENANT ADMIN_URL``: says "ready" after the first pass, goes on until its
input ends, then says how many milliseconds the longest took.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import django
import psycopg

from config import checkout
from tests.benchmarks.engine_place import Place


@dataclass
class Beside:
    """What the passes came to; known when they have ended."""

    longest_ms: float = 0.0


@contextmanager
def passes(place: Place, tenant_id: UUID) -> Iterator[Beside]:
    """Passes of the tenant's pool for as long as the block lasts, each of which makes one offer."""
    command = [sys.executable, "-m", "tests.benchmarks.engine_passes", str(tenant_id), place.admin_url]
    found = Beside()
    with subprocess.Popen(
        command, cwd=checkout.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise RuntimeError("the passes have ended; their error is above")
            yield found
            process.stdin.close()
            found.longest_ms = float(process.stdout.readline())
        finally:
            process.terminate()


def main() -> None:
    tenant_id, admin_url = UUID(sys.argv[1]), sys.argv[2]
    django.setup()
    # Not before: they need Django.
    run_pool = importlib.import_module("routing.matching").run_pool
    begin_again = importlib.import_module("tests.benchmarks.engine_crowd").begin_again
    over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    took: list[float] = []
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        while not over.is_set():
            began = time.perf_counter()
            run_pool(tenant_id)
            took.append((time.perf_counter() - began) * 1000)
            begin_again(connection)
            if len(took) == 1:
                _say("ready")
                took = [0.0]
    _say(f"{max(took):.1f}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
