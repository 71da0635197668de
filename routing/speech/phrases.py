"""Sentences that the platform itself speaks.

They are not in the gettext catalogues: those hold the words of the interface in the language of the person who looks at
it, while these go with the voices, in the language of the caller.
"""

from __future__ import annotations

from math import ceil

from routing.speech.port import UnspokenLanguage

_QUEUE_POSITION = {
    "en": "You are number {position} in the queue.",
    "zh-hans": "您当前排在第{position}位。",
}


_WAIT = {
    "en": ("You will be served in less than one minute.", "You will be served in about {minutes} minutes."),
    "zh-hans": ("预计不到一分钟即可为您服务。", "预计约{minutes}分钟后为您服务。"),
}


def wait_phrase(seconds: float, language: str) -> str:
    """Tells a waiting caller how long it will probably be yet, in whole minutes; raises UnspokenLanguage."""
    if language not in _WAIT:
        raise UnspokenLanguage(language, tuple(_WAIT))
    soon, later = _WAIT[language]
    # A minute and a half is two: nobody minds to be served sooner.
    minutes = ceil(seconds / 60)
    return soon if minutes <= 1 else later.format(minutes=minutes)


def queue_position_phrase(position: int, language: str) -> str:
    """Tells a waiting caller their place, 1 being the next; raises UnspokenLanguage, and ValueError below 1."""
    if position < 1:
        raise ValueError(f"a place in a queue begins at 1, not at {position}")
    if language not in _QUEUE_POSITION:
        raise UnspokenLanguage(language, tuple(_QUEUE_POSITION))
    return _QUEUE_POSITION[language].format(position=position)
