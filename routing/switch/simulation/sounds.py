"""How long a sound lasts."""

from __future__ import annotations

import wave
from pathlib import Path


def duration_s(path: str) -> float | None:
    """Seconds of the sound at `path` (absolute, without extension); None when it cannot be played."""
    try:
        with wave.open(f"{Path(path)}.wav", "rb") as sound:
            return sound.getnframes() / sound.getframerate()
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return None
