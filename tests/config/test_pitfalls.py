"""The table of others' defects names tests that are there, and that quote what they hold off."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from config.checkout import ROOT

pytestmark = pytest.mark.nodb

TABLE = ROOT / "docs" / "pitfalls.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
REPORT = re.compile(r"[\w./-]+#\d+|GHSA-[\w-]+|Twilio|Wazo")
FEWEST_ROWS = 30


def rows() -> list[tuple[str, str]]:
    """What was reported where, and what holds it off, of each line of the table."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return [(row[0], row[-1]) for row in cells]


@cache
def docstrings(path: str) -> dict[str, str]:
    """The tests of a file with their docstrings."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: ast.get_docstring(node) or "" for node in functions if node.name.startswith("test_")}


def test_every_line_is_there() -> None:
    assert len(rows()) >= FEWEST_ROWS


@pytest.mark.parametrize(("reported", "held_by"), rows())
def test_a_line_names_tests_that_are_there_and_quote_it(reported: str, held_by: str) -> None:
    named = NAMED.findall(held_by)
    if not named:
        assert held_by.startswith("later: "), "neither tested nor put off"
        return
    missing = [f"{path}::{name}" for path, name in named if name not in docstrings(path)]
    assert missing == []
    quoted = " ".join(docstrings(path)[name] for path, name in named)
    reports = REPORT.findall(reported)
    assert any(report in quoted for report in reports), f"no test quotes one of {reports}"
