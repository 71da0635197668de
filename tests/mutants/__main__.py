"""``python -m tests.mutants [NAME …]``: put each seeded fault into a scratch clone and see that its test notices.

A fault is a patch, ``tests/mutants/NAME.patch``, to product code or schema. Lines before its diff say what it does
(``Fault: …``) and which test must fail (``Caught-by: path::test``). The clone is of the last commit, with services and
databases of its own. First all named tests must pass without any fault; a fault is caught when its test, and not
merely its set-up or the import, fails. Exit status 1 when one survives or no longer applies.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from config.checkout import ROOT

PATCHES = ROOT / "tests" / "mutants"
CLONE = ROOT / "var" / "mutants" / "clone"
RESULT = ROOT / "var" / "bench" / "mutants.json"
LONGEST_S = 300
# A test that was begun by this one must not be taken for a part of its run.
NOT_HANDED_ON = ("HOTSEAT_", "PYTEST_", "DATABASE_URL", "REDIS_URL", "DJANGO_")


@dataclass(frozen=True)
class Mutant:
    """A seeded fault and the test that must notice it."""

    name: str
    fault: str
    caught_by: str


@dataclass(frozen=True)
class Verdict:
    """What became of one: ``caught``, ``SURVIVED``, ``does not apply`` or ``broken`` (the test could not be run)."""

    mutant: str
    fault: str
    caught_by: str
    outcome: str
    seconds: float


def read_mutants(names: Sequence[str]) -> list[Mutant]:
    """The mutants of these names, all when there is none; raises LookupError for one without head lines."""
    found = []
    for path in sorted(PATCHES.glob("*.patch")):
        head = path.read_text(encoding="utf-8").split("diff --git", 1)[0]
        lines = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        if not {"Fault", "Caught-by"} <= lines.keys():
            raise LookupError(f"{path.name} does not say its Fault and what it is Caught-by")
        if not names or path.stem in names:
            found.append(Mutant(path.stem, lines["Fault"], lines["Caught-by"]))
    return found


def make_clone() -> None:
    """Clone the last commit; dependencies are those of this checkout."""
    shutil.rmtree(CLONE, ignore_errors=True)
    CLONE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(CLONE)], check=True)
    (CLONE / ".venv").symlink_to(ROOT / ".venv")
    for built in ("static-build", "tools"):
        if (ROOT / "var" / built).exists():
            (CLONE / "var").mkdir(exist_ok=True)
            (CLONE / "var" / built).symlink_to(ROOT / "var" / built)


def git_apply(name: str, *options: str) -> bool:
    """Apply a patch to the clone; whether it could be."""
    command = ["git", "apply", "-C1", *options, str(PATCHES / f"{name}.patch")]
    return subprocess.run(command, cwd=CLONE, capture_output=True, check=False).returncode == 0


def run_tests(tests: Sequence[str]) -> tuple[int, str]:
    """Run the tests in the clone; pytest's exit status and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(NOT_HANDED_ON)}
    command = [".venv/bin/python", "-m", "pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=CLONE, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        return -1, str(late)
    return done.returncode, done.stdout + done.stderr


def judge(mutant: Mutant) -> str:
    """Put the fault in, run its test, take the fault out."""
    if not git_apply(mutant.name):
        return "does not apply"
    try:
        status, said = run_tests([mutant.caught_by])
    finally:
        git_apply(mutant.name, "--reverse")
    if status == 0:
        return "SURVIVED"
    caught = status == 1 and re.search(r"^FAILED ", said, re.MULTILINE)
    if not caught:
        sys.stderr.write(said[-3000:])
    return "caught" if caught else "broken"


def report(verdicts: Sequence[Verdict]) -> None:
    """Print the table."""
    width = max(len(verdict.mutant) for verdict in verdicts)
    for verdict in verdicts:
        sys.stdout.write(
            f"{verdict.mutant:<{width}}  {verdict.outcome:<14}  {verdict.seconds:6.1f} s  {verdict.caught_by}\n"
        )


def keep(verdicts: Sequence[Verdict], *, commit: str) -> None:
    """Write the whole table where the benchmarks' results are."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    kept = {"commit": commit, "mutants": [asdict(verdict) for verdict in verdicts]}
    RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def main(names: Sequence[str]) -> int:
    """Exit status: 0 when every fault was caught."""
    mutants = read_mutants(names)
    make_clone()
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=CLONE, capture_output=True, text=True, check=True
    ).stdout.strip()
    status, said = run_tests([mutant.caught_by for mutant in mutants])
    if status:
        sys.stderr.write(f"{said[-6000:]}\nWithout any fault the named tests must pass; they do not.\n")
        return 1
    verdicts = []
    for mutant in mutants:
        began = time.monotonic()
        outcome = judge(mutant)
        verdicts.append(
            Verdict(mutant.name, mutant.fault, mutant.caught_by, outcome, round(time.monotonic() - began, 1))
        )
        sys.stderr.write(f"{mutant.name}: {outcome}\n")
    report(verdicts)
    if not names:
        keep(verdicts, commit=commit)
    shutil.rmtree(CLONE, ignore_errors=True)
    return 0 if all(verdict.outcome == "caught" for verdict in verdicts) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these (default: all)")
    sys.exit(main(parser.parse_args().names))
