"""Ports on the loopback interface that are free, remembered so that a checkout keeps its own."""

from __future__ import annotations

import random
import socket

CANDIDATES = range(15400, 19400)  # below Linux' range for outgoing connections


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(*, taken: set[int]) -> int:
    """A free port that is not in ``taken``; at random, so that two checkouts seldom want the same one."""
    order = random.sample(CANDIDATES, len(CANDIDATES))
    return next(port for port in order if port not in taken and is_free(port))
