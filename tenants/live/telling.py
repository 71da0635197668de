"""Telling pages that rows have changed which no event of the log stands behind: rows that were made of events."""

import asyncio
import logging
from collections.abc import Iterable
from uuid import UUID

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from tenants.relay import PUBLISH_TIMEOUT_S, live_group

log = logging.getLogger(__name__)


class Teller:
    """Tells the pages of tenants; used by one thread. Its messages have no number, so they go between the relay's."""

    def __init__(self) -> None:
        # The channel layer keeps its connections for as long as its event loop lives: one loop for all messages.
        self._loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def tell(self, tenants: Iterable[UUID], *, kind: str) -> None:
        """Say that rows of that kind have changed. Never needed: a page looks by itself every few seconds."""
        for tenant_id in tenants:
            change = [kind, str(tenant_id), 0, f"{kind}.changed", {}]
            try:
                self._loop.run(_send(live_group(tenant_id), {"type": "live.changed", "changes": [change]}))
            except (RedisError, OSError) as problem:  # of which TimeoutError is one
                log.info("pages were not told", extra={"kind": kind, "problem": str(problem)})
                return

    def close(self) -> None:
        """Let go of the channel layer."""
        self._loop.close()


async def _send(group: str, message: dict[str, object]) -> None:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("No channel layer is configured.")
    async with asyncio.timeout(PUBLISH_TIMEOUT_S):
        await layer.group_send(group, message)
