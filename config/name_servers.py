"""Name servers that do not answer: each look-up then waits, and an exchange's SIP threads wait with it (5 s each)."""

from __future__ import annotations

import socket
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")
ASKED = b"\x48\x53\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x00" + b"\x00\x02\x00\x01"
"""One question of RFC 1035: the name servers of the root, by recursion."""


def dead_name_servers(resolv_conf: Path = RESOLV_CONF, *, port: int = 53, timeout_s: float = 1.0) -> list[str]:
    """Return the addresses in a resolver's configuration from which no answer comes within `timeout_s` seconds each.

    Any answer will do, also a refusal.
    """
    if not resolv_conf.exists():
        return []
    lines = (line.split() for line in resolv_conf.read_text(errors="replace").splitlines())
    servers = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    return [server for server in servers if not _answers(server, port, timeout_s)]


def _answers(server: str, port: int, timeout_s: float) -> bool:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout_s)
        try:
            asking.connect((server, port))
            asking.send(ASKED)
            return bool(asking.recv(512))
        except OSError:
            return False
