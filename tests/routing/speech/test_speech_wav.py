"""Sound comes out at telephone quality: right pitch, right loudness, nothing folded back from above."""

from __future__ import annotations

import io
import math
import struct
import wave
from array import array

import pytest

from routing.speech.wav import resample, telephone_wav, write_wav

pytestmark = pytest.mark.nodb

ESPEAK_RATE_HZ = 22050


def tone(frequency_hz: float, *, rate: int = ESPEAK_RATE_HZ) -> array[int]:
    """Half a second with an amplitude of 10,000."""
    turns = 2 * math.pi * frequency_hz / rate
    return array("h", (round(10_000 * math.sin(turns * index)) for index in range(rate // 2)))


def wav(samples: array[int], *, rate: int = ESPEAK_RATE_HZ, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(samples.tobytes())
    return buffer.getvalue()


def level(samples: array[int], frequency_hz: float) -> float:
    """The amplitude at one frequency of samples at 8 kHz, away from the edges (Goertzel, by definition)."""
    middle = samples[400:3600]
    turns = 2 * math.pi * frequency_hz / 8000
    real = sum(value * math.cos(turns * index) for index, value in enumerate(middle))
    imaginary = sum(value * math.sin(turns * index) for index, value in enumerate(middle))
    return 2 * math.hypot(real, imaginary) / len(middle)


@pytest.mark.parametrize("rate", [22050, 16000, 44100])
@pytest.mark.parametrize("frequency_hz", [200, 1000, 2500])
def test_a_tone_of_the_voice_keeps_its_pitch_and_loudness(rate: int, frequency_hz: float) -> None:
    output = resample(tone(frequency_hz, rate=rate), rate)
    assert len(output) == 4000
    assert level(output, frequency_hz) == pytest.approx(10_000, rel=0.03)


@pytest.mark.parametrize("rate", [22050, 16000, 44100])
@pytest.mark.parametrize("frequency_hz", [4700, 5000, 7000])
def test_a_tone_that_8_khz_cannot_carry_is_gone(rate: int, frequency_hz: float) -> None:
    output = resample(tone(frequency_hz, rate=rate), rate)
    assert max(abs(value) for value in output[400:3600]) < 100


def test_loud_sound_is_clipped_not_wrapped() -> None:
    square = array("h", ([32767] * 50 + [-32768] * 50) * 100)
    output = resample(square, ESPEAK_RATE_HZ)
    assert max(output) == 32767
    assert min(output) == -32768


def test_sound_at_8_khz_stays_as_it_is() -> None:
    samples = tone(1000, rate=8000)
    assert telephone_wav(wav(samples, rate=8000)) == write_wav(samples)


def test_the_result_is_8_khz_mono_16_bit() -> None:
    with wave.open(io.BytesIO(telephone_wav(wav(tone(1000))))) as reader:
        form = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth(), reader.getnframes())
    assert form == (8000, 1, 2, 4000)


def test_the_length_in_the_header_of_a_piped_file_is_not_believed() -> None:
    piped = bytearray(wav(tone(1000)))
    piped[4:8] = struct.pack("<I", 0x7FFFF024)
    piped[40:44] = struct.pack("<I", 0x7FFFF000)
    assert telephone_wav(bytes(piped)) == telephone_wav(wav(tone(1000)))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a sound at all", wav(array("h", [0, 0]), channels=2)])
def test_what_is_not_speech_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a WAV file|expected mono"):
        telephone_wav(content)
