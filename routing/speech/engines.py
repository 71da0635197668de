"""The speech engines: espeak-ng, and silence for the simulator."""

from __future__ import annotations

import shutil
import subprocess
from array import array

from routing.speech.port import SpeechEngine, SpeechFailed, SpeechMisconfigured, SpeechUnavailable
from routing.speech.voices import voice_for
from routing.speech.wav import SAMPLE_BYTES, TELEPHONE_RATE_HZ, telephone_wav, write_wav

PROGRAM = "espeak-ng"
TIMEOUT_SECONDS = 30.0
WORDS_PER_MINUTE = 150


class EspeakNg:
    """Speaks with the espeak-ng program, one process for each text."""

    def __init__(self, *, program: str = PROGRAM, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._program = program
        self._timeout_seconds = timeout_seconds

    @property
    def id(self) -> str:
        return f"espeak-ng/1/{WORDS_PER_MINUTE}"

    def voice(self, language: str) -> str:
        return voice_for(language)

    def synthesize(self, text: str, language: str) -> bytes:
        voice = self.voice(language)
        program = shutil.which(self._program)
        if program is None:
            raise SpeechUnavailable(
                f"{self._program} is not on this machine: install the package espeak-ng, or, with the simulator as the "
                "switch, set the speech engine to silent"
            )
        command = [program, "-v", voice, "-s", str(WORDS_PER_MINUTE), "-b", "1", "--stdin", "--stdout"]
        # espeak-ng reads what stands in double brackets as codes of sounds, not as words.
        words = text.replace("[[", "[ [").encode()
        try:
            done = subprocess.run(command, input=words, capture_output=True, timeout=self._timeout_seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise SpeechFailed(f"{self._program} was not done after {self._timeout_seconds:g} s") from error
        except OSError as error:
            raise SpeechFailed(f"{self._program} could not be started: {error}") from error
        if done.returncode != 0:
            complaint = done.stderr.decode(errors="replace").strip()
            raise SpeechFailed(f"{self._program} ended with {done.returncode}: {complaint}")
        try:
            return telephone_wav(done.stdout)
        except ValueError as error:
            raise SpeechFailed(f"{self._program} wrote no speech for {text[:40]!r}: {error}") from error


class SilentSpeech:
    """Silence about as long as the text would take: for simulated callers, who do not listen."""

    _SECONDS_PER_BYTE = 0.06
    _LONGEST_SECONDS = 60.0

    @property
    def id(self) -> str:
        return "silent/1"

    def voice(self, language: str) -> str:
        return voice_for(language)

    def synthesize(self, text: str, language: str) -> bytes:
        self.voice(language)
        # By bytes: a Chinese character has three in UTF-8 and takes about three times as long to say as a letter.
        seconds = min(self._LONGEST_SECONDS, len(text.encode()) * self._SECONDS_PER_BYTE)
        return write_wav(array("h", bytes(SAMPLE_BYTES * int(seconds * TELEPHONE_RATE_HZ))))


def speech_engine(name: str, *, switch: str) -> SpeechEngine:
    """The engine that the settings name: `espeak-ng`, or `silent`, which only the switch `simulator` may have.

    Nothing falls back to silence by itself: a caller who hears nothing hangs up. Raises SpeechMisconfigured.
    """
    if name == "espeak-ng":
        return EspeakNg()
    if name == "silent" and switch == "simulator":
        return SilentSpeech()
    if name == "silent":
        raise SpeechMisconfigured(f"the speech engine silent is for the switch simulator only, not for {switch!r}")
    raise SpeechMisconfigured(f"there is no speech engine {name!r}; choose espeak-ng or silent")
