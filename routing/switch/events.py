"""What an exchange tells: the events of the port. Import them from ``routing.switch.port``.

Every event has a time by the exchange's clock, and a ``key`` that stays the same however often and by whatever way it
is reported, live or made up in a reconciliation, so that it can be applied once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Presentation(StrEnum):
    """Whether the caller lets their number be shown (RFC 3323, RFC 3325)."""

    ALLOWED = "allowed"
    RESTRICTED = "restricted"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived:
    """A caller's leg came in and waits for instructions; it is not answered.

    ``dnis`` and ``ani`` are as the trunk sent them, not yet brought into E.164 form; ``ani`` is empty when none came,
    and may be present although ``ani_presentation`` is restricted.
    """

    channel: str
    at: datetime
    dnis: str
    ani: str
    ani_presentation: Presentation
    name: str = ""
    sip_call_id: str = ""

    @property
    def key(self) -> str:
        return f"arrived:{self.channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRinging:
    """A dialled leg's far end is alerting."""

    channel: str
    at: datetime

    @property
    def key(self) -> str:
        return f"ringing:{self.channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered:
    """A leg is up: the far end of a dialled one answered, or an incoming one was answered by our command."""

    channel: str
    at: datetime
    sip_call_id: str = ""

    @property
    def key(self) -> str:
        return f"answered:{self.channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded:
    """A leg is over, by whichever side.

    ``cause`` is Q.850: ours where we hung up, 16 for a plain BYE or CANCEL. ``sip_status`` is the final SIP answer,
    where there was one other than 2xx. It may come without an ``LegAnswered`` or ``LegRinging`` before it. ``answered``
    is said only when asked for afterwards (``Switch.endings``): the leg was up, whether or not that was heard.
    """

    channel: str
    at: datetime
    cause: int
    sip_status: int | None = None
    sip_call_id: str = ""
    answered: bool = False

    @property
    def key(self) -> str:
        return f"ended:{self.channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed:
    """One key of the telephone: ``0``-``9``, ``*``, ``#``, ``A``-``D``. ``at`` is the end of the tone."""

    channel: str
    at: datetime
    digit: str

    @property
    def key(self) -> str:
        return f"key:{self.channel}:{self.at.isoformat()}:{self.digit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackFinished:
    """A playback came to its end, was stopped, or (``failed``) could not be played at all."""

    channel: str
    playback: str
    at: datetime
    failed: bool = False

    @property
    def key(self) -> str:
        return f"played:{self.playback}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegBridged:
    """A leg joined a bridge and hears the others in it; `members` are all that are in it now."""

    channel: str
    bridge: str
    members: tuple[str, ...]
    at: datetime

    @property
    def key(self) -> str:
        return f"bridged:{self.channel}:{self.bridge}:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegUnbridged:
    """A leg left a bridge."""

    channel: str
    bridge: str
    at: datetime

    @property
    def key(self) -> str:
        return f"unbridged:{self.channel}:{self.bridge}:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegHeld:
    """The far end put us on hold by its own key."""

    channel: str
    at: datetime

    @property
    def key(self) -> str:
        return f"held:{self.channel}:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegUnheld:
    """The far end took us off hold."""

    channel: str
    at: datetime

    @property
    def key(self) -> str:
        return f"unheld:{self.channel}:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChanged:
    """A telephone became, or ceased to be, reachable (registered)."""

    endpoint: str
    reachable: bool
    at: datetime

    @property
    def key(self) -> str:
        return f"endpoint:{self.endpoint}:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchConnected:
    """The event stream is up, at first or again. What happened while it was not is never reported: reconcile now."""

    at: datetime

    @property
    def key(self) -> str:
        return f"connected:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLost:
    """The event stream broke or the exchange stopped answering. ``at`` is when it was last seen alive, by its clock."""

    at: datetime

    @property
    def key(self) -> str:
        return f"lost:{self.at.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchAlive:
    """The heartbeat, about once a second while connected: after a crash, a leg ends at the last of these."""

    at: datetime

    @property
    def key(self) -> str:
        return f"alive:{self.at.isoformat()}"


SwitchEvent = (
    CallArrived
    | LegRinging
    | LegAnswered
    | LegEnded
    | KeyPressed
    | PlaybackFinished
    | LegBridged
    | LegUnbridged
    | LegHeld
    | LegUnheld
    | EndpointChanged
    | SwitchConnected
    | SwitchLost
    | SwitchAlive
)
