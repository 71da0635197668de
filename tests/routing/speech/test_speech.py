"""Text becomes sound files, once, whole, and never silently nothing."""

from __future__ import annotations

import io
import os
import shutil
import stat
import threading
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from routing.speech import (
    SPOKEN_LANGUAGES,
    SpeechCache,
    SpeechFailed,
    SpeechMisconfigured,
    SpeechUnavailable,
    UnspokenLanguage,
    queue_position_phrase,
    speech_engine,
    wait_phrase,
)
from routing.speech.engines import EspeakNg, SilentSpeech

pytestmark = pytest.mark.nodb

SENTENCES = {"en": "Welcome to Acme.", "zh-hans": "欢迎致电。"}


class CountingSpeech(SilentSpeech):
    """Counts what it is asked, and can be made to wait or to fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.barrier: threading.Barrier | None = None
        self.fails = False

    def synthesize(self, text: str, language: str) -> bytes:
        self.asked.append((text, language))
        if self.barrier is not None:
            self.barrier.wait(timeout=10)
        if self.fails:
            raise SpeechFailed("hoarse")
        return super().synthesize(text, language)


@pytest.fixture
def engine() -> CountingSpeech:
    return CountingSpeech()


@pytest.fixture
def cache(tmp_path: Path, engine: CountingSpeech) -> SpeechCache:
    return SpeechCache(tmp_path / "sounds", engine)


def script(path: Path, *lines: str) -> str:
    """A program that stands in for espeak-ng where its failures are wanted."""
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return str(path)


# The cache


def test_a_text_is_spoken_once(cache: SpeechCache, engine: CountingSpeech) -> None:
    first = cache.path_for("Hello  there.\n", "en")
    assert cache.path_for(" Hello there.", "en") == first
    assert engine.asked == [("Hello there.", "en")]


def test_the_file_is_named_by_its_hash_and_readable_by_the_exchange(cache: SpeechCache, tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        path = cache.path_for("Hello.", "en")
    finally:
        os.umask(mask)
    assert path.parent == tmp_path / "sounds"
    assert path.suffix == ".wav"
    assert len(path.stem) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_text_language_and_engine_each_make_another_file(cache: SpeechCache, tmp_path: Path) -> None:
    class OtherSpeech(SilentSpeech):
        @property
        def id(self) -> str:
            return "other/1"

    paths = {
        cache.path_for("1", "en"),
        cache.path_for("2", "en"),
        cache.path_for("1", "zh-hans"),
        SpeechCache(tmp_path / "sounds", OtherSpeech()).path_for("1", "en"),
    }
    assert len(paths) == 4


def test_two_who_speak_the_same_at_once_get_the_same_whole_file(cache: SpeechCache, engine: CountingSpeech) -> None:
    engine.barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: cache.path_for("Hello.", "en"), range(2))
    assert first == second
    assert len(engine.asked) == 2
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    with wave.open(str(first)) as reader:
        assert reader.getnframes() > 0


def test_a_failure_leaves_no_file_and_is_tried_again(cache: SpeechCache, engine: CountingSpeech) -> None:
    engine.fails = True
    with pytest.raises(SpeechFailed, match="hoarse"):
        cache.path_for("Hello.", "en")
    engine.fails = False
    assert cache.path_for("Hello.", "en").exists()


def test_a_write_that_fails_leaves_nothing_behind(
    cache: SpeechCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        cache.path_for("Hello.", "en")
    assert list((tmp_path / "sounds").iterdir()) == []


# The engines


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
def test_silence_is_telephone_quality_and_lasts(language: str) -> None:
    with wave.open(io.BytesIO(SilentSpeech().synthesize(SENTENCES[language], language))) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (8000, 1, 2)
        assert 0.5 < reader.getnframes() / 8000 < 2


def test_silence_is_only_for_the_simulator() -> None:
    assert isinstance(speech_engine("silent", switch="simulator"), SilentSpeech)
    with pytest.raises(SpeechMisconfigured, match="simulator only"):
        speech_engine("silent", switch="asterisk")


def test_espeak_is_for_every_switch_and_others_are_unknown() -> None:
    assert isinstance(speech_engine("espeak-ng", switch="simulator"), EspeakNg)
    assert isinstance(speech_engine("espeak-ng", switch="asterisk"), EspeakNg)
    with pytest.raises(SpeechMisconfigured, match="no speech engine 'festival'"):
        speech_engine("festival", switch="asterisk")


def test_a_missing_program_is_said_plainly_and_not_replaced_by_silence() -> None:
    with pytest.raises(SpeechUnavailable, match="install the package espeak-ng"):
        EspeakNg(program="espeak-ng-that-is-not-there").synthesize("Hello.", "en")


def test_an_unknown_language_is_refused_before_anything_is_started() -> None:
    with pytest.raises(UnspokenLanguage, match="no voice speaks 'fr'; the voices speak en, zh-hans"):
        EspeakNg(program="espeak-ng-that-is-not-there").synthesize("Bonjour.", "fr")


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    program = script(tmp_path / "espeak", "echo 'no such voice' >&2", "exit 3")
    with pytest.raises(SpeechFailed, match="ended with 3: no such voice"):
        EspeakNg(program=program).synthesize("Hello.", "en")


def test_a_program_that_writes_nothing_is_a_failure(tmp_path: Path) -> None:
    program = script(tmp_path / "espeak", "cat >/dev/null")
    with pytest.raises(SpeechFailed, match=r"wrote no speech for 'Hello\.'"):
        EspeakNg(program=program).synthesize("Hello.", "en")


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    program = script(tmp_path / "espeak", "exec tail -f /dev/null")
    with pytest.raises(SpeechFailed, match=r"was not done after 0\.2 s"):
        EspeakNg(program=program, timeout_seconds=0.2).synthesize("Hello.", "en")


def test_the_text_goes_by_standard_input_and_the_voice_by_argument(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    program = script(tmp_path / "espeak", f'echo "$@" >{heard}', f"cat >>{heard}", "exit 1")
    with pytest.raises(SpeechFailed):
        EspeakNg(program=program).synthesize("--help; $(id) [[x]] 您好", "zh-hans")
    assert heard.read_text() == "-v cmn -s 150 -b 1 --stdin --stdout\n--help; $(id) [ [x]] 您好"


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
def test_espeak_ng_speaks_or_is_said_to_be_missing(language: str) -> None:
    """Speaks with the real program; a machine that has none and no right to install it gets the plain refusal."""
    if shutil.which("espeak-ng") is None:
        with pytest.raises(SpeechUnavailable, match="install the package espeak-ng"):
            EspeakNg().synthesize(SENTENCES[language], language)
        return
    with wave.open(io.BytesIO(EspeakNg().synthesize(SENTENCES[language], language))) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (8000, 1, 2)
        assert 0.5 < reader.getnframes() / 8000 < 5
        assert any(reader.readframes(reader.getnframes()))


# Phrases


@pytest.mark.parametrize(
    ("language", "text"), [("en", "You are number 3 in the queue."), ("zh-hans", "您当前排在第3位。")]
)
def test_the_place_in_the_queue_is_told(language: str, text: str) -> None:
    assert queue_position_phrase(3, language) == text


def test_every_voice_can_tell_the_place() -> None:
    for language in SPOKEN_LANGUAGES:
        assert "12" in queue_position_phrase(12, language)


@pytest.mark.parametrize(
    ("seconds", "language", "text"),
    [
        (0, "en", "You will be served in less than one minute."),
        (60, "en", "You will be served in less than one minute."),
        (61, "en", "You will be served in about 2 minutes."),
        (600, "zh-hans", "预计约10分钟后为您服务。"),
        (5, "zh-hans", "预计不到一分钟即可为您服务。"),
    ],
)
def test_the_wait_is_told_in_minutes_and_never_too_short(seconds: float, language: str, text: str) -> None:
    assert wait_phrase(seconds, language) == text


def test_there_is_no_place_before_the_first() -> None:
    with pytest.raises(ValueError, match="begins at 1"):
        queue_position_phrase(0, "en")
    with pytest.raises(UnspokenLanguage):
        queue_position_phrase(1, "fr")
