"""Asterisk's events and snapshots put into the port's words. Pure: nothing here speaks to the exchange."""

from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

from routing.switch.ari import Json, parse_time
from routing.switch.port import (
    CallArrived,
    Cause,
    ChannelSnapshot,
    ChannelState,
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
    SwitchEvent,
)

HEARTBEAT = "hotseat-heartbeat"
ARRIVED = "arrived"
DIALLED = "dialled"

CALL_EVENTS = (
    "ApplicationReplaced",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "ChannelEnteredBridge",
    "ChannelHangupRequest",
    "ChannelHold",
    "ChannelLeftBridge",
    "ChannelStateChange",
    "ChannelUnhold",
    "ChannelUserevent",
    "PlaybackFinished",
    "StasisEnd",
    "StasisStart",
)
STATION_EVENTS = ("EndpointStateChange",)

_STATES = {
    "Down": ChannelState.DOWN,
    "Rsrvd": ChannelState.DOWN,
    "OffHook": ChannelState.DIALLING,
    "Dialing": ChannelState.DIALLING,
    "Ring": ChannelState.RINGING,
    "Ringing": ChannelState.RINGING,
    "Up": ChannelState.UP,
}
_FIRST_FAILURE = 300
_INTERWORKING = 127
_PLACES = (128, 127)
_ANONYMOUS = "anonymous"


def presentation(text: str, *, number: str) -> Presentation:
    """Read ``CALLERID(num-pres)``: ``allowed_not_screened``, ``prohib``, ``unavailable``.

    A caller who only hides behind RFC 3323's ``sip:anonymous@anonymous.invalid`` is shown as allowed there.
    """
    if text.startswith("prohib") or number.lower() == _ANONYMOUS:
        return Presentation.RESTRICTED
    if text == "unavailable" or not number:
        return Presentation.UNAVAILABLE
    return Presentation.ALLOWED


def arrival(channel: Json, at: datetime) -> CallArrived:
    """What is known of an incoming call from its channel's snapshot."""
    variables = channel.get("channelvars", {})
    caller = channel["caller"]
    return CallArrived(
        channel=channel["id"],
        at=at,
        dnis=variables.get("HOTSEAT_DNIS") or channel["dialplan"]["exten"],
        ani="" if caller["number"].lower() == _ANONYMOUS else caller["number"],
        ani_presentation=presentation(variables.get("HOTSEAT_PRESENTATION", ""), number=caller["number"]),
        name=caller["name"],
        sip_call_id=channel.get("protocol_id", ""),
    )


def is_arrival(channel: Json, application: str) -> bool:
    """Whether a channel is an incoming call in our hands: the dialplan gave it to our application."""
    dialplan = channel["dialplan"]
    return (dialplan.get("app_name"), dialplan.get("app_data")) == ("Stasis", f"{application},{ARRIVED}")


def snapshot(channel: Json, *, application: str, ours: bool) -> ChannelSnapshot:
    """A channel's snapshot in the port's words."""
    created = parse_time(channel["creationtime"])
    incoming = arrival(channel, created) if is_arrival(channel, application) else None
    state = _STATES.get(channel["state"], ChannelState.DOWN)
    return ChannelSnapshot(
        id=channel["id"],
        state=state,
        answered=state is ChannelState.UP,
        dnis=incoming.dnis if incoming else "",
        ani=incoming.ani if incoming else "",
        created_at=created,
        ours=ours or incoming is not None,
        arrival=incoming,
    )


class Translator:
    """Turns one event of Asterisk into at most one of the port's.

    *Answered.* A dialled leg's channel is up a moment before it can be bridged; it is reported answered when it can,
    with the time at which it came up.

    *Ended.* A dialled leg was subscribed to by dialling it and is told destroyed, with its cause. An incoming one has
    ended when somebody hangs up, of which its cause is told; and if nobody said so, when it leaves the exchange's
    application, which in this dialplan it does only to end.

    What is remembered for that is forgotten with each new connection: losing it costs a cause's or a millisecond's
    precision.
    """

    def __init__(self, application: str) -> None:
        self._application = application
        self._up_at: dict[str, datetime] = {}
        self._hung_up: set[str] = set()
        self._requested: dict[str, int] = {}
        self._reachable: dict[str, bool] = {}

    def forget(self) -> None:
        """Begin afresh: events were missed."""
        for memory in (self._up_at, self._hung_up, self._requested, self._reachable):
            memory.clear()

    def hangup_requested(self, channel: str, cause: int) -> None:
        """Remember why we end a leg: the exchange only says that we do."""
        self._requested[channel] = cause

    def translate(self, event: Json) -> SwitchEvent | None:
        """The port's event, or ``None`` where this one says nothing that the port has a word for."""
        at = parse_time(event["timestamp"])
        translated = self._of_leg(event, at)
        return _other(event, at) if translated is None else translated

    def _of_leg(self, event: Json, at: datetime) -> SwitchEvent | None:
        """The events whose meaning depends on what went before."""
        match event["type"]:
            case "StasisStart":
                return self._started(event, at)
            case "ChannelHangupRequest" | "StasisEnd":
                return self._caller_ended(event, at)
            case "ChannelStateChange":
                return self._changed(event["channel"], at)
            case "ChannelDestroyed":
                return self._ended(event["channel"], at, event["cause"], event.get("tech_cause") or 0)
            case "EndpointStateChange":
                return self._endpoint(event["endpoint"], at)
        return None

    def _started(self, event: Json, at: datetime) -> SwitchEvent | None:
        channel = event["channel"]
        if event["args"] == [ARRIVED]:
            return arrival(channel, at)
        if event["args"] == [DIALLED]:
            up_at = self._up_at.pop(channel["id"], at)
            return LegAnswered(channel=channel["id"], at=up_at, sip_call_id=channel.get("protocol_id", ""))
        return None

    def _changed(self, channel: Json, at: datetime) -> SwitchEvent | None:
        if channel["state"] == "Ringing":
            return LegRinging(channel=channel["id"], at=at)
        if channel["state"] != "Up":
            return None
        if is_arrival(channel, self._application):
            return LegAnswered(channel=channel["id"], at=at, sip_call_id=channel.get("protocol_id", ""))
        self._up_at[channel["id"]] = at
        return None

    def _caller_ended(self, event: Json, at: datetime) -> SwitchEvent | None:
        """An incoming leg's end, told once: as somebody hangs up, or else as it leaves the application."""
        channel, leaves = event["channel"], event["type"] == "StasisEnd"
        told = channel["id"] in self._hung_up
        if leaves:
            self._hung_up.discard(channel["id"])
        if told or not is_arrival(channel, self._application):
            return None
        if not leaves:
            self._hung_up.add(channel["id"])
        return self._ended(channel, at, event.get("cause") or 0, event.get("tech_cause") or 0)

    def _ended(self, channel: Json, at: datetime, cause: int, status: int) -> LegEnded:
        self._up_at.pop(channel["id"], None)
        requested = self._requested.pop(channel["id"], 0)
        return LegEnded(
            channel=channel["id"],
            at=at,
            cause=requested or _q850(cause),
            sip_status=status if status >= _FIRST_FAILURE else None,
            sip_call_id=channel.get("protocol_id", ""),
        )

    def endpoint_seen(self, endpoint: Json) -> None:
        """Take an endpoint as it is listed for known, unless an event has told of it: who lists it tells of it."""
        self._reachable.setdefault(endpoint["resource"], is_reachable(endpoint))

    def _endpoint(self, endpoint: Json, at: datetime) -> SwitchEvent | None:
        """Asterisk repeats an endpoint's state with each of its calls; only a change is an event."""
        name, reachable = endpoint["resource"], is_reachable(endpoint)
        if self._reachable.get(name) == reachable:
            return None
        self._reachable[name] = reachable
        return EndpointChanged(endpoint=name, reachable=reachable, at=at)


def is_reachable(endpoint: Json) -> bool:
    """Whether an endpoint, listed or in an event, can be called."""
    return bool(endpoint.get("state") == "online")


def _q850(cause: int) -> int:
    """Asterisk's cause as Q.850: it gives none for a plain BYE, and 127 (interworking) for a CANCEL."""
    return Cause.NORMAL_CLEARING if cause in (0, _INTERWORKING) else cause


def places_of_ending(channel: str) -> tuple[int, int]:
    """Where the dialplan (``[hotseat-ended]``) says how a leg ended: in the global variables ``HOTSEAT_ENDED_<place>``.

    Callers' channels are counted by the exchange and take the places in turn; ours are named by us, and take two by
    their name. Of 16,256 callers in a row no two share both.
    """
    number = int(channel.rpartition(".")[2]) if _is_counted(channel) else crc32(channel.encode())
    first, second = _PLACES
    return number % first, first + number % second


def ending(channel: str, text: str) -> LegEnded | None:
    """Read what is said of a channel in such a place. ``None``: nothing, or it has fallen out.

    Each leg is said as channel, seconds since the epoch, cause and state, closed by a bar; the last may be cut off. See
    ``Switch.endings`` for the cause of a dialled leg that had been answered.
    """
    words = next((said.split() for said in text.split("|")[:-1] if said.startswith(f"{channel} ")), [])
    if len(words) != 4:
        return None
    answered = _STATES.get(words[3]) is ChannelState.UP
    cause = _q850(int(words[2]))
    if answered and cause == Cause.NORMAL_CLEARING and not _is_counted(channel):
        cause = Cause.NORMAL_UNSPECIFIED
    at = datetime.fromtimestamp(float(words[1]), UTC)
    return LegEnded(channel=channel, at=at, cause=cause, answered=answered)


def _is_counted(channel: str) -> bool:
    return channel.rpartition(".")[2].isdecimal()


def _other(event: Json, at: datetime) -> SwitchEvent | None:
    """The events that mean one thing whenever they come."""
    match event["type"]:
        case "PlaybackFinished":
            return _played(event["playback"], at)
        case "ChannelUserevent" if event["eventname"] == HEARTBEAT:
            return SwitchAlive(at=at)
        case "ChannelDtmfReceived":
            return KeyPressed(channel=event["channel"]["id"], at=at, digit=event["digit"])
        case "ChannelEnteredBridge" | "ChannelLeftBridge":
            return _moved(event, at)
        case "ChannelHold" | "ChannelUnhold":
            return _held(event, at)
    return None


def _held(event: Json, at: datetime) -> SwitchEvent:
    kind = LegHeld if event["type"] == "ChannelHold" else LegUnheld
    return kind(channel=event["channel"]["id"], at=at)


def _moved(event: Json, at: datetime) -> SwitchEvent:
    channel, bridge = event["channel"]["id"], event["bridge"]
    if event["type"] == "ChannelLeftBridge":
        return LegUnbridged(channel=channel, bridge=bridge["id"], at=at)
    return LegBridged(channel=channel, bridge=bridge["id"], members=tuple(bridge["channels"]), at=at)


def _played(playback: Json, at: datetime) -> PlaybackFinished:
    return PlaybackFinished(
        channel=playback["target_uri"].removeprefix("channel:"),
        playback=playback["id"],
        at=at,
        failed=playback["state"] == "failed",
    )
