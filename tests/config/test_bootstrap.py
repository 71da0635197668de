"""uv comes from the configured index, is checked against its pinned hash, and nothing else is used."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.bootstrap import UV_VERSION, UV_WHEELS, BootstrapError, fetch_uv, index_url
from config.checkout import ROOT

pytestmark = pytest.mark.nodb

MACHINE = ("Linux", "x86_64")
NAME = f"uv-{UV_VERSION}-py3-none-{UV_WHEELS[MACHINE][0]}.whl"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package index on this machine; returns its folder of uv."""
    folder = tmp_path / "index" / "uv"
    folder.mkdir(parents=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "index"))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr("platform.system", lambda: MACHINE[0])
        monkeypatch.setattr("platform.machine", lambda: MACHINE[1])
        yield folder
        server.shutdown()
        thread.join()


def publish(index: Path) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as wheel:
        wheel.writestr(f"uv-{UV_VERSION}.data/scripts/uv", "#!/bin/sh\necho uv\n")
    (index / NAME).write_bytes(body.getvalue())
    (index / "index.html").write_text(f'<a href="{NAME}#sha256=whatever">{NAME}</a>')
    return body.getvalue()


def test_the_pinned_wheel_is_unpacked_once(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(publish(index)).hexdigest()
    monkeypatch.setitem(UV_WHEELS, MACHINE, (UV_WHEELS[MACHINE][0], digest))
    tool = fetch_uv(tmp_path / "tools")
    assert tool.stat().st_mode & 0o111
    (index / NAME).unlink()
    assert fetch_uv(tmp_path / "tools") == tool


def test_a_wheel_with_another_hash_is_not_used(index: Path, tmp_path: Path) -> None:
    publish(index)
    with pytest.raises(BootstrapError, match="pinned is"):
        fetch_uv(tmp_path / "tools")
    assert not (tmp_path / "tools").exists()


def test_an_index_without_it_is_named(index: Path, tmp_path: Path) -> None:
    (index / "index.html").write_text("")
    with pytest.raises(BootstrapError, match="does not list uv-"):
        fetch_uv(tmp_path / "tools")


def test_an_unreachable_index_is_named_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    with pytest.raises(BootstrapError, match="Set UV_DEFAULT_INDEX"):
        fetch_uv(tmp_path / "tools")


def test_pip_s_configuration_names_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    configuration = tmp_path / "pip.conf"
    configuration.write_text("[global]\nindex-url = https://mirror.example/simple/\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    assert index_url() == "https://mirror.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    assert index_url() == "https://other.example/simple"


def test_the_lock_file_names_public_registries_only() -> None:

    hosts = set(re.findall(r"(?:https?|file)://([^/\"]*)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
