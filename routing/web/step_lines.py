"""Routing steps as people write them, a line each: ``20: french``, ``60: english, priority +1``, ``300: -> sales``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LINE = re.compile(r"(?P<after>\d{1,6})\s*s?\s*:\s*(?P<what>.*)")
WAY = re.compile(r"(?:->|→)\s*(?P<queue>\S+)")
PRIORITY = re.compile(r"(?:(?P<requires>.*?)(?:,\s*|\s+))?priority\s*(?P<by>[+-]?\d{1,5})")


def read_lines(text: str) -> list[dict[str, Any]]:
    """Return the steps that the lines describe; raise ValidationError that tells the line which is none."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line.strip())
        if found is None:
            message = _("Line %(line)d: write after how many seconds, a colon, and what comes then: “20: french >= 2”.")
            raise ValidationError(message % {"line": number})
        steps.append({"after": int(found["after"]), **_what(found["what"].strip())})
    return steps


def show_lines(steps: Sequence[Mapping[str, Any]]) -> str:
    """Return the steps as `read_lines` reads them."""
    return "\n".join(f"{step['after']}: {_shown(step)}" for step in steps)


def _what(text: str) -> dict[str, Any]:
    # A way may have a priority behind it, as skills may: "-> sales, priority +1".
    priority = PRIORITY.fullmatch(text)
    rest = text if priority is None else (priority["requires"] or "").strip()
    step: dict[str, Any] = {} if priority is None else {"priority": int(priority["by"])}
    way = WAY.fullmatch(rest)
    if way is not None:
        step["queue"] = way["queue"]
    elif rest in {"()", "*"}:
        step["requires"] = ""
    elif rest:
        step["requires"] = rest
    return step


def _shown(step: Mapping[str, Any]) -> str:
    parts = [f"-> {step['queue']}"] if "queue" in step else []
    if "requires" in step:
        parts.append(step["requires"] or "()")
    if "priority" in step:
        parts.append(f"priority {step['priority']:+d}")
    return ", ".join(parts)
