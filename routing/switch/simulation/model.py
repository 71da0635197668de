"""What a simulated exchange keeps: channels, what is played on them, bridges."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from routing.switch.port import BridgeSnapshot, CallArrived, Cause, ChannelSnapshot, ChannelState, Presentation

_SIP_STATUS = {
    Cause.UNALLOCATED_NUMBER: 404,
    Cause.USER_BUSY: 486,
    Cause.NO_USER_RESPONDING: 480,
    Cause.NO_ANSWER: 480,
    Cause.SUBSCRIBER_ABSENT: 480,
    Cause.CALL_REJECTED: 603,
    Cause.NETWORK_OUT_OF_ORDER: 503,
    Cause.TEMPORARY_FAILURE: 503,
    Cause.CONGESTION: 503,
}
CANCELLED = 487
"""Request terminated (RFC 3261, section 21.4.25): what an INVITE ends with that was given up."""


def sip_status(cause: int) -> int:
    """The final SIP answer of an unanswered call that ended with this Q.850 cause (RFC 3398, section 7.2.4.1)."""
    return _SIP_STATUS.get(cause, CANCELLED)


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that began to be heard on a channel: `sound` (a path), `music` (a class), `ringing` or `people`."""

    at: datetime
    kind: str
    what: str = ""


@dataclass(slots=True, eq=False)
class Playback:
    """Sounds on their way to a channel, one after another."""

    id: str
    media: tuple[str, ...]


class Terminal(Protocol):
    """Something that can be rung."""

    endpoint: str
    reachable: bool

    def take(self, channel: Channel) -> Coroutine[Any, Any, None]:
        """Go through a call that rings here."""
        ...


@dataclass(slots=True, eq=False, kw_only=True)
class Channel:
    """One leg. `waits` are incoming calls that no worker has been told of yet: the dialplan holds them."""

    id: str
    incoming: bool
    state: ChannelState
    created_at: datetime
    dnis: str = ""
    ani: str = ""
    presentation: Presentation = Presentation.ALLOWED
    name: str = ""
    sip_call_id: str = ""
    endpoint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    bridge: str | None = None
    music: str | None = None
    held: bool = False
    playing: asyncio.Task[None] | None = None
    playbacks: deque[Playback] = field(default_factory=deque)
    heard: list[Heard] = field(default_factory=list)
    was_answered: asyncio.Event = field(default_factory=asyncio.Event)
    in_company: asyncio.Event = field(default_factory=asyncio.Event)
    was_left: asyncio.Event = field(default_factory=asyncio.Event)
    was_ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def answered(self) -> bool:
        return self.answered_at is not None

    def company(self, *, there: bool) -> bool:
        """Note whether somebody else is in the leg's bridge; returns whether that is news."""
        if there == self.in_company.is_set():
            return False
        now_true, now_false = (self.in_company, self.was_left) if there else (self.was_left, self.in_company)
        now_true.set()
        now_false.clear()
        return True

    @property
    def alive(self) -> bool:
        return self.ended_at is None

    def arrival(self, at: datetime) -> CallArrived:
        """The event of its coming, as of `at`."""
        return CallArrived(
            channel=self.id,
            at=at,
            dnis=self.dnis,
            ani=self.ani,
            ani_presentation=self.presentation,
            name=self.name,
            sip_call_id=self.sip_call_id,
        )

    def snapshot(self) -> ChannelSnapshot:
        """The channel in the port's words."""
        return ChannelSnapshot(
            id=self.id,
            state=self.state,
            answered=self.answered,
            dnis=self.dnis if self.incoming else "",
            ani=self.ani,
            created_at=self.created_at,
            ours=not self.waits,
            arrival=self.arrival(self.created_at) if self.incoming and not self.waits else None,
        )


@dataclass(slots=True, eq=False)
class Bridge:
    """Legs that hear each other, in the order in which they came."""

    id: str
    channels: list[str] = field(default_factory=list)

    def snapshot(self) -> BridgeSnapshot:
        """The bridge in the port's words."""
        return BridgeSnapshot(id=self.id, channels=tuple(self.channels))
