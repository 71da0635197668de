"""The one WebSocket of a page, /ws/v1/live/: several topics, each a snapshot and then versioned deltas.

Client: {"op": "subscribe" | "unsubscribe" | "resync", "topic": …}, {"op": "ping"}.
Server: {"type": "snapshot", "topic", "version": [epoch, n], "now", "rows"}, {"type": "delta", …, "rows", "gone"},
{"type": "pong"}, {"type": "error", "code", "message", "topic"}. Closed with 4401 (nobody is signed in any more) or 4403
(may not see this any more).

What the relay tells only says that something changed; the rows are read from the database. So a lost message costs
freshness and never truth: after a gap, and every few seconds, everything is read again.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import BaseChannelLayer, get_channel_layer
from django.utils.translation import gettext as _
from django.utils.translation import override

from tenants.errors import Forbidden, HotseatError, Invalid
from tenants.live.identity import Browser
from tenants.live.readings import in_thread
from tenants.live.subscription import Subscription
from tenants.live.topics import Change, Topic, Viewer
from tenants.relay import live_group

log = logging.getLogger(__name__)

SIGNED_OUT = 4401
FORBIDDEN = 4403
RETRY_S = 1.0
LAYER_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds: everything is read again; the right to see it is checked again."""

    refresh_s: float = 5.0
    check_s: float = 10.0


NORMAL_PACE = Pace()


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One socket. Background tasks listen, look and check for as long as it is open."""

    # Channels would end the socket when the channel layer fails; `_listen` waits for it to come back instead.
    channel_layer_alias = "none: see _listen"

    def __init__(self, *, topics: Iterable[Topic], pace: Pace = NORMAL_PACE) -> None:
        super().__init__()
        self._topics = {topic.name: topic for topic in topics}
        self._pace = pace
        self._subscriptions: dict[str, tuple[Subscription, list[asyncio.Task[None]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._viewer: Viewer | None = None
        self._heard: tuple[int, int] | None = None
        self._group = self._own_channel = ""

    # Channels' own types stand only in its stubs.
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; whatever way it ends, its tasks end with it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._stop()

    # What the client says

    async def connect(self) -> None:
        """Accept first: a browser is told the code only of a socket that was open."""
        await self.accept()
        headers = dict(self.scope["headers"])
        self._browser = Browser(
            session_key=self.scope["session"].session_key,
            accept_language=headers.get(b"accept-language", b"").decode("latin-1"),
            cookies=self.scope["cookies"],
        )
        try:
            self._viewer = await in_thread(self._browser.find_viewer)
        except Forbidden:
            await self.close(FORBIDDEN)
            return
        if self._viewer is None:
            await self.close(SIGNED_OUT)
            return
        self._group = live_group(self._viewer.tenant_id)
        self._begin(self._listen())
        self._begin(_every(self._pace.refresh_s, self._look_at_all))
        self._begin(_every(self._pace.check_s, self._check))
        self._begin(_every(self._pace.check_s, self._stay_in_group))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: object) -> None:
        """Do what one message asks for; say what is wrong with it otherwise."""
        if self._viewer is None:
            return
        with override(self._viewer.language):
            topic = None
            try:
                message = _parsed(text_data)
                topic = message.get("topic")
                await self._do(message["op"], topic, self._viewer)
            except HotseatError as error:
                await self._say({"type": "error", "topic": topic, "code": error.code, "message": error.message})

    async def disconnect(self, code: int) -> None:
        """Nothing is left to say; `__call__` stops the tasks."""
        self._viewer = None

    async def _do(self, op: str, topic: object, viewer: Viewer) -> None:
        match op:
            case "ping":
                # A socket whose rows cannot be read must not look alive: the page then says that it is behind.
                if all(subscription.current for subscription, _tasks in self._subscriptions.values()):
                    await self._say({"type": "pong"})
            case "subscribe":
                self._subscribe(self._known(topic), viewer)
            case "unsubscribe":
                self._unsubscribe(self._known(topic).name)
            case "resync":
                self._subscribed(self._known(topic)).resync()
            case _:
                raise Invalid(_("There is no operation “%(op)s”.") % {"op": op}, code="unknown-operation")

    def _known(self, name: object) -> Topic:
        topic = self._topics.get(name) if isinstance(name, str) else None
        if topic is None:
            raise Invalid(_("There is no topic “%(topic)s”.") % {"topic": name}, code="unknown-topic")
        return topic

    def _subscribed(self, topic: Topic) -> Subscription:
        if topic.name not in self._subscriptions:
            raise Invalid(_("Subscribe to “%(topic)s” first.") % {"topic": topic.name}, code="not-subscribed")
        return self._subscriptions[topic.name][0]

    def _subscribe(self, topic: Topic, viewer: Viewer) -> None:
        topic.authorise(viewer.caller)
        if topic.name in self._subscriptions:
            self._subscribed(topic).resync()
            return
        subscription = Subscription(
            topic,
            viewer,
            say=self._say,
            emptied=lambda: self._begin(_tried(self._check)),
        )
        tasks = [self._begin(subscription.run())]
        if topic.presence_s is not None:
            tasks.append(self._begin(_attend(topic, viewer, every_s=topic.presence_s)))
        self._subscriptions[topic.name] = subscription, tasks

    def _unsubscribe(self, name: str) -> None:
        _subscription, tasks = self._subscriptions.pop(name, (None, []))
        for task in tasks:
            task.cancel()

    # What the relay says

    async def _listen(self) -> None:
        """Hear the tenant's changes; when the channel layer fails, come back as soon as it does."""
        deaf = False
        while True:
            try:
                layer = _layer()
                self._own_channel = self._own_channel or await layer.new_channel()
                await layer.group_add(self._group, self._own_channel)
                self._heard, deaf = None, False
                await self._look_at_all()
                while True:
                    self._take(await layer.receive(self._own_channel))
            except Exception as problem:  # noqa: BLE001 - whatever ails the layer, the rows are read from the database
                if not deaf:
                    log.warning("changes cannot be heard; rows are read every few seconds", extra={"problem": problem})
                deaf = True
            await asyncio.sleep(RETRY_S)

    def _take(self, message: dict[str, Any]) -> None:
        in_order = True
        if "n" in message:  # the relay's; others have no numbers, and one of them that is lost is not missed
            before, self._heard = self._heard, (message["epoch"], message["n"])
            in_order = before is None or self._heard == (before[0], before[1] + 1)
        changes = [Change(*change) for change in message["changes"]]
        for subscription, _tasks in self._subscriptions.values():
            if not in_order:
                subscription.look()
            for change in changes:
                subscription.take(change)

    async def _stay_in_group(self) -> None:
        """Join the group again: a Valkey that was emptied has forgotten it."""
        if self._own_channel:
            async with asyncio.timeout(LAYER_TIMEOUT_S):
                await _layer().group_add(self._group, self._own_channel)

    # What time brings

    async def _look_at_all(self) -> None:
        for subscription, _tasks in self._subscriptions.values():
            subscription.look()

    async def _check(self) -> None:
        """Close the socket unless the same person is still signed in and may still see what is subscribed to."""
        viewer = self._viewer
        if viewer is None:
            return
        try:
            found = await in_thread(self._browser.find_viewer)
            if found is None or _identity(found) != _identity(viewer):
                await self._end(SIGNED_OUT)
                return
            for subscription, _tasks in self._subscriptions.values():
                subscription.topic.authorise(found.caller)
        except Forbidden:
            await self._end(FORBIDDEN)
            return
        self._viewer = found

    async def _end(self, code: int) -> None:
        self._viewer = None
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        self._subscriptions.clear()
        await self.close(code)

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._own_channel:
            try:
                async with asyncio.timeout(LAYER_TIMEOUT_S):
                    await _layer().group_discard(self._group, self._own_channel)
            except Exception as problem:  # noqa: BLE001 - the group forgets a channel that is gone by itself
                log.info("the channel layer could not be told of a closed socket", extra={"problem": problem})

    async def _say(self, message: dict[str, Any]) -> None:
        try:
            await self.send_json(message)
        except (OSError, RuntimeError) as problem:
            # The client went away while we were speaking: "websocket.disconnect" is on its way and ends everything.
            log.debug("a message came too late for its client", extra={"problem": problem})

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _tried(action: Callable[[], Awaitable[None]]) -> None:
    try:
        await action()
    except Exception:
        # The database or the channel layer is away: nothing is sent meanwhile, and it is tried again.
        log.exception("a socket's regular duty failed")


async def _every(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _tried(action)


async def _attend(topic: Topic, viewer: Viewer, *, every_s: float) -> None:
    async def attend() -> None:
        await in_thread(lambda: topic.attend(viewer))

    await _tried(attend)
    await _every(every_s, attend)


def _layer() -> BaseChannelLayer:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("No channel layer is configured.")
    return layer


def _identity(viewer: Viewer) -> tuple[Any, ...]:
    caller = viewer.caller
    return caller.tenant_id, caller.actor, caller.agent_session_id


def _parsed(text: str | None) -> dict[str, Any]:
    """Return a client's message; raise Invalid (code "malformed") for anything that is none."""
    try:
        message = json.loads(text or "")
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        raise Invalid(_("A message is a JSON object with “op”."), code="malformed")
    return message
