"""Addresses of the WebSockets."""

from __future__ import annotations

from typing import Any

from django.urls import path

from reporting.topics import BoardTopic
from routing.topics import DeskTopic
from tenants.live.consumer import LiveConsumer

live = LiveConsumer.as_asgi(topics=(BoardTopic(), DeskTopic()))

# Channels' own type of a route stands only in its stubs; Django's knows no application.
websocket_urlpatterns: list[Any] = [path("ws/v1/live/", live)]  # type: ignore[arg-type]  # its stubs know only Django's views
