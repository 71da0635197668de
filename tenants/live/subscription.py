"""One topic on one socket: what was sent last, and what differs now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from tenants.ids import uuid7
from tenants.live.readings import shared_reading
from tenants.live.topics import Change, Reading, Row, Topic, Viewer

log = logging.getLogger(__name__)

RETRY_S = 1.0

Say = Callable[[dict[str, Any]], Awaitable[None]]


class Subscription:
    """Keeps a socket's rows of a topic as they are: a snapshot first, then deltas numbered without a gap.

    However many changes come while a reading runs or the client takes its time, one more reading follows: what is
    sent is always the newest, and nothing piles up.
    """

    def __init__(self, topic: Topic, viewer: Viewer, *, say: Say, emptied: Callable[[], object]) -> None:
        self.topic, self.viewer = topic, viewer
        self.current = False
        """Whether the last reading came about. While none does, the socket must not look alive."""
        self._say, self._emptied = say, emptied
        self._shared = shared_reading(topic, viewer)
        self._shown: dict[str, Row] = {}
        self._epoch, self._n = str(uuid7()), 0
        self._whole = True
        self._wanted = asyncio.Event()
        self._wanted.set()

    def look(self) -> None:
        """Have the rows read, and send what differs."""
        self._wanted.set()

    def resync(self) -> None:
        """Have the rows read, and send all of them."""
        self._whole = True
        self._wanted.set()

    def take(self, change: Change) -> None:
        """Look if the change concerns these rows."""
        if self.topic.concerns(change, viewer=self.viewer, shown=self._shown.keys()):
            self.look()

    async def run(self) -> None:
        """Read and send whenever somebody wants it, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                reading = await self._shared.get()
            except Exception:
                # The database may be away: the page shows what it has and says that it is behind.
                log.exception("a topic could not be read", extra={"topic": self.topic.name})
                self.current = False
                await asyncio.sleep(RETRY_S)
                self.look()
                continue
            self.current = True
            await self._tell(reading)

    async def _tell(self, reading: Reading) -> None:
        before, self._shown = self._shown, {row["id"]: row for row in reading.rows}
        now = reading.at.isoformat()
        if self._whole:
            self._whole = False
            await self._send(type="snapshot", now=now, rows=list(self._shown.values()))
        else:
            rows = [row for key, row in self._shown.items() if before.get(key) != row]
            gone = [key for key in before if key not in self._shown]
            if rows or gone:
                await self._send(type="delta", now=now, rows=rows, gone=gone)
        if before and not self._shown:
            self._emptied()

    async def _send(self, **message: object) -> None:
        self._n += 1
        await self._say({"topic": self.topic.name, "version": [self._epoch, self._n], **message})
