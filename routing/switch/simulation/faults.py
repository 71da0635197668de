"""What can go wrong between a worker and the exchange, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from routing.switch.port import SwitchEvent


@dataclass(slots=True)
class Faults:
    """Chances (0 to 1) for each event or command, and delays in seconds of the exchange's clock. All may be changed at
    any time; without faults, a command takes no time and every event comes once, in order.

    `latency_s` is the least and the most that a command takes. An event that is `lost` never comes; one that is `late`
    comes after the one that follows it.
    """

    seed: int = 0
    latency_s: tuple[float, float] = (0.0, 0.0)
    refused: float = 0.0
    unavailable: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    _random: random.Random = field(init=False)
    _held_back: SwitchEvent | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - chance, not secrets

    def latency(self) -> float:
        """How long the next command takes."""
        return self._random.uniform(*self.latency_s)

    def refuses(self) -> bool:
        """Whether the exchange says no to the next command."""
        return self._random.random() < self.refused

    def fails(self) -> bool:
        """Whether the answer to the next command, which is carried out or not, never comes."""
        return self._random.random() < self.unavailable

    def does_it_anyway(self) -> bool:
        """Whether a command whose answer is lost was carried out."""
        return self._random.random() < 0.5

    def delivered(self, event: SwitchEvent) -> Iterator[SwitchEvent]:
        """What of an event arrives now: nothing, once or twice, and perhaps the one before it that was held back."""
        if self._random.random() < self.lost:
            return
        before, self._held_back = self._held_back, None
        if before is None and self._random.random() < self.late:
            self._held_back = event
            return
        yield event
        if self._random.random() < self.doubled:
            yield event
        if before is not None:
            yield before
