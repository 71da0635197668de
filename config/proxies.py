"""The caller's own address: ``X-Forwarded-*`` is believed only when a listed proxy sent it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


def _address(raw: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(raw.strip())
    except ValueError:
        return None


def is_trusted(raw: str) -> bool:
    """Whether that address belongs to a proxy of ours."""
    address = _address(raw)
    return address is not None and any(address in network for network in settings.TRUSTED_PROXIES)


def caller_address(peer: str, forwarded_for: str) -> str:
    """The nearest address on the way from ``peer`` backwards that is no proxy of ours.

    ``forwarded_for`` is the header, nearest last. A malformed entry ends the walk: what lies before it could be
    anybody's invention.
    """
    address = peer
    for entry in reversed(forwarded_for.split(",")):
        if not is_trusted(address) or _address(entry) is None:
            break
        address = entry.strip()
    return address


class TrustedProxies:
    """Middleware that puts the caller's address into ``REMOTE_ADDR`` and drops forwarding headers from strangers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        peer = meta.get("REMOTE_ADDR") or ""
        if is_trusted(peer):
            meta["REMOTE_ADDR"] = caller_address(peer, meta.get("HTTP_X_FORWARDED_FOR", ""))
        else:
            for name in ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"):
                meta.pop(name, None)
        return self.get_response(request)
