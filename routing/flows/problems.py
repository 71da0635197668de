"""What can be wrong with a flow, told so that its author can put it right."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LONGEST_SHOWN_VALUE = 60


class Severity(StrEnum):
    """An error forbids the flow; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: where (RFC 6901 JSON pointer), what kind (a stable code) and a plain, translated sentence."""

    pointer: str
    code: str
    message: str
    severity: Severity = Severity.ERROR

    def as_json(self) -> dict[str, str]:
        """The finding as the API and the administration show it."""
        return {
            "pointer": self.pointer,
            "code": self.code,
            "message": self.message,
            "severity": self.severity.value,
        }


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer that leads through these keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def shown(value: object) -> str:
    """A value for use in a message: scalars as JSON, cut when long; of a list or an object only that it is one."""
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN_VALUE else text[: LONGEST_SHOWN_VALUE - 1] + "…"
