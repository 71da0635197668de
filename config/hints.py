"""Hints between processes: "look now". Sent through Valkey, never needed: whoever listens also looks by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
import redis.asyncio
from django.conf import settings

log = logging.getLogger(__name__)

PREFIX = "hotseat.hint."
SEND_TIMEOUT_S = 0.2
RETRY_S = 0.5
LISTEN_TIMEOUT_S = 5.0

_local: dict[str, Callable[[], None]] = {}


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=SEND_TIMEOUT_S, socket_connect_timeout=SEND_TIMEOUT_S, max_connections=32
    )


class HintSender:
    """Publishes hints; one for a listener of this very process goes to it directly, and at once."""

    def __init__(self) -> None:
        self._redis: redis.Redis | None = None

    def __call__(self, channels: frozenset[str]) -> None:
        distant = [channel for channel in channels if not _wake_locally(channel)]
        if not distant:
            return
        self._redis = self._redis or _client()
        try:
            for channel in distant:
                self._redis.publish(PREFIX + channel, b"")
        except redis.RedisError as problem:
            log.warning("a hint was not sent; its listener polls", extra={"problem": str(problem)})


@contextmanager
def listening_locally(channel: str, wake: Callable[[], None]) -> Iterator[None]:
    """Have `wake` called for hints that this process itself sends on `channel`, until the block ends."""
    _local[channel] = wake
    try:
        yield
    finally:
        del _local[channel]


async def listen(channel: str, wake: Callable[[], None]) -> None:
    """Call `wake` for every hint on `channel` until cancelled; comes back by itself when Valkey does."""
    while True:
        try:
            async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as subscription:
                await subscription.subscribe(PREFIX + channel)
                while True:
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_TIMEOUT_S)
                    if message is not None:
                        wake()
        except redis.RedisError as problem:
            log.warning("hints cannot be heard; polling goes on", extra={"problem": str(problem)})
            await asyncio.sleep(RETRY_S)


def _wake_locally(channel: str) -> bool:
    wake = _local.get(channel)
    if wake is not None:
        wake()
    return wake is not None
