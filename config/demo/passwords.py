"""The demo's secrets: made once, kept in the story, used again when the demo is made again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any


class Secrets:
    """Secrets by what they open ("harbour/2001"), as the last story told them and as they are made now."""

    def __init__(self, story: Mapping[str, Any]) -> None:
        self._known: dict[str, str] = dict(story.get("secrets", {}))

    def password(self, name: str) -> str:
        """The password of that name; a new one unless it is known. 12 characters of 64: about 72 bits."""
        return self._known.setdefault(name, secrets.token_urlsafe(9))

    def knows(self, name: str) -> bool:
        """Whether there is a secret of that name."""
        return name in self._known

    def get(self, name: str) -> str:
        """What is kept under that name, or an empty string."""
        return self._known.get(name, "")

    def keep(self, name: str, value: str) -> None:
        """Keep something that was made elsewhere."""
        self._known[name] = value

    def all(self) -> dict[str, str]:
        """Everything, for the next story."""
        return dict(sorted(self._known.items()))
