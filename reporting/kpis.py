"""Key figures of service: pure formulas, each with its source. A figure of nothing is None, not nought."""

from dataclasses import dataclass
from enum import StrEnum


class Variant(StrEnum):
    """Ways to count a service level. Vendors disagree, so a figure is never shown without its variant."""

    A = "A"
    """answered ≤ T / answered (Asterisk `app_queue`, `sl`)"""
    B = "B"
    """(answered ≤ T + abandoned ≤ T) / (answered + abandoned) (`app_queue`, `sl2`; Cisco WFO)"""
    C = "C"
    """answered ≤ T / (answered + abandoned) (Genesys)"""


DEFAULT_VARIANT = Variant.B


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of the contacts that were queued in a period. Short abandons are apart, in no other number.

    `…_in_time` are those within their queue's threshold; sums of waiting and handling are in seconds.
    """

    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_in_time: int = 0
    short_abandoned: int = 0
    wait_s: float = 0.0
    handled: int = 0
    handle_s: float = 0.0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            offered=self.offered + other.offered,
            answered=self.answered + other.answered,
            answered_in_time=self.answered_in_time + other.answered_in_time,
            abandoned=self.abandoned + other.abandoned,
            abandoned_in_time=self.abandoned_in_time + other.abandoned_in_time,
            short_abandoned=self.short_abandoned + other.short_abandoned,
            wait_s=self.wait_s + other.wait_s,
            handled=self.handled + other.handled,
            handle_s=self.handle_s + other.handle_s,
        )


def service_level(counts: Counts, variant: Variant = DEFAULT_VARIANT) -> float | None:
    """Return the share, 0 to 1, that was served in time by the rule of `variant`."""
    if variant == Variant.A:
        return _share(counts.answered_in_time, counts.answered)
    everyone = counts.answered + counts.abandoned
    if variant == Variant.B:
        return _share(counts.answered_in_time + counts.abandoned_in_time, everyone)
    return _share(counts.answered_in_time, everyone)


def average_speed_of_answer(counts: Counts) -> float | None:
    """Return ASA: Σ wait of answered / answered, in seconds. Ringing at the agent is part of the wait."""
    return _share(counts.wait_s, counts.answered)


def average_handle_time(counts: Counts) -> float | None:
    """Return AHT: (talk + hold + wrap-up) / handled, in seconds."""
    return _share(counts.handle_s, counts.handled)


def occupancy(*, worked_s: float, logged_in_s: float, not_ready_s: float) -> float | None:
    """Return occupancy, 0 to 1: (talk + hold + wrap-up) / (logged in − not ready) (Calabrio). All in seconds."""
    return _share(worked_s, logged_in_s - not_ready_s)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
