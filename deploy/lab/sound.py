"""Sound that SIPp plays: RTP packets in capture files, made once and kept with the machine's temporary files."""

from __future__ import annotations

import math
import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

_KEYS = "0123456789*#ABCD"
_KEY_PACKETS = 8
_EVENT_PAYLOAD_TYPE = 101
_SSRC = 0x486F7453
_LOOPBACK = 0x7F000001


def tone(seconds: float) -> Path:
    """A 440 Hz tone in RTP packets of 20 ms, G.711 µ-law, as a capture file that SIPp plays. Made once."""
    packets = max(1, round(seconds * 50))
    samples = bytes(_mulaw(round(8000 * math.sin(2 * math.pi * 440 * n / 8000))) for n in range(8000))
    return _captured(
        f"tone-{packets}",
        [
            struct.pack("!BBHII", 0x80, 0, n, 160 * n, _SSRC) + samples[160 * n % 8000 : 160 * n % 8000 + 160]
            for n in range(packets)
        ],
    )


def key_tone(key: str, turn: int) -> Path:
    """A key as telephone events (RFC 4733): 100 ms, its end said three times. Made once.

    ``turn`` counts the keys of a call: their time stamps must rise, or the exchange takes a later key for an old one.
    """
    event = _KEYS.index(key.upper())
    began = 16_000 * (turn + 1)
    packets = []
    for n in range(_KEY_PACKETS):
        marker = 0x80 if n == 0 else 0
        end = 0x80 if n >= _KEY_PACKETS - 3 else 0
        duration = 160 * min(n + 1, _KEY_PACKETS - 2)
        header = struct.pack("!BBHII", 0x80, marker | _EVENT_PAYLOAD_TYPE, 1000 * (turn + 1) + n, began, _SSRC)
        packets.append(header + struct.pack("!BBH", event, end | 10, duration))
    return _captured(f"key-{event}-{turn}", packets)


def _captured(name: str, packets: Sequence[bytes]) -> Path:
    """A capture file (libpcap, Ethernet) of RTP packets 20 ms apart, made unless it is there."""
    path = Path(tempfile.gettempdir()) / f"hotseat-{name}.pcap"
    if path.exists():
        return path
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, rtp in enumerate(packets):
        udp = struct.pack("!HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, _LOOPBACK, _LOOPBACK)
        frame = b"\0" * 12 + b"\x08\x00" + ip + udp
        out.append(struct.pack("<IIII", number // 50, number % 50 * 20_000, len(frame), len(frame)) + frame)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_bytes(b"".join(out))
    partial.replace(path)
    return path


def _mulaw(sample: int) -> int:
    """One 16-bit sample as G.711 µ-law (ITU-T G.711, table 2)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF
