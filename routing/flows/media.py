"""What a flow lets the caller hear: prompts as they are defined, and media as they are played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A prompt that is spoken; one text for each language code, at least one."""

    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordedSound:
    """A prompt that was recorded, by the name of the tenant's sound."""

    name: str


Prompt = SpokenText | RecordedSound


@dataclass(frozen=True, slots=True)
class Say:
    """One text to speak, and the language that it is written in."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Sound:
    """One recorded sound to play."""

    name: str


Media = Say | Sound


def media_for(prompt: Prompt, *, languages: tuple[str, ...]) -> Media:
    """The prompt in the first of `languages` that it has a text for, else in its own first one.

    A caller who hears the wrong language is better served than one who hears nothing.
    """
    if isinstance(prompt, RecordedSound):
        return Sound(prompt.name)
    language = next((code for code in languages if code in prompt.texts), next(iter(prompt.texts)))
    return Say(prompt.texts[language], language)
