"""What routing asks of a telephone exchange, and what it hears from one.

Identifiers of channels, bridges and playbacks that *we* make are chosen by the caller of a method and committed to the
database before the method runs, so that a command found begun after a crash can be looked up instead of repeated. The
channel of an incoming call is named by the exchange.

Every time is an aware ``datetime`` by the **exchange's** clock: durations are computed from these, never from the
worker's own clock (design: clocks).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from routing.switch.events import (
    CallArrived,
    EndpointChanged,
    KeyPressed,
    LegAnswered,
    LegBridged,
    LegEnded,
    LegHeld,
    LegRinging,
    LegUnbridged,
    LegUnheld,
    PlaybackFinished,
    Presentation,
    SwitchAlive,
    SwitchConnected,
    SwitchEvent,
    SwitchLost,
)

__all__ = [
    "REQUEST_TIMEOUT_S",
    "BridgeSnapshot",
    "CallArrived",
    "Cause",
    "ChannelGone",
    "ChannelSnapshot",
    "ChannelState",
    "EndpointChanged",
    "EndpointSnapshot",
    "KeyPressed",
    "LegAnswered",
    "LegBridged",
    "LegEnded",
    "LegHeld",
    "LegRinging",
    "LegUnbridged",
    "LegUnheld",
    "PlaybackFinished",
    "Presentation",
    "Switch",
    "SwitchAlive",
    "SwitchConnected",
    "SwitchError",
    "SwitchEvent",
    "SwitchLost",
    "SwitchRefused",
    "SwitchUnavailable",
]

REQUEST_TIMEOUT_S = 2.0
"""Every request to an exchange is answered within this many seconds or given up as ``SwitchUnavailable``."""


class Cause:
    """The causes of hanging up that routing gives or looks at (ITU-T Q.850, table 1)."""

    UNALLOCATED_NUMBER = 1
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONDING = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NETWORK_OUT_OF_ORDER = 38
    TEMPORARY_FAILURE = 41
    CONGESTION = 42
    NORMAL_UNSPECIFIED = 31


class ChannelState(StrEnum):
    """How far a leg has come."""

    DOWN = "down"
    DIALLING = "dialling"
    RINGING = "ringing"
    UP = "up"


# --- errors -----------------------------------------------------------------------------------------------------------


class SwitchError(Exception):
    """An exchange did not do what it was asked."""


class SwitchUnavailable(SwitchError):
    """The exchange did not answer in time or is not connected. Whether it acted is unknown: look, then repeat."""


class ChannelGone(SwitchError):
    """The channel, bridge or playback no longer exists. For most commands this counts as done."""


class SwitchRefused(SwitchError):
    """The exchange understood and said no; repeating the same command will not help.

    ``status`` is the HTTP status of the answer where the exchange speaks HTTP, else 0.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


# --- snapshots, for reconciliation ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSnapshot:
    """One leg as the exchange has it now.

    ``ours`` says that the leg is in this node's hands (an incoming one that arrived here, or one this node dialled);
    others are left alone. ``arrival`` is set for an incoming leg: the event as it was, or would have been, reported,
    but for its time, which is the channel's beginning. ``dnis`` and ``ani`` are empty for other legs.
    """

    id: str
    state: ChannelState
    answered: bool
    dnis: str
    ani: str
    created_at: datetime
    ours: bool
    arrival: CallArrived | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSnapshot:
    """One bridge of this node, and who is in it."""

    id: str
    channels: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSnapshot:
    """One telephone or trunk that the exchange knows. ``endpoint`` is its bare name (``acme-1001``)."""

    endpoint: str
    reachable: bool
    channels: tuple[str, ...] = field(default_factory=tuple)


# --- the port ---------------------------------------------------------------------------------------------------------


class Switch(Protocol):
    """One exchange node.

    Commands return when the exchange has taken them, not when their effect is heard: that comes as an event, and may
    come before the command returns. All of them raise ``SwitchUnavailable`` or ``SwitchRefused``; those that act on an
    existing channel, bridge or playback raise ``ChannelGone`` when it is not there, except those that take something
    away (``stop_*``, ``unbridge``, ``destroy_bridge``, ``hang_up``), for which that is success. All may be repeated.
    """

    async def connect(self) -> None:
        """Open the event stream; returns at once, and keeps trying until ``close``. ``SwitchConnected`` tells."""
        ...

    async def close(self) -> None:
        """Let go of the exchange. Calls go on."""
        ...

    def events(self) -> AsyncIterator[SwitchEvent]:
        """Everything that happens, in the order in which the exchange told it. One reader; ends after ``close``."""
        ...

    async def answer(self, *, channel: str) -> None:
        """Answer an incoming leg (and begin to charge its caller)."""
        ...

    async def indicate_ringing(self, *, channel: str) -> None:
        """Let an unanswered incoming leg hear ringing."""
        ...

    async def indicate_progress(self, *, channel: str) -> None:
        """Open early media on an unanswered incoming leg, so that what is played is heard before the answer."""
        ...

    async def play(self, *, channel: str, playback: str, media: Sequence[str]) -> None:
        """Play sound files in turn. ``media`` are absolute paths without extension; ``playback`` is our id."""
        ...

    async def stop_playback(self, *, playback: str) -> None:
        """Stop a playback; its ``PlaybackFinished`` still comes."""
        ...

    async def start_music(self, *, channel: str, music_class: str = "default") -> None:
        """Play music on hold until told otherwise."""
        ...

    async def stop_music(self, *, channel: str) -> None:
        """Stop the music on hold."""
        ...

    async def dial(
        self,
        *,
        channel: str,
        endpoint: str,
        number: str = "",
        caller_id_name: str = "",
        caller_id_number: str = "",
        timeout_s: int = 30,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Ring a telephone as the leg ``channel`` for at most ``timeout_s`` seconds; of a trunk, ``number`` (E.164).

        Never rings twice for one id: a channel of that id that exists, or was dialled by this process before, makes it
        a no-op. An endpoint that is unknown or not registered ends as ``SwitchRefused`` or as ``LegEnded``, whichever
        the exchange finds first. ``headers`` are added to the INVITE.
        """
        ...

    async def bridge(self, *, bridge: str, channels: Sequence[str]) -> None:
        """Join legs: make the bridge of that id unless it exists, and add the legs that are not in it."""
        ...

    async def unbridge(self, *, bridge: str, channel: str) -> None:
        """Take one leg out of a bridge; the leg lives on."""
        ...

    async def destroy_bridge(self, *, bridge: str) -> None:
        """Remove a bridge; the legs in it live on."""
        ...

    async def hold(self, *, channel: str) -> None:
        """Let a leg hear music while it stays in its bridge; it is not heard there."""
        ...

    async def unhold(self, *, channel: str) -> None:
        """Undo ``hold``."""
        ...

    async def hang_up(self, *, channel: str, cause: int = Cause.NORMAL_CLEARING) -> bool:
        """End a leg, in whatever state it is; False when there was none.

        ``cause`` is Q.850 and chooses the SIP answer of an unanswered leg.
        """
        ...

    async def channels(self) -> Sequence[ChannelSnapshot]:
        """Every leg now, also those that are not this node's."""
        ...

    async def bridges(self) -> Sequence[BridgeSnapshot]:
        """Every bridge now."""
        ...

    async def endings(self, channels: Sequence[str]) -> Sequence[LegEnded]:
        """How and when legs ended that are no more, for whom ``LegEnded`` was not heard.

        The exchange remembers the last some thousands of its legs until it ends itself. A leg that is missing here
        was lost with a former exchange, or ended too long ago. A dialled leg that had been answered ends with
        ``Cause.NORMAL_UNSPECIFIED``: that it was answered may not have been heard either.
        """
        ...

    async def endpoints(self) -> Sequence[EndpointSnapshot]:
        """Every telephone and trunk now, with its registration."""
        ...
