"""A wire to the exchange that can be cut: TCP, passed on byte by byte."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_CHUNK = 65536


class Wire:
    """Listens on a port of this machine and passes everything on, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._target = host, port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Pass on again, on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._pass_on, self._host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._target)
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while data := await reader.read(_CHUNK):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.close()


@dataclass(frozen=True)
class WireInThread:
    """A wire with an event loop of its own, for tests that have none."""

    port: int
    cut: Callable[[], None]
    mend: Callable[[], None]


@contextmanager
def wire_in_thread(host: str, port: int) -> Iterator[WireInThread]:
    """A wire to a port of the exchange until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="wire")
    thread.start()

    def run(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(10)

    wire = Wire(host, port)
    run(wire.mend())
    try:
        yield WireInThread(wire.port, lambda: run(wire.cut()), lambda: run(wire.mend()))
    finally:
        run(wire.cut())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
