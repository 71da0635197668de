"""The live board as a topic: everything that a supervisor sees of the tenant."""

from collections.abc import Collection, Hashable
from typing import ClassVar

from reporting.board import read_board
from reporting.services.keeping import RECORDS
from tenants.public import Caller, Change, Reading, Right, Topic, Viewer

SHOWN = frozenset({"agent_session", "backup", "contact", RECORDS})
"""The kinds of things that can change the board: what is now, and what has been written down of it."""


class BoardTopic(Topic):
    """The rows of a tenant's board, the same for all who may see it; read at most four times a second."""

    name: ClassVar[str] = "board"
    interval_s: ClassVar[float] = 0.25

    def authorise(self, caller: Caller) -> None:
        """Raise Forbidden (code "missing-right") unless the caller may see the board."""
        caller.require(Right.READ_BOARD)

    def audience(self, viewer: Viewer) -> Hashable:
        """One board a tenant: its words are in the tenant's language, whoever looks."""
        return viewer.tenant_id

    def read(self, viewer: Viewer) -> Reading:
        """Read the board."""
        at, rows = read_board(viewer.tenant_id)
        return Reading(at=at, rows=rows)

    def concerns(self, change: Change, *, viewer: Viewer, shown: Collection[str]) -> bool:
        """Everything that happens to a contact or an agent, and when that has been written down."""
        return change.aggregate_type in SHOWN
