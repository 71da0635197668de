"""What was found is told as it was kept, and complained of where it does not hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.theory import report
from tests.theory.compared import Compared, Pooled, Stretch, load_of
from tests.theory.long_run import expected, measure

pytestmark = pytest.mark.nodb

SHORT = measure(load_of("C1"), 100)
SUMS = Stretch(calls=60, mean_wait_s=1.5, waiting=0.25, abandoned=0.0)


def made() -> report.Report:
    exact = replace(SHORT, measures=expected(load_of("C1")))
    services = Compared("C1", SHORT, differing=0, most_us=0, seconds=1.0)
    case = Pooled("S1", 100, {"loans": SUMS, "cards": SUMS}, differing=0, most_us=0, seconds=1.0)
    return report.Report({"C1": services}, {"S1": case}, {"C1": exact})


def test_it_is_read_as_it_was_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(report, "KEPT", tmp_path / "bench" / "theory.json")
    made().keep()
    assert report.Report.read() == made()


def test_nothing_is_complained_of_when_all_is_the_same() -> None:
    assert made().complaints() == []


def test_other_waits_and_other_measures_are_complained_of() -> None:
    one = made()
    one.services["C1"] = replace(one.services["C1"], differing=1, most_us=2_000)
    one.cases["S1"] = replace(one.cases["S1"], differing=2)
    off = replace(expected(load_of("C1")), occupancy=0.7 * 1.021)
    one.recursion["C1"] = replace(SHORT, measures=off)
    complaints = one.complaints()
    assert [line.partition(":")[0] for line in complaints] == ["C1", "S1", "C1"]
    assert "2.10%" in complaints[-1]


def test_the_tables_have_a_line_for_each() -> None:
    assert len(made().table().splitlines()) == 2 + 3
    assert "100 waits the same" in made().table()
    assert made().table_of_cases().splitlines()[-1] == "| S1 | cards | 60 | 1.50 | 0.2500 | 0.0000 | 100 of 100 |"


def test_the_plot_has_a_line_and_dots() -> None:
    picture = made().plot()
    assert picture.startswith("<svg")
    assert picture.count("<polyline") == 1
    assert picture.count("<circle") > 10
