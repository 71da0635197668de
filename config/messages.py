"""``python -m config.messages``: compile the translations, so that no gettext need be installed to run.

With ``--check`` it fails, naming them, when a translation is missing, marked fuzzy, or has other placeholders than its
source.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from config.checkout import ROOT

SHOWN = 20


def catalogues() -> list[Path]:
    """Every catalogue of the project."""
    return sorted((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))


def load(path: Path) -> Catalog:
    """Read a catalogue; its folder names the locale."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=path.stem, abort_invalid=True)


def compile_all() -> None:
    """Write the compiled file beside each catalogue that is newer than it."""
    for path in catalogues():
        target = path.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        catalogue = load(path)
        with target.open("wb") as file:
            write_mo(file, catalogue)


def _faults(message: Message) -> list[str]:
    strings = [message.string] if isinstance(message.string, str) else list(message.string or [""])
    if not all(strings):
        return ["not translated"]
    found = ["marked fuzzy"] if message.fuzzy else []
    return found + [str(error) for error in message.check()]


def problems(path: Path) -> list[str]:
    """What is wrong with a catalogue, one line each."""
    found = []
    for message in load(path):
        if message.id:
            found += [
                f"{path.relative_to(ROOT)}:{message.lineno}: {message.id!r}: {fault}" for fault in _faults(message)
            ]
    return found


if __name__ == "__main__":
    compile_all()
    wrong = [line for path in catalogues() for line in problems(path)] if "--check" in sys.argv[1:] else []
    if wrong:
        rest = [f"… and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        sys.exit("\n".join([*wrong[:SHOWN], *rest]))
