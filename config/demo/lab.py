"""Making the demo's telephones known to the real exchange, where there is one."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from deploy.lab import endpoints, exchange


def plug_in(story: dict[str, Any]) -> None:
    """Let the checkout's Asterisk know the stations of the story, if that is the switch. Raises LabError."""
    lab = exchange.load()
    if settings.HOTSEAT_SWITCH != "asterisk" or lab is None:
        return
    endpoints.add(
        lab,
        [
            endpoints.Endpoint(endpoint=station["endpoint"], password=station["sip_password"])
            for tenant in story["tenants"]
            for station in tenant["stations"]
        ],
    )
