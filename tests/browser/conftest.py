"""A running site and a browser that looks at it: real pages, real sockets, real database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import CHROMIUM
from tests.waiting import until

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_S = 30
PATIENCE_MS = 15_000
"""Without the relay a page is right again after the socket's next look at everything, at most 5 s later."""


@pytest.fixture
def site() -> Iterator[str]:
    """The web process on this worker's database; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-W", "ignore", "-m", "uvicorn", "config.asgi:application", "--lifespan", "off"]
    web = subprocess.Popen([*command, "--port", str(port), "--log-level", "warning"], env=environment)
    try:
        _wait_until_it_listens(web, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        # Killed, not asked: an open socket would make it wait, and there is nothing that it could lose.
        web.kill()
        web.wait()


def _wait_until_it_listens(web: subprocess.Popen[bytes], port: int) -> None:
    def listens() -> bool:
        assert web.poll() is None, "the web process ended"
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until("the web process listens", listens, within_s=START_S)


@pytest.fixture(scope="session")
def browser_process() -> Iterator[Browser]:
    """Debian's Chromium."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps a loop in this thread, which makes Django refuse plain database calls.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser_process: Browser, site: str) -> Iterator[BrowserContext]:
    """A fresh profile with the size of a small laptop."""
    context = browser_process.new_context(base_url=site, viewport={"width": 1280, "height": 720}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; the test fails when a script of it does, or when the content policy stops something."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    assert faults == []
