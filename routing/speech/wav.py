"""Telephone-quality WAV: 8 kHz, mono, 16 bit, little-endian."""

from __future__ import annotations

import io
import math
import sys
import wave
from array import array
from collections.abc import Sequence
from functools import lru_cache
from operator import mul

TELEPHONE_RATE_HZ = 8000
SAMPLE_BYTES = 2
LOUDEST, SOFTEST = 32767, -32768

# The telephone's band ends at 3.4 kHz. The filter's slope begins there and is down before 4.6 kHz, which would fold
# back to 3.4 kHz: a Hann-windowed sinc that reaches 1.1 ms to either side, which is 48 taps at 22.05 kHz.
CUTOFF_HZ = 3700.0
REACH_SECONDS = 24 / 22050


def telephone_wav(wav: bytes) -> bytes:
    """A mono 16-bit WAV of any rate of 8 kHz or more, as 8 kHz; raises ValueError on another kind of file.

    The length in the header is not believed: a program that writes to a pipe does not know it beforehand.
    """
    try:
        with wave.open(io.BytesIO(wav)) as reader:
            form = (reader.getnchannels(), reader.getsampwidth())
            rate = reader.getframerate()
            frames = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file: {error}") from error
    if form != (1, SAMPLE_BYTES) or rate < TELEPHONE_RATE_HZ:
        raise ValueError(f"expected mono, 16 bit, at least 8000 Hz; got {form[0]} channels, {form[1]} bytes, {rate} Hz")
    samples = array("h", frames[: len(frames) - len(frames) % SAMPLE_BYTES])
    if sys.byteorder == "big":
        samples.byteswap()
    return write_wav(resample(samples, rate))


def resample(samples: Sequence[int], rate: int) -> array[int]:
    """Brings samples at `rate` Hz to 8 kHz, with what 8 kHz cannot carry filtered out first.

    A windowed-sinc polyphase filter (Smith, "Digital Audio Resampling"): each output sample is the sum of the inputs
    around it, weighted by one of a few sets of taps, as positions repeat every `rate / gcd` inputs.
    """
    if rate == TELEPHONE_RATE_HZ:
        return array("h", samples)
    divisor = math.gcd(rate, TELEPHONE_RATE_HZ)
    step, phases = rate // divisor, TELEPHONE_RATE_HZ // divisor
    half = math.ceil(rate * REACH_SECONDS)
    taps = _taps(rate, phases, half)
    padded = array("h", bytes(SAMPLE_BYTES * half))
    padded.extend(samples)
    padded.extend(array("h", bytes(SAMPLE_BYTES * half)))
    output = array("h")
    for index in range(len(samples) * phases // step):
        first, phase = divmod(index * step, phases)
        value = round(sum(map(mul, taps[phase], padded[first + 1 : first + 1 + 2 * half])))
        output.append(max(SOFTEST, min(LOUDEST, value)))
    return output


@lru_cache(maxsize=4)
def _taps(rate: int, phases: int, half: int) -> tuple[tuple[float, ...], ...]:
    """The weights for an output that lies `phase / phases` of an input sample after one; each set adds up to 1."""
    turn = 2 * CUTOFF_HZ / rate
    sets: list[tuple[float, ...]] = []
    for phase in range(phases):
        distances = [tap - (half - 1) - phase / phases for tap in range(2 * half)]
        weights = [_sinc(turn * distance) * _hann(distance / half) for distance in distances]
        total = sum(weights)
        sets.append(tuple(weight / total for weight in weights))
    return tuple(sets)


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def _hann(x: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * x) if abs(x) < 1 else 0.0


def write_wav(samples: array[int]) -> bytes:
    """8 kHz samples as a WAV file."""
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(TELEPHONE_RATE_HZ)
        writer.writeframes(samples.tobytes())
    return buffer.getvalue()
