"""What was spoken once is kept as a file, which the switch plays by its path."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from routing.speech.port import SpeechEngine

READABLE_BY_ALL = 0o644


class SpeechCache:
    """Sound files by the hash of what decides their sound.

    Any number of threads and processes may use one directory: a file appears whole or not at all, and two who speak the
    same text at once write the same file.
    """

    def __init__(self, directory: Path, engine: SpeechEngine) -> None:
        self._directory = directory.resolve()
        self._engine = engine

    def path_for(self, text: str, language: str) -> Path:
        """The WAV file (8 kHz, mono, 16 bit) that speaks the text, made now if there is none yet. Blocks.

        Raises SpeechError when the text cannot be spoken and OSError when the file cannot be written.
        """
        words = " ".join(text.split())
        path = self._directory / f"{self._key(words, language)}.wav"
        if not path.exists():
            self._write(path, self._engine.synthesize(words, language))
        return path

    def _key(self, words: str, language: str) -> str:
        parts = [self._engine.id, self._engine.voice(language), language, words]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _write(self, path: Path, content: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._directory, prefix=".", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                # The exchange runs as another user than the one who speaks.
                os.fchmod(file.fileno(), READABLE_BY_ALL)
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
