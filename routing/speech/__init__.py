"""Spoken prompts: the port to a speech engine, its adapters, the cache of what was spoken, and phrases to speak."""

from routing.speech.cache import SpeechCache
from routing.speech.engines import speech_engine
from routing.speech.phrases import queue_position_phrase, wait_phrase
from routing.speech.port import (
    SpeechEngine,
    SpeechError,
    SpeechFailed,
    SpeechMisconfigured,
    SpeechUnavailable,
    UnspokenLanguage,
)
from routing.speech.voices import SPOKEN_LANGUAGES

__all__ = [
    "SPOKEN_LANGUAGES",
    "SpeechCache",
    "SpeechEngine",
    "SpeechError",
    "SpeechFailed",
    "SpeechMisconfigured",
    "SpeechUnavailable",
    "UnspokenLanguage",
    "queue_position_phrase",
    "speech_engine",
    "wait_phrase",
]
