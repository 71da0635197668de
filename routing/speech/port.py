"""What the project asks of a speech engine, and how one fails."""

from __future__ import annotations

from typing import Protocol


class SpeechEngine(Protocol):
    """Turns text into telephone-quality speech."""

    @property
    def id(self) -> str:
        """Names the engine and everything about it that changes the sound; a part of the cache's key."""

    def voice(self, language: str) -> str:
        """The voice that speaks a language code such as `zh-hans`; raises UnspokenLanguage."""

    def synthesize(self, text: str, language: str) -> bytes:
        """The text as a WAV file: 8 kHz, mono, 16 bit. Blocks.

        Raises UnspokenLanguage, SpeechUnavailable or SpeechFailed.
        """


class SpeechError(Exception):
    """A text could not be spoken."""


class SpeechMisconfigured(SpeechError):
    """The settings ask for an engine that does not exist or is not allowed."""


class SpeechUnavailable(SpeechError):
    """The engine's program is not on this machine."""


class SpeechFailed(SpeechError):
    """The engine was asked and did not deliver."""


class UnspokenLanguage(SpeechError):
    """No voice speaks this language."""

    def __init__(self, language: str, spoken: tuple[str, ...]) -> None:
        super().__init__(f"no voice speaks {language!r}; the voices speak {', '.join(spoken)}")
        self.language = language
