"""Identifiers: UUID version 7, made in Python so that every supported PostgreSQL release can do without."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_lock = threading.Lock()
_last = 0
_ahead_ns = 0

TIMESTAMP_SHIFT = 80
COUNTER_BITS = 12
TOLERANCE_NS = 50_000_000
"""By how much this machine's clock may differ from the database's before identifiers follow the database's."""

_EPOCH = datetime.fromtimestamp(0, UTC)


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7, method 3): larger than every one this process made before.

    The first 48 bits are Unix milliseconds; the 12 bits after the version hold the fraction of the millisecond,
    which is bumped when two calls fall together. The remaining 62 bits are random.

    Rows are put in order by them, and events into their month, so a machine whose clock is wrong must not use it:
    see `follow_clock`.
    """
    global _last
    nanoseconds = time.time_ns() + _ahead_ns
    stamp = (nanoseconds // 1_000_000 << COUNTER_BITS) | (nanoseconds % 1_000_000 * (1 << COUNTER_BITS) // 1_000_000)
    with _lock:
        _last = stamp = max(stamp, _last + 1)
    milliseconds, fraction = stamp >> COUNTER_BITS, stamp & ((1 << COUNTER_BITS) - 1)
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=milliseconds << TIMESTAMP_SHIFT | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)


def follow_clock(told: datetime, *, asked_ns: int, heard_ns: int) -> None:
    """Take note of the database's time `told`, for which this machine's clock (ns) stood between two readings.

    An answer that took long says too little and is left out.
    """
    global _ahead_ns, _last
    if not 0 <= heard_ns - asked_ns <= TOLERANCE_NS:
        return
    ahead_ns = (told - _EPOCH) // timedelta(microseconds=1) * 1000 - (asked_ns + heard_ns) // 2
    if abs(ahead_ns - _ahead_ns) > TOLERANCE_NS:
        with _lock:
            _ahead_ns, _last = ahead_ns, 0


def uuid7_floor(milliseconds: int) -> UUID:
    """Return the smallest UUID whose timestamp is `milliseconds` (Unix, UTC): a partition's lower bound."""
    return UUID(int=milliseconds << TIMESTAMP_SHIFT)
