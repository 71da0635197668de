"""Results written into the documents between two marks, so that the page says what the command found."""

from __future__ import annotations

from config.checkout import ROOT

BENCHMARKS = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"


def write_part(name: str, text: str) -> None:
    """Put `text` where the page of benchmarks has the part `name`; raises LookupError when it has none."""
    page = BENCHMARKS.read_text(encoding="utf-8")
    begin, end = f"<!-- written: {name} -->\n", f"<!-- end: {name} -->"
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise LookupError(f"{BENCHMARKS.name} has no part “{name}”")
    BENCHMARKS.write_text(f"{before}{begin}{text.strip()}\n{end}{after}", encoding="utf-8")


def write_image(name: str, svg: str) -> None:
    """Write a plot beside the page."""
    (IMAGES / name).write_text(svg, encoding="utf-8")
