"""``manage.py web``: the web process."""

from __future__ import annotations

import signal
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand

from config.env import read
from config.runs import told_run

# WebSockets hold a shutdown up for ever otherwise; their clients come back by themselves.
GRACE_S = 3


class Command(BaseCommand):
    """Serves pages, the API and WebSockets by uvicorn."""

    help = __doc__ or ""
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal says stop."""
        environment = read()
        # uvicorn raises the signal that stopped it once more, afterwards: the run's end is still to be told.
        signal.signal(signal.SIGTERM, lambda *_: None)
        with told_run("web"):
            uvicorn.run(
                "config.asgi:application",
                host=environment["HOTSEAT_BIND"],
                port=environment["HOTSEAT_PORT"],
                # Who is believed about a caller's address is config.proxies' business.
                proxy_headers=False,
                server_header=False,
                access_log=False,
                log_config=None,
                ws_max_size=65_536,
                timeout_graceful_shutdown=GRACE_S,
            )
