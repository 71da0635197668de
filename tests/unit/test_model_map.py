"""The protocol model's map: what it names exists, in the model and in the code, and no step is without a place."""

from __future__ import annotations

import importlib
import re

import pytest

from config.checkout import ROOT
from tests.model.__main__ import GUARDS

MODEL = (ROOT / "docs" / "model" / "hotseat.pml").read_text(encoding="utf-8")
README = (ROOT / "docs" / "model" / "README.md").read_text(encoding="utf-8")
MAP = README.partition("## The map")[2].partition("## What it leaves out")[0]
ROWS = [line.split("|")[1:3] for line in MAP.splitlines() if line.startswith("| `")]
STEPS = set(re.findall(r"^inline (\w+)\(", MODEL, re.MULTILINE))


def names(text: str) -> set[str]:
    return set(re.findall(r"`([\w.]+)`", text))


@pytest.mark.parametrize("name", sorted(set.union(*(names(code) for _, code in ROWS))))
def test_what_a_step_stands_for_is_in_the_code(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_every_step_of_the_model_is_on_the_map_and_every_name_on_it_is_a_step() -> None:
    outside = names(MAP.rpartition("Outside of our code:")[2])
    assert set.union(outside, *(names(step) for step, _ in ROWS)) == STEPS


def test_each_guard_that_is_taken_away_is_in_the_model_and_its_counter_example_is_shown() -> None:
    assert {guard.guard for guard in GUARDS} == set(re.findall(r"\bWITHOUT_[A-Z_]+", MODEL))
    for guard in GUARDS:
        assert guard.text.exists()
        assert f"]({guard.text.name})" in README
