"""Transition tables: states as data, and the one function that applies a transition."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from django.utils.translation import gettext as _

from tenants.errors import Conflict


class Stateful(Protocol):
    """Anything with a `state`."""

    state: Any


class Transitions:
    """A table of the legal moves of one kind of thing.

    It is the only place that may assign `.state`. Diagrams in ARCHITECTURE.md are drawn from these tables.
    """

    def __init__(self, noun: str, table: Mapping[Any, Iterable[Any]]) -> None:
        self.noun = noun
        self.table = {str(source): frozenset(map(str, targets)) for source, targets in table.items()}

    def allows(self, source: str, target: str) -> bool:
        return str(target) in self.table[str(source)]

    def apply(self, thing: Stateful, target: str) -> None:
        """Move `thing` to `target`; raise Conflict (code "illegal-transition") when the table forbids it."""
        if not self.allows(thing.state, target):
            raise Conflict(
                _("“%(thing)s” cannot go from “%(state)s” to “%(wanted)s”.")
                % {"thing": _(self.noun), "state": thing.state, "wanted": target},
                code="illegal-transition",
                state=str(thing.state),
                wanted=str(target),
            )
        thing.state = str(target)

    def final(self) -> frozenset[str]:
        """The states that nothing leaves."""
        return frozenset(state for state, targets in self.table.items() if not targets)
