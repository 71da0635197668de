"""What can happen to a caller in a flow."""

from __future__ import annotations

from dataclasses import dataclass

from routing.flows.definition import QueueRefusal


@dataclass(frozen=True, slots=True)
class Started:
    """The contact has come to this flow."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The switch has answered the call."""


@dataclass(frozen=True, slots=True)
class MediaFinished:
    """A playback is over: to its end, stopped, or failed; a caller must not wait for what will never sound."""

    playback: str


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed one key."""

    key: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A timer ran out."""

    timer: str


@dataclass(frozen=True, slots=True)
class QueueRefused:
    """The queue that the flow led to does not take the caller."""

    why: QueueRefusal


@dataclass(frozen=True, slots=True)
class CallBackSettled:
    """What came of the call-back that was asked for: "taken", "exists", or the code of the refusal."""

    result: str


Trigger = Started | Answered | MediaFinished | KeyPressed | TimedOut | QueueRefused | CallBackSettled
