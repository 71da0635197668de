"""What a flow wants done, in this order, after its new state is saved."""

from __future__ import annotations

from dataclasses import dataclass

from routing.flows.definition import QueueRefusal
from routing.flows.media import Media

FLOW_LIMIT = "flow-limit"


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the call; report `Answered`."""


@dataclass(frozen=True, slots=True)
class PlayMedia:
    """Play these one after the other; report `MediaFinished` with the label, also when that fails."""

    playback: str
    items: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class StopMedia:
    """Stop a playback."""

    playback: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Report `TimedOut` with the label after so many seconds."""

    timer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a timer."""

    timer: str


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """Make this the contact's language."""

    language: str


@dataclass(frozen=True, slots=True)
class StoreDigits:
    """Keep the digits that the caller entered under this name, with the contact's personal data."""

    name: str
    digits: str


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Ends the flow: enqueue the contact; without a priority the queue's own counts.

    `returns`: it comes from that very queue, and goes on waiting where it stood. When the queue does not take it for
    of the reasons in `reported`, the flow wants to hear so (`QueueRefused`), and no later action is to be carried out.
    """

    queue_code: str
    priority: int | None
    returns: bool = False
    reported: frozenset[QueueRefusal] = frozenset()


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The caller waits no more: the flow goes on."""


@dataclass(frozen=True, slots=True)
class TakeCallBack:
    """Take a call-back and report `CallBackSettled`; as the node of that name says, `number` being what was typed."""

    number: str | None
    queue_code: str | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """Ends the flow and this contact: the next one begins at another tenant's service."""

    tenant_slug: str
    service: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Ends the flow and the call: a reason of the flow's, or `flow-limit`."""

    reason: str


Action = (
    Answer
    | PlayMedia
    | StopMedia
    | StartTimer
    | CancelTimer
    | SetLanguage
    | StoreDigits
    | EnterQueue
    | LeaveQueue
    | TakeCallBack
    | HandOver
    | HangUp
)
