"""Estimates of the wait are nearly as good as if the true rates were known, and as sure as they say.

A few hundred calls here; ``ESTIMATE_CALLS=5000`` plays as many as published figures need and holds them to the bounds.
"""

from __future__ import annotations

import os

import pytest

from tests.moved.clock import moved_clock
from tests.theory.compared import load_of
from tests.theory.estimates import Estimates, measure
from tests.theory.start import START

CALLS = int(os.environ.get("ESTIMATE_CALLS", "300"))
ENOUGH = 5_000
"""Calls from which on the bounds hold: with fewer, chance is larger than they are."""

WORSE, OFF = (1.1, 0.05) if CALLS >= ENOUGH else (1.3, 0.15)
"""The largest ratio of errors, and how far the share of covered waits may be from what was said."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C2", "A1", "A2"] if CALLS >= ENOUGH else ["A2"])
def test_estimates_are_nearly_as_good_as_known_rates_make_them(admin_database_url: str, name: str) -> None:
    with moved_clock(admin_database_url, start=START) as clock:
        found: Estimates = measure(clock, load_of(name), CALLS)
    print(f"{name}: {found}")  # noqa: T201 - the figures
    assert found.ratio <= WORSE, found
    assert abs(found.covered - 0.8) <= OFF, found
