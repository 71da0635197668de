"""The ASGI application: pages and API by Django, WebSockets by Channels, bodies bounded."""

from __future__ import annotations

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

# Below this line Django's apps are loaded, which what follows needs.
from django.conf import settings  # noqa: E402 - only after Django is set up

from config.body_limit import BodyLimit  # noqa: E402 - only after Django is set up
from config.sockets import websocket_urlpatterns  # noqa: E402 - only after Django is set up

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
