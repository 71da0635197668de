"""What stands in front of every view: whose address is believed, how large a body may be, the content policy."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from config.body_limit import BodyLimit, Message
from config.proxies import TrustedProxies, caller_address

pytestmark = pytest.mark.nodb


@pytest.fixture
def one_proxy(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]


@pytest.mark.usefixtures("one_proxy")
@pytest.mark.parametrize(
    ("peer", "header", "caller"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_only_listed_proxies_are_believed(peer: str, header: str, caller: str) -> None:
    assert caller_address(peer, header) == caller


@pytest.mark.usefixtures("one_proxy")
def test_a_stranger_cannot_claim_https_nor_another_address(rf: RequestFactory) -> None:
    seen: list[tuple[str, bool]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((request.META["REMOTE_ADDR"], request.is_secure()))
        return HttpResponse()

    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}
    for peer in ("192.0.2.1", "10.0.0.1"):
        TrustedProxies(view)(rf.get("/", headers=forged, REMOTE_ADDR=peer))
    assert seen == [("192.0.2.1", False), ("127.0.0.1", True)]


async def send_body(chunks: list[bytes], *, declared: bool) -> tuple[int, dict[str, Any]]:
    """What a BodyLimit of 10 bytes round an application that answers with the body's length says."""
    headers = [(b"content-length", str(sum(map(len, chunks))).encode())] if declared else []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
        for index, chunk in enumerate(chunks)
    ]
    sent: list[Any] = []

    async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
        length, more = 0, True
        while more:
            message = await receive()
            length, more = length + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"length": length}).encode()})

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await BodyLimit(inner, limit=10)({"type": "http", "headers": headers}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_up_to_the_limit_passes(declared: bool) -> None:
    assert await send_body([b"12345", b"67890"], declared=declared) == (200, {"length": 10})


@pytest.mark.parametrize("declared", [True, False])
async def test_a_larger_body_is_answered_413_with_a_problem(declared: bool) -> None:
    status, problem = await send_body([b"12345", b"67890", b"1"], declared=declared)
    assert status == 413
    assert problem["status"] == 413
    assert problem["code"] == "body-too-large"
    assert "10 bytes" in problem["detail"]


def test_pages_forbid_inline_scripts_except_in_the_library_s_administration(client: Client) -> None:
    assert "script-src 'self';" in client.get("/healthz").headers["Content-Security-Policy"] + ";"
    assert "'unsafe-eval'" in client.get("/admin/login/", follow=False).headers["Content-Security-Policy"]
