"""Sentences that the platform itself speaks.

They are not in the gettext catalogues: those hold the words of the interface in the language of the person who looks at
it, while these go with the voices, in the language of the caller.
"""

from __future__ import annotations

from routing.speech.port import UnspokenLanguage

_QUEUE_POSITION = {
    "en": "You are number {position} in the queue.",
    "zh-hans": "您当前排在第{position}位。",
}


def queue_position_phrase(position: int, language: str) -> str:
    """Tells a waiting caller their place, 1 being the next; raises UnspokenLanguage, and ValueError below 1."""
    if position < 1:
        raise ValueError(f"a place in a queue begins at 1, not at {position}")
    if language not in _QUEUE_POSITION:
        raise UnspokenLanguage(language, tuple(_QUEUE_POSITION))
    return _QUEUE_POSITION[language].format(position=position)
