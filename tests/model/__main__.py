"""``python -m tests.model [--write]``: check the protocol model exhaustively, and see that each guard is needed.

Without its guards the model must break; what happens then is told in ``docs/model/without-….md``, which ``--write``
writes and every other run compares. Exit status 1 when the model breaks with all its guards, when it does not break
without one, or when a text is behind. The checker is spin; Debian's package is installed when it is missing (root).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.checkout import ROOT

MODEL = ROOT / "docs" / "model" / "hotseat.pml"
PACKAGES = {"spin": "spin", "gcc": "gcc", "cpp": "cpp"}
HOLDS = "holds"
MOST_MB = 1900


class ModelError(Exception):
    """The check could not be made; the message says why."""


@dataclass(frozen=True)
class Run:
    """One search: what is asked, the model's settings, and the guard that is taken away."""

    asks: str
    settings: tuple[str, ...]
    guard: str = ""
    cycles: bool = False

    @property
    def text(self) -> Path:
        """Where its counter-example is told."""
        return MODEL.parent / f"without-{self.guard.removeprefix('WITHOUT_').lower().replace('_', '-')}.md"


@dataclass(frozen=True)
class Result:
    """What came of a run. `story` is the counter-example, step by step; empty when everything holds."""

    states: int
    seconds: float
    megabytes: int
    story: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """What is broken, or that nothing is."""
        return self.story[-1].removeprefix("BROKEN: ") if self.story else HOLDS


PROOFS = (
    Run("3 callers, 1 misfortune, and every run ends", ("CALLERS=3", "MISFORTUNES=1", "EVERY_RUN_ENDS"), cycles=True),
    Run("2 callers, 2 misfortunes", ("CALLERS=2", "MISFORTUNES=2")),
)
GUARDS = (
    Run("the fence of the switch worker's lease", ("CALLERS=1", "MISFORTUNES=2"), "WITHOUT_FENCE"),
    Run("the pool's lock", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_LOCK"),
    Run("commit before match", ("CALLERS=2", "MISFORTUNES=0"), "WITHOUT_COMMIT_FIRST"),
    Run("the second look under the rows' locks", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_SECOND_LOOK"),
    Run("the offer's lease", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_LEASE"),
    Run("the offer's fence", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_OFFER_FENCE"),
    Run("a dial is never repeated", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_DIAL_ONCE"),
    Run("reconciliation", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_RECONCILIATION"),
    Run("the sweep", ("CALLERS=2", "MISFORTUNES=1"), "WITHOUT_SWEEP"),
)


def install() -> None:
    """Install what is missing of spin and its C compiler; raises ModelError where that cannot be done."""
    missing = [package for tool, package in PACKAGES.items() if shutil.which(tool) is None]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ModelError(f"Missing: {names}. On Debian, as root: apt-get install --no-install-recommends {names}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-qq"], environment=environment)
    call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], environment=environment)


def call(command: Sequence[str], *, where: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it said; raises ModelError when it fails."""
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode:
        raise ModelError(f"`{' '.join(command)}` failed with status {done.returncode}:\n{said[-2000:]}")
    return said


def check(run: Run) -> Result:
    """Search all states of one run. A guard's is searched in breadth, so that its counter-example is the shortest;
    compiling would take longer than these searches, so they go without optimisation."""
    defines = [f"-D{setting}" for setting in (*run.settings, *([run.guard] if run.guard else []))]
    options = ["-O2", "-DNOREDUCE"] if not run.guard else ["-O0", "-DBFS"]
    options += [] if run.cycles else ["-DSAFETY", "-DNOCLAIM"]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        # Spin names the trail after the model, which therefore lies beside it.
        shutil.copy(MODEL, place)
        call(["spin", *defines, "-a", MODEL.name], where=place)
        call(["gcc", *options, f"-DMEMLIM={MOST_MB}", "-w", "-o", "pan", "pan.c"], where=place)
        said = call(["./pan", "-m10000", "-w24", *(["-a"] if run.cycles else [])], where=place)
        states, errors = re.search(r"(\S+) states, stored", said), re.search(r"errors: (\d+)", said)
        if states is None or errors is None or (errors[1] == "0" and "Search not completed" in said):
            raise ModelError(f"The search of “{run.asks}” did not come to its end:\n{said[-2000:]}")
        if "max search depth too small" in said:
            raise ModelError(f"The search of “{run.asks}” was cut off.")
        memory = re.search(r"(\S+)\s+total actual memory usage", said)
        story = () if errors[1] == "0" else tell(place, defines)
    return Result(int(float(states[1])), time.monotonic() - began, round(float(memory[1])) if memory else 0, story)


def tell(place: Path, defines: Sequence[str]) -> tuple[str, ...]:
    """Replay the counter-example and return its steps in the model's own words, what is broken last."""
    done = subprocess.run(
        ["spin", *defines, "-k", f"{MODEL.name}.trail", "-B", MODEL.name],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    last = next((number for number, line in enumerate(lines) if line.startswith("BROKEN")), None)
    if last is None:
        raise ModelError(f"The counter-example cannot be told:\n{done.stdout[-2000:]}")
    return tuple(lines[: last + 1])


def page(run: Run, result: Result) -> str:
    """Return the counter-example as a page."""
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(result.story[:-1], 1))
    settings = " ".join(f"-D{setting}" for setting in (*run.settings, run.guard))
    return (
        f"# Without {run.asks}\n\n"
        f"*{result.outcome[0].upper()}{result.outcome[1:]}.*\n\n"
        "The shortest run that leads there, told by the model itself. A router is a process that runs matching\n"
        "passes: 1 the switch worker, 2 the engine and the desks.\n\n"
        f"{steps}\n\n"
        f"Written by `python -m tests.model --write` from [hotseat.pml](hotseat.pml) with `{settings}`.\n"
    )


def row(run: Run, result: Result) -> str:
    """Return a line of the table."""
    return (
        f"{run.asks:<44}  {result.states:>11,}  {result.seconds:>6.1f} s  {result.megabytes:>5} MB  {result.outcome}\n"
    )


def main(*, write: bool) -> int:
    """Exit status: 0 when everything holds with the guards, and breaks without each, as the texts say."""
    try:
        install()
        # The last proof has the machine's memory to itself.
        with ThreadPoolExecutor(max_workers=2) as pool:
            first, *broken = pool.map(check, (PROOFS[0], *GUARDS))
        held = [first, *map(check, PROOFS[1:])]
    except ModelError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    complaints = []
    sys.stdout.write(f"{'with every guard':<44}  {'states':>11}  {'time':>8}  {'memory':>8}  result\n")
    for run, result in zip(PROOFS, held, strict=True):
        sys.stdout.write(row(run, result))
        if result.story:
            complaints.append("\n".join([f"“{run.asks}” is broken:", *result.story]))
    sys.stdout.write("\nwithout …\n")
    for run, result in zip(GUARDS, broken, strict=True):
        sys.stdout.write(row(run, result))
        complaints += compare(run, result, write=write)
    for complaint in complaints:
        sys.stderr.write(f"{complaint}\n")
    return 1 if complaints else 0


def compare(run: Run, result: Result, *, write: bool) -> list[str]:
    """Return what is wrong with a guard's counter-example or its text; write the text instead where that is asked."""
    if not result.story:
        return [f"Without {run.asks} nothing breaks: the guard is not needed, or the model does not show why."]
    text = page(run, result)
    if write:
        run.text.write_text(text, encoding="utf-8")
    elif not run.text.exists() or run.text.read_text(encoding="utf-8") != text:
        return [f"{run.text.relative_to(ROOT)} is behind the model: python -m tests.model --write"]
    return []


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the counter-examples' texts")
    sys.exit(main(write=parser.parse_args().write))
