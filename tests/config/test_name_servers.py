"""Dead name servers are noticed, living ones are not complained of."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.doctor import Verdict, check_names
from config.name_servers import dead_name_servers

pytestmark = pytest.mark.nodb


@pytest.fixture
def port() -> Iterator[int]:
    """A name server on 127.0.0.1 that refuses every question; nobody is at 127.0.0.2."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            question, asker = server.recvfrom(512)
            server.sendto(question[:2] + b"\x81\x05" + question[4:], asker)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def test_only_a_name_server_that_does_not_answer_is_told(tmp_path: Path, port: int) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# written by hand\nsearch example.com\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n")
    assert dead_name_servers(file, port=port, timeout_s=0.3) == ["127.0.0.2"]


def test_without_name_servers_nothing_is_dead(tmp_path: Path) -> None:
    assert dead_name_servers(tmp_path / "none") == []


def test_the_doctor_notes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.doctor.dead_name_servers", lambda: ["192.0.2.1"])
    (finding,) = check_names()
    assert finding.verdict is Verdict.NOTE
    assert "192.0.2.1" in finding.sentence
