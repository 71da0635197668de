"""Which espeak-ng voice speaks which of our languages."""

from __future__ import annotations

from routing.speech.port import UnspokenLanguage

_VOICES = {"en": "en", "zh-hans": "cmn"}
SPOKEN_LANGUAGES = tuple(_VOICES)


def voice_for(language: str) -> str:
    """The name of the voice; raises UnspokenLanguage."""
    try:
        return _VOICES[language]
    except KeyError:
        raise UnspokenLanguage(language, SPOKEN_LANGUAGES) from None
