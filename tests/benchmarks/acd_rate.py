"""The highest call rate that the product holds, what it costs in SQL, and where its processor time goes."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.benchmarks.acd_load import Load, Offered, figures
from tests.benchmarks.acd_place import DATABASE

HOLDS_S = 30
TALK_S = (1.0, 1.0)
SETUP_P99_MS = 300.0
SLOWEST, FASTEST, STEP = 4, 60, 2
SAMPLES_S, SAMPLES_PER_S = 15, 100
LARGEST_SHARES = 12
_STATEMENT = re.compile(r"LOG:  (?:execute|statement)\b")
_LIBRARY = re.compile(r"site-packages/(\w+)")


def load_of(rate: int) -> Load:
    """So many calls a second for `HOLDS_S` seconds, of one second each."""
    return Load(rate=rate, calls=rate * HOLDS_S, talk_s=TALK_S)


def holds(offered: Offered) -> bool:
    """Whether no call failed and 99 of 100 reached their agent's telephone within `SETUP_P99_MS`."""
    found = figures(offered)
    p99: float = found["setup_ms"]["p99"]
    return found["failed"] == 0 and found["setup_ms"]["n"] == offered.load.calls and p99 <= SETUP_P99_MS


def highest_rate(offer: Callable[[Load], Offered], tell: Callable[[str], None]) -> tuple[int, list[dict[str, Any]]]:
    """Find the highest rate that holds, by halves; 0 when not even the slowest does. Returns the tries besides."""
    low, high, tries = SLOWEST - STEP, FASTEST + STEP, []
    while high - low > STEP:
        rate = low + (high - low) // (2 * STEP) * STEP
        offered = offer(load_of(rate))
        held = holds(offered)
        tries.append({"rate": rate, "held": held} | figures(offered))
        tell(f"rate {rate:3d}/s  {'held' if held else 'not held':<9} set-up {tries[-1]['setup_ms']}")
        low, high = (rate, high) if held else (low, rate)
    return (low if low >= SLOWEST else 0), tries


@contextmanager
def statements_counted(admin_url: str) -> Iterator[Callable[[], int]]:
    """Have PostgreSQL log each statement of processes that connect meanwhile; yields how many there were so far.

    Everything counts: BEGIN and COMMIT, and what is asked again and again whether anybody calls or not.
    """
    log = _server_log(admin_url)
    beyond = log.stat().st_size

    def count() -> int:
        with log.open(errors="replace") as lines:
            lines.seek(beyond)
            return sum(1 for line in lines if _STATEMENT.search(line))

    _log_statements(admin_url, "all")
    try:
        yield count
    finally:
        _log_statements(admin_url, "none")


def _server_log(admin_url: str) -> Path:
    """The file that the server, which runs here, writes its messages to."""
    with psycopg.connect(admin_url) as connection:
        return Path(f"/proc/{connection.info.backend_pid}/fd/2").resolve(strict=True)


def _log_statements(admin_url: str, which: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        change = sql.SQL("ALTER DATABASE {} SET log_statement = {}")
        connection.execute(change.format(sql.Identifier(DATABASE), sql.Literal(which)))


@contextmanager
def sampled(pid: int) -> Iterator[Callable[[], dict[str, float]]]:
    """Look, with py-spy, what a process is at while it has the interpreter; yields the shares by library, in percent.

    What is ours is named by its package. To be asked when the samples have been taken.
    """
    with tempfile.TemporaryDirectory(prefix="hotseat-samples-") as folder:
        raw = Path(folder) / "stacks"
        spy = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid), "--gil", "--format", "raw"]
        spy += ["--duration", str(SAMPLES_S), "--rate", str(SAMPLES_PER_S), "--full-filenames", "--output", str(raw)]
        with subprocess.Popen(spy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

            def shares() -> dict[str, float]:
                process.wait(SAMPLES_S * 4)
                return _shares(raw.read_text())

            yield shares


def _shares(stacks: str) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        counts[_library(stack.rpartition(";")[2])] += int(count)
    everything = sum(counts.values())
    return {name: round(100 * count / everything, 1) for name, count in counts.most_common(LARGEST_SHARES)}


def _library(frame: str) -> str:
    """Who a frame belongs to: a library, a package of ours, or Python itself."""
    if found := _LIBRARY.search(frame):
        return found.group(1)
    for package in ("routing", "tenants", "agents", "billing", "reporting", "config"):
        if f"/{package}/" in frame:
            return package
    return "python"
