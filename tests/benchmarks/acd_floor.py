"""The floor: what matching costs when nothing is durable. Callers and free agents in two queues of one process.

It speaks ARI through the same client as the product, and does only what it must: ring the agent who has been free the
longest for the caller who has waited the longest, join them, and take the next. It is what our figures are compared
with, so it is as lean as it can be.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from deploy.lab.exchange import Lab, load
from routing.switch.ari import AriClient, AriError, EventStream, Json
from routing.switch.asterisk_events import is_arrival

APPLICATION = "hotseat-floor"
EVENTS = ("StasisStart", "StasisEnd", "ChannelDestroyed")
READY = "ready"


@dataclass(slots=True)
class Call:
    """A caller with an agent: from the ringing to the end."""

    caller: str
    agent: str
    leg: str
    bridge: str
    over: bool = False


class Floor:
    """The matcher."""

    def __init__(self, client: AriClient, agents: list[str]) -> None:
        self._client = client
        self._free = deque(agents)
        self._waiting: dict[str, str] = {}  # channel → number, in order of arrival
        self._calls: dict[str, Call] = {}  # by the caller's channel and by the agent's leg
        self._tasks: set[asyncio.Task[None]] = set()
        self._legs = 0

    async def serve(self, stream: EventStream) -> None:
        while (event := await stream.receive()) is not None:
            self._hear(event)

    def _hear(self, event: Json) -> None:
        channel = event["channel"]
        if event["type"] == "StasisStart":
            call = self._calls.get(channel["id"])
            if call is not None:
                self._start(self._join(call))
            elif is_arrival(channel, APPLICATION):
                self._waiting[channel["id"]] = channel["caller"]["number"]
                self._match()
        elif event["type"] == "StasisEnd" and is_arrival(channel, APPLICATION):
            self._waiting.pop(channel["id"], None)
            self._end(channel["id"])
        elif event["type"] == "ChannelDestroyed":
            self._end(channel["id"])

    def _match(self) -> None:
        while self._waiting and self._free:
            caller = next(iter(self._waiting))
            number = self._waiting.pop(caller)
            self._legs += 1
            leg = f"floor-leg-{caller}-{self._legs}"
            call = Call(caller=caller, agent=self._free.popleft(), leg=leg, bridge=f"floor-{leg}")
            self._calls[caller] = self._calls[leg] = call
            self._start(self._ring(call, number))

    async def _ring(self, call: Call, number: str) -> None:
        try:
            await self._client.originate(
                call.leg,
                endpoint=f"PJSIP/{call.agent}",
                application=APPLICATION,
                arguments="dialled",
                caller_id=number,
                timeout_s=30,
                variables={},
            )
        except AriError:
            self._end(call.leg)

    async def _join(self, call: Call) -> None:
        await asyncio.gather(
            self._client.channel_command("POST", call.caller, "answer"), self._client.create_bridge(call.bridge)
        )
        await self._client.add_to_bridge(call.bridge, [call.caller, call.leg])

    def _end(self, channel: str) -> None:
        call = self._calls.pop(channel, None)
        if call is None or call.over:
            return
        call.over = True
        self._calls.pop(call.caller, None)
        self._calls.pop(call.leg, None)
        self._start(self._clear(call))

    async def _clear(self, call: Call) -> None:
        """Hang up both, then take the next: the agent's BYE goes out before the next INVITE."""
        for channel in (call.leg, call.caller):
            await self._quietly(self._client.hang_up(channel, 16))
            if channel == call.leg:
                self._free.append(call.agent)
                self._match()
        await self._quietly(self._client.destroy_bridge(call.bridge))

    async def _quietly(self, request: Coroutine[Any, Any, None]) -> None:
        """That one of two sides is gone already is what hanging up means."""
        try:
            await request
        except AriError as error:
            if error.status not in (404, 412):
                raise

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            sys.stderr.write(f"floor: {error}\n")


async def _main(lab: Lab, agents: list[str]) -> None:
    client = AriClient(url=lab.ari_url, user=lab.ari_user, password=lab.ari_password)
    stream = await client.open_events([APPLICATION])
    await client.filter_events(APPLICATION, EVENTS)
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()
    try:
        await Floor(client, agents).serve(stream)
    finally:
        await stream.close()
        await client.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agents", nargs="+", help="names of telephones")
    lab = load()
    if lab is None:
        sys.stderr.write("floor: no lab: run `make lab`\n")
        return 1
    asyncio.run(_main(lab, parser.parse_args().agents))
    return 0


if __name__ == "__main__":
    sys.exit(main())
