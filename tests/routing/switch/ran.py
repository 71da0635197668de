"""``python -m tests.routing.switch.ran ADAPTER REPORT.xml``: did the whole contract run on this adapter?

Fails unless each of the contract's tests passed in the JUnit report, says that it ran on the adapter, and names the SIP
Call-ID of a call of its own. A test that was skipped, deselected or renamed away shows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.routing.switch.contract import SwitchContract


def listed() -> set[str]:
    """The names of the contract's tests."""
    return {name for name in dir(SwitchContract) if name.startswith("test_")}


def shown(adapter: str, report: Path) -> dict[str, list[str]]:
    """The SIP Call-IDs of each test that passed on the adapter."""
    found: dict[str, list[str]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        properties = [(row.get("name"), row.get("value") or "") for row in case.iter("property")]
        failed = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        if ("adapter", adapter) in properties and not failed:
            name = (case.get("name") or "").partition("[")[0]
            found.setdefault(name, []).extend(value for key, value in properties if key == "sip_call_id" and value)
    return found


def missing(adapter: str, report: Path) -> list[str]:
    """The contract's tests that the report does not show on the adapter."""
    found = shown(adapter, report)
    return sorted(name for name in listed() if not found.get(name))


def main(adapter: str, report: str) -> str | None:
    """What is wrong, if anything."""
    left = missing(adapter, Path(report))
    if left:
        return f"{len(left)} of {len(listed())} contract tests did not run on {adapter}: {', '.join(left)}"
    print(f"all {len(listed())} contract tests ran on {adapter}")  # noqa: T201 - a command's answer
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
