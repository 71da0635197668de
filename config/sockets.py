"""Addresses of the WebSockets."""

from __future__ import annotations

from typing import Any

# Channels' own type of a route stands only in its stubs.
websocket_urlpatterns: list[Any] = []
