"""What is remembered of a caller's way through a flow between two triggers, and what is known from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, tzinfo
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """One caller's place in a flow; small, and JSON both ways.

    `node` is None before the start. `playing` and `timer` are the labels of what runs now; labels are counted by
    `sequence` and never used twice within a flow, so that late news of an old one is known for what it is.
    `typed_ahead` are keys for the next question, `spare_terminator` a key that may still come after digits that were
    complete without it, `transitions` how many nodes were entered since the caller last waited, `waited_in` the code of
    the queue that they left last. Digits are personal data: keep the state where the
    tenant's scope guards it.
    """

    node: str | None = None
    ended: bool = False
    answered: bool = False
    language: str | None = None
    attempt: int = 0
    digits: str = ""
    typed_ahead: str = ""
    spare_terminator: str | None = None
    collected: Mapping[str, str] = field(default_factory=dict)
    playing: str | None = None
    timer: str | None = None
    sequence: int = 0
    transitions: int = 0
    waited_in: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The state as a JSON object; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FlowState:
        """The state that `as_json` wrote; raises TypeError on fields that it does not know."""
        return cls(**data)

    def handed_over(self) -> FlowState:
        """The state in which the next tenant's flow takes over the same caller.

        The call stays answered, keys typed ahead are still to be used, labels go on counting, and so do the
        transitions: flows of several tenants that hand over in a circle come to the same limit as a single one.
        """
        return FlowState(
            answered=self.answered,
            language=self.language,
            typed_ahead=self.typed_ahead,
            sequence=self.sequence,
            transitions=self.transitions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFacts:
    """What the flow asks about the world, fixed for one step.

    `now` is aware; `time_zone` and `language` are the tenant's; `dnis` is the number dialled in E.164, None when the
    contact came without one; `ani_known` says whether the calling number belongs to a known customer,
    and `segment` to which segment they belong, "" for none.
    """

    now: datetime
    time_zone: tzinfo
    language: str
    dnis: str | None
    ani_known: bool
    segment: str = ""
