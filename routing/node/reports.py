"""What the exchange tells, applied by the services: in order where order matters, side by side where it does not."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from routing.node.handling import end_leg, handle, is_of_consequence
from routing.node.keyed import KeyedTasks
from routing.node.threads import Threads
from routing.services.legs import BOTH
from routing.services.offers import AGENT_PREFIX
from routing.switch import port


class Reports:
    """The reports of one exchange node that are being applied."""

    def __init__(self, *, node: str, threads: Threads) -> None:
        self._node, self._threads = node, threads
        self._tasks = KeyedTasks()
        self._endings: dict[str, asyncio.Event] = {}
        self._partners: dict[str, str] = {}
        self.on_left_alone: Callable[[str], None] = _ignore
        """Called with an agent's leg whose caller has left."""

    def take(self, event: port.SwitchEvent, *, behind: str = "") -> None:
        """Apply it behind all that it must be in order with; what has no consequence needs no thread.

        What is taken `behind` the same word is applied in the order in which it is taken.
        """
        keys = [*_keys(event), *([behind] if behind else [])]
        match event:
            case port.LegBridged(members=members) if len(members) == BOTH:
                one, other = members
                self._partners.update({one: other, other: one})
            case port.LegEnded():
                # Two who talked end in the order in which the exchange says that they did.
                partner = self._partners.pop(event.channel, None)
                keys += [_key_of(partner)] if partner else []
                if partner and partner.startswith(AGENT_PREFIX) and partner in self._partners:
                    self.on_left_alone(partner)
                if event.channel in self._endings:
                    self._endings[event.channel].set()
            case port.SwitchLost():
                self._partners.clear()
        if is_of_consequence(event):
            self.start(keys, partial(self.apply, event))

    @contextmanager
    def ending(self, channel: str) -> Iterator[asyncio.Event]:
        """Give what is set, within the block, as the exchange says that the leg has ended."""
        over = self._endings.setdefault(channel, asyncio.Event())
        try:
            yield over
        finally:
            self._endings.pop(channel, None)

    def start(self, keys: Iterable[str], work: Callable[[], Awaitable[None]]) -> None:
        """Do other work in order with the reports of `keys`."""
        self._tasks.start(keys, work)

    def end(self, channel: str, *, at: datetime, cause: int, lost: bool = False) -> None:
        """End a leg of which no report will come. `lost`: the exchange died with it."""
        self.start([_key_of(channel)], partial(self._end, channel, at=at, cause=cause, lost=lost))

    def is_told(self, channel: str) -> bool:
        """Whether something is being told of a channel just now."""
        return self._tasks.has(_key_of(channel))

    async def apply(self, event: port.SwitchEvent) -> None:
        """Apply it now."""
        work = partial(handle, event, node=self._node)
        await (self._threads.take_in(work) if isinstance(event, port.CallArrived) else self._threads.report(work))

    async def drain(self) -> None:
        """Wait until nothing is left to be applied."""
        await self._tasks.drain()

    async def _end(self, channel: str, *, at: datetime, cause: int, lost: bool) -> None:
        ended = port.LegEnded(channel=channel, at=at, cause=cause)
        await self._threads.report(partial(end_leg, ended, node=self._node, lost=lost))


def _keys(event: port.SwitchEvent) -> list[str]:
    """Return all that an event must be in order with: calls to one number come in one after the other, too."""
    return [_key(event), *([f"number:{event.dnis}"] if isinstance(event, port.CallArrived) else [])]


def _key(event: port.SwitchEvent) -> str:
    """Return what an event must be in order with: its channel, its telephone, or the node."""
    if isinstance(event, port.EndpointChanged):
        return f"endpoint:{event.endpoint}"
    channel = getattr(event, "channel", None)
    return _key_of(channel) if channel else "node"


def _key_of(channel: str) -> str:
    return f"channel:{channel}"


def _ignore(channel: str) -> None:
    """Nobody wants to know."""
