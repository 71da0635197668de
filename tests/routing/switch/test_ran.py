"""The check that the whole contract ran notices a test that did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.routing.switch.ran import listed, main, missing

pytestmark = pytest.mark.nodb


def report(path: Path, names: set[str], *, adapter: str = "asterisk", inside: str = "", call_id: str = "1@here") -> str:
    cases = "".join(
        f'<testcase name="{name}"><properties><property name="adapter" value="{adapter}"/>'
        f'<property name="sip_call_id" value="{call_id}"/></properties>{inside}</testcase>'
        for name in names
    )
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return str(path)


def test_a_whole_run_is_accepted(tmp_path: Path) -> None:
    assert len(listed()) > 25
    assert main("asterisk", report(tmp_path / "report.xml", listed())) is None


def test_a_test_that_is_not_there_is_named(tmp_path: Path) -> None:
    left_out = min(listed())
    complaint = main("asterisk", report(tmp_path / "report.xml", listed() - {left_out}))
    assert complaint == f"1 of {len(listed())} contract tests did not run on asterisk: {left_out}"


@pytest.mark.parametrize(
    "flaw", [{"adapter": "simulator"}, {"inside": "<skipped/>"}, {"inside": "<failure/>"}, {"call_id": ""}]
)
def test_other_adapters_skips_failures_and_missing_call_ids_do_not_count(tmp_path: Path, flaw: dict[str, str]) -> None:
    path = Path(report(tmp_path / "report.xml", listed(), **flaw))
    assert set(missing("asterisk", path)) == listed()
