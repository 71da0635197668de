"""A process dies, or stops, at the point that a test names; without one nothing is installed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.checkout import ROOT

pytestmark = pytest.mark.slow

PROGRAM = """
import django
django.setup()
from tenants.public import take_lease
from tenants.scope import _before_commit
take_lease("points", holder="test", seconds=1)
print(len(_before_commit))
"""


def run(**environment: str) -> tuple[int, str]:
    """The status and the words of a process that takes a lease, which is one commit."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("point", ["take_lease.uncommitted", "take_lease.committed"])
def test_a_process_dies_where_it_is_told_to(point: str) -> None:
    assert run(HOTSEAT_TEST_DIE_AT=point) == (-signal.SIGKILL, "")


def test_points_are_written_down_in_their_order_and_nobody_dies_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "points"
    status, _ = run(HOTSEAT_TEST_DIE_AT="dial.sent", HOTSEAT_TEST_POINTS=str(file))
    assert (status, file.read_text().split()) == (0, ["take_lease.uncommitted", "take_lease.committed"])


def test_without_a_wish_nothing_is_installed(tmp_path: Path) -> None:
    _, hooks = run()
    _, with_points = run(HOTSEAT_TEST_POINTS=str(tmp_path / "points"))
    assert int(with_points) == int(hooks) + 1
