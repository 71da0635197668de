"""When sound first reaches a far end: a packet socket on the loopback, the kernel's time stamps, nothing disturbed."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from deploy.lab.sipp_log import FarCall

_SO_TIMESTAMPNS = 35
_SO_ATTACH_FILTER = 26
_ETH_P_IP = 0x0800
_RECEIVE_BUFFER = 8 << 20
_IP_UDP_RTP_HEADERS = 20 + 8 + 12


def _filter(first_port: int, last_port: int) -> bytes:
    """Classic BPF: packets received (not sent), UDP, destination port in a range."""
    statements = (
        (0x20, 0, 0, 0xFFFFF004),  # ld  packet type
        (0x15, 0, 7, 0),  # jeq #PACKET_HOST
        (0x30, 0, 0, 9),  # ldb [9]  protocol
        (0x15, 0, 5, 17),  # jeq #UDP
        (0xB1, 0, 0, 0),  # ldx 4*([0]&0xf)
        (0x48, 0, 0, 2),  # ldh [x+2]  destination port
        (0x35, 0, 2, first_port),  # jge
        (0x25, 1, 0, last_port),  # jgt
        (0x06, 0, 0, _IP_UDP_RTP_HEADERS),  # take the headers
        (0x06, 0, 0, 0),  # drop
    )
    return b"".join(struct.pack("HBBI", *statement) for statement in statements)


class RtpWatch:
    """While open, remembers for each port when each RTP source was first heard there."""

    def __init__(self, *, first_port: int = 40_000, last_port: int = 59_999) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        program = _filter(first_port, last_port)
        buffer = ctypes.create_string_buffer(program)
        fprog = struct.pack("HL", len(program) // 8, ctypes.addressof(buffer))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._socket.bind(("lo", 0))
        self._heard: dict[int, dict[int, datetime]] = defaultdict(dict)
        self._lock = threading.Lock()
        self._stop_reader, self._stop_writer = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, name="rtp watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop_writer.send(b"x")
        self._thread.join()
        for each in (self._socket, self._stop_reader, self._stop_writer):
            each.close()

    def _listen(self) -> None:
        while True:
            readable, _, _ = select.select([self._socket, self._stop_reader], [], [])
            if self._stop_reader in readable:
                return
            packet, ancillary, _, _ = self._socket.recvmsg(_IP_UDP_RTP_HEADERS, 64)
            if len(packet) == _IP_UDP_RTP_HEADERS and packet[0] == 0x45 and packet[28] & 0xC0 == 0x80:
                self._note(packet, ancillary)

    def _note(self, packet: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        port = int.from_bytes(packet[22:24], "big")
        source = int.from_bytes(packet[36:40], "big")
        if port % 2 or source in self._heard[port]:
            return
        seconds, nanoseconds = struct.unpack("ll", ancillary[0][2][:16])
        with self._lock:
            self._heard[port][source] = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)

    def first(self, port: int, *, after: datetime) -> datetime | None:
        """When something was first heard at a port, by a source that began after a time."""
        with self._lock:
            return min((at for at in self._heard[port].values() if at >= after), default=None)

    def fill(self, calls: Iterable[FarCall]) -> None:
        """Set ``first_rtp_at`` of calls."""
        for call in calls:
            if call.media_port is not None:
                call.first_rtp_at = self.first(call.media_port, after=call.invite_at)
