"""Identifiers: UUID version 7, made in Python so that every supported PostgreSQL release can do without."""

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0

TIMESTAMP_SHIFT = 80
COUNTER_BITS = 12


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7, method 3): larger than every one this process made before.

    The first 48 bits are Unix milliseconds; the 12 bits after the version hold the fraction of the millisecond,
    which is bumped when two calls fall together. The remaining 62 bits are random.
    """
    global _last
    nanoseconds = time.time_ns()
    stamp = (nanoseconds // 1_000_000 << COUNTER_BITS) | (nanoseconds % 1_000_000 * (1 << COUNTER_BITS) // 1_000_000)
    with _lock:
        _last = stamp = max(stamp, _last + 1)
    milliseconds, fraction = stamp >> COUNTER_BITS, stamp & ((1 << COUNTER_BITS) - 1)
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=milliseconds << TIMESTAMP_SHIFT | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)


def uuid7_floor(milliseconds: int) -> UUID:
    """Return the smallest UUID whose timestamp is `milliseconds` (Unix, UTC): a partition's lower bound."""
    return UUID(int=milliseconds << TIMESTAMP_SHIFT)
