"""Fetch the pinned ``uv`` with nothing but the Python standard library.

Debian's ``python3`` alone has neither pip nor venv, so the wheel of uv is taken straight from the package index,
checked against the SHA-256 pinned here, and its one binary is put into ``var/tools``. Run as a script
(``python3 config/bootstrap.py``) it prints the path of the binary. It runs before anything is installed, therefore it
imports nothing of the project.

The index is that of ``UV_DEFAULT_INDEX``, ``UV_INDEX_URL``, ``PIP_INDEX_URL`` or pip's configuration, else PyPI.
"""

from __future__ import annotations

import configparser
import hashlib
import html.parser
import io
import os
import platform
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

UV_VERSION = "0.13.9"
UV_WHEELS = {
    ("Linux", "x86_64"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
    ("Darwin", "x86_64"): (
        "macosx_10_12_x86_64",
        "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    ),
    ("Darwin", "arm64"): (
        "macosx_11_0_arm64",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
}
TIMEOUT_S = 180
TOOLS = Path(__file__).resolve().parent.parent / "var" / "tools"


class BootstrapError(Exception):
    """The tool cannot be had; the message says why and what to do."""


class _Links(html.parser.HTMLParser):
    """Collects the targets of the links of a simple index page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def index_url() -> str:
    """The simple index this machine is configured for, without a trailing slash."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(variable):
            return os.environ[variable].rstrip("/")
    files = configparser.ConfigParser(interpolation=None)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    named = os.environ.get("PIP_CONFIG_FILE")
    files.read([Path("/etc/pip.conf"), home / "pip" / "pip.conf", *([Path(named)] if named else [])])
    return files.get("global", "index-url", fallback="https://pypi.org/simple").rstrip("/")


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the URL is the configured index
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, OSError) as error:
        message = f"cannot read {url}: {error}. Set UV_DEFAULT_INDEX to an index that this machine reaches."
        raise BootstrapError(message) from error


def fetch_uv(folder: Path = TOOLS) -> Path:
    """Return the path of the pinned uv, downloading it first when it is not there yet.

    Raises BootstrapError when the platform has no pinned wheel, the index lacks it, or its hash differs.
    """
    target = folder / f"uv-{UV_VERSION}"
    if target.is_file():
        return target
    machine = (platform.system(), platform.machine())
    if machine not in UV_WHEELS:
        raise BootstrapError(f"no uv is pinned for {machine}; put uv on the PATH and say: make setup UV=uv")
    tag, sha256 = UV_WHEELS[machine]
    name = f"uv-{UV_VERSION}-py3-none-{tag}.whl"
    page = f"{index_url()}/uv/"
    links = _Links()
    links.feed(_get(page).decode())
    wheels = [link for link in links.found if urllib.parse.unquote(link.split("#")[0]).split("/")[-1] == name]
    if not wheels:
        raise BootstrapError(f"{page} does not list {name}")
    body = _get(urllib.parse.urljoin(page, wheels[0]))
    found = hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise BootstrapError(f"{name}: its SHA-256 is {found}, pinned is {sha256}; not used")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".uv-{os.getpid()}"
    with zipfile.ZipFile(io.BytesIO(body)) as wheel:
        partial.write_bytes(wheel.read(f"uv-{UV_VERSION}.data/scripts/uv"))
    partial.chmod(0o755)
    partial.replace(target)
    return target


if __name__ == "__main__":
    try:
        print(fetch_uv())
    except BootstrapError as problem:
        sys.exit(f"bootstrap: {problem}")
