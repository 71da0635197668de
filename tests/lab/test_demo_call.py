"""`make demo-call` tells one call from ring to bill, and its last line says that all sides agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from config.checkout import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.nodb]

LAST_LINE = re.compile(
    r"OK contact=[0-9a-f-]{36} agent=2002 talk=(?P<talk>[0-9.]+)s sipp=(?P<sipp>[0-9.]+)s rated=(?P<rated>[0-9.]+) GBP"
)


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module as in a terminal: without what the harness adds for a database of its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL"} and not name.startswith(("HOTSEAT_", "DJANGO_"))
    }
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(autouse=True)
def _the_lab_as_it_was() -> Iterator[None]:
    """The command leaves the exchange to whoever calls next; a test leaves it as it found it."""
    was_running = _run("deploy.lab", "status").returncode == 0
    yield
    if not was_running:
        assert _run("deploy.lab", "down").returncode == 0


def test_it_tells_one_call_from_ring_to_bill() -> None:
    told = _run("config.demo_call")
    assert told.returncode == 0, told.stdout + told.stderr
    last = LAST_LINE.fullmatch(told.stdout.strip().splitlines()[-1])
    assert last is not None, told.stdout
    assert abs(float(last["talk"]) - float(last["sipp"])) < 1
    assert float(last["rated"]) > 0
    for part in ("switch:", "flow:", "queue:", "decision:", "offer:", "bridge:", "rated once:"):
        assert part in told.stdout
