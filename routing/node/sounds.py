"""What a command says is to be heard, as sound files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from routing.speech import SpeechCache

RECORDED = "recorded"


class Sounds:
    """Finds or makes the files of a playback: words are spoken once and kept, recordings lie in `recorded/`."""

    def __init__(self, *, directory: Path, speech: SpeechCache) -> None:
        self._directory, self._speech = directory, speech

    def paths(self, media: Sequence[Mapping[str, str]]) -> list[str]:
        """Return the files' absolute paths without extension, in order. Blocks; raises SpeechError, OSError."""
        return [str(self._path(item).with_suffix("")) for item in media]

    def _path(self, item: Mapping[str, str]) -> Path:
        if "say" in item:
            return self._speech.path_for(item["say"], item["language"])
        return self._directory / RECORDED / f"{item['sound']}.wav"
