"""Customer segments as people write them, a line each: ``gold: head start 90, within 10``."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LINE = re.compile(r"(?P<name>[^:]+):\s*(?P<what>.*)")
PARTS = {
    "head_start_seconds": re.compile(r"head start (\d{1,6})\s*s?"),
    "target_seconds": re.compile(r"within (\d{1,6})\s*s?"),
}
WORDS = {"head_start_seconds": "head start", "target_seconds": "within"}


class SegmentLinesField(forms.CharField):
    """A form's field for `RoutingPolicy.segments`."""

    def prepare_value(self, value: Any) -> Any:
        """Return the lines that are shown; what was typed in error as it was."""
        return show_segments(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        """Return the segments; raise ValidationError that tells the line which is none."""
        return read_segments(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


def read_segments(lines: str) -> dict[str, dict[str, int]]:
    """Return what customers get, by segment; raise ValidationError that tells the line which is none."""
    segments: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line.strip())
        own = _read_parts(found["what"]) if found else None
        if found is None or own is None or found["name"].strip() in segments:
            message = _("Line %(line)d: write each segment once, as in “gold: head start 90, within 10”.")
            raise ValidationError(message % {"line": number})
        segments[found["name"].strip()] = own
    return segments


def show_segments(segments: dict[str, dict[str, int]]) -> str:
    """Return the segments as `read_segments` reads them."""
    return "\n".join(
        f"{name}: {', '.join(f'{WORDS[field]} {value}' for field, value in own.items())}"
        for name, own in segments.items()
    )


def _read_parts(what: str) -> dict[str, int] | None:
    own: dict[str, int] = {}
    for part in filter(None, (text.strip() for text in what.split(","))):
        fields = {field: found for field, pattern in PARTS.items() if (found := pattern.fullmatch(part))}
        if not fields or fields.keys() & own.keys():
            return None
        own |= {field: int(found[1]) for field, found in fields.items()}
    return own
