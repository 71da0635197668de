"""``python -m config.messages``: compile the translations, so that no gettext need be installed to run.

With ``--check`` it fails, naming them, when a string of the code or a page is not in a catalogue, or when its
translation is missing, marked fuzzy, or has other placeholders than its source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

from config.checkout import ROOT

SHOWN = 20
PACKAGES = ("agents", "billing", "config", "reporting", "routing", "tenants")
PLAIN, PLURAL, CONTEXT = None, (1, 2), ((1, "c"), 2)
CALLS = {
    "_": PLAIN,
    "gettext": PLAIN,
    "gettext_lazy": PLAIN,
    "gettext_noop": PLAIN,
    "ngettext": PLURAL,
    "ngettext_lazy": PLURAL,
    "pgettext": CONTEXT,
    "pgettext_lazy": CONTEXT,
}
"""What marks a string, and which of its arguments are the string, its plural and its context."""


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


def marked() -> Iterator[tuple[str, str, str | None]]:
    """Every string that code or a page marks for translation: where, the (singular) string, its context."""
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.*")):
        if path.suffix not in {".py", ".html"}:
            continue
        text = path.read_text(encoding="utf-8")
        source = templatize(text, origin=str(path)) if path.suffix == ".html" else text
        for line, found, _comments, context in extract("python", BytesIO(source.encode()), keywords=CALLS):
            yield f"{path.relative_to(ROOT)}:{line}", found if isinstance(found, str) else found[0], context


def absent(path: Path) -> list[str]:
    """Which marked strings a catalogue does not have, one line each."""
    catalogue = load(path)
    return [
        f"{where}: {string!r}: not in {path.relative_to(ROOT)}; run manage.py makemessages"
        for where, string, context in marked()
        if catalogue.get(string, context) is None
    ]


def problems(path: Path) -> list[str]:
    """What is wrong with a catalogue, one line each."""
    found = []
    for message in load(path):
        if message.id:
            found += [
                f"{path.relative_to(ROOT)}:{message.lineno}: {message.id!r}: {fault}" for fault in _faults(message)
            ]
    return found


def check() -> list[str]:
    """What is wrong with the catalogues, the first lines of it."""
    wrong = [line for path in catalogues() for line in absent(path) + problems(path)]
    return wrong[:SHOWN] + ([f"… and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else [])


if __name__ == "__main__":
    compile_all()
    if "--check" in sys.argv[1:] and (wrong := check()):
        sys.exit("\n".join(wrong))
