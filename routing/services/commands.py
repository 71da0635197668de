"""Asking the switch: one row a command, written with the state that asks for it.

Where the node's worker runs in this very process, what the engine's role asks of it is begun by the transaction that
asks: the worker lines it up before the commit, while the rows that it follows from are locked (or, by a pass, about to
be locked and found unchanged), so in their order, and carries it out once it is committed. All else waits as pending
rows until the node's worker claims them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from routing.models import CommandKind, Contact, SwitchCommand
from routing.states import CommandState
from tenants.public import (
    Scope,
    at_flush,
    current_scope,
    db_now,
    engine_scope,
    hint,
    insert_rows,
    uuid7_floor,
    write_query,
)

BEGIN = Path(__file__).parents[1] / "sql" / "begin_commands.sql"
SETTLED = (CommandState.DONE, CommandState.FAILED)
KEPT_FOR = timedelta(days=30)
"""How long a settled command can be looked at; what it was for is in the log, whose events are kept."""

FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class LinedUp:
    """Commands that stand in their places with a worker, until it is known whether they are begun.

    `known` are those that it had heard of before: what else is open, it has yet to claim or to start. `end` is to be
    told whether they are begun; None when nobody can say.
    """

    known: Collection[UUID]
    end: Callable[[bool | None], None]


class OwnWorker(Protocol):
    """A node's worker, to those who write commands for it in its own process."""

    node: str

    def fence(self) -> int | None:
        """Return the fence of the lease that it holds; None while it may not begin anything."""

    def line_up(self, commands: Sequence[SwitchCommand]) -> LinedUp:
        """Give places to commands that the open transaction is about to begin. Its end must be told, whatever it is."""


_workers: dict[str, OwnWorker] = {}


def enlist_worker(worker: OwnWorker) -> Callable[[], None]:
    """Let `worker` have the commands for its node that this process writes, until the result is called."""
    _workers[worker.node] = worker

    def dismiss() -> None:
        if _workers.get(worker.node) is worker:
            del _workers[worker.node]

    return dismiss


def caller_command(contact: Contact, kind: CommandKind, *, at: datetime, **arguments: Any) -> None:
    """Have the switch do `kind` with the caller's leg of `contact`."""
    send(
        kind,
        node=contact.node,
        interaction_id=contact.interaction_id,
        contact_id=contact.id,
        at=at,
        arguments={"channel": contact.caller_channel, **arguments},
    )


def send(
    kind: CommandKind,
    *,
    node: str,
    interaction_id: UUID,
    at: datetime,
    arguments: Mapping[str, Any],
    contact_id: UUID | None = None,
    session_id: UUID | None = None,
) -> None:
    """Write one switch command at the end of the scope, and wake the node's worker after the commit. A contact of no
    exchange (`node` is "") has no leg to do anything with: for it, nothing is written.

    `arguments` are those of the port's method; they must hold no personal data. Commands of one interaction, and of
    one agent session, are carried out in the order in which they were written.
    """
    if not node:
        return
    current_scope().commands.append(
        SwitchCommand(
            node=node,
            interaction_id=interaction_id,
            contact_id=contact_id,
            session_id=session_id,
            kind=kind,
            arguments=dict(arguments),
            created_at=at,
        )
    )


def switch_hint(node: str) -> str:
    """Return the channel on which the node's worker listens for hints."""
    return f"switch.{node}"


def write_commands(scope: Scope) -> None:
    """Write what the scope asks of the switch. Called at its end, inside its transaction."""
    gathered, scope.commands = scope.commands, []
    for node in {command.node for command in gathered}:
        commands = [command for command in gathered if command.node == node]
        # A tenant's role may ask, but not see what else is asked.
        worker = _workers.get(node) if scope.tenant_id is None else None
        fence = worker.fence() if worker else None
        if worker is None or fence is None:
            insert_rows(commands)
            hint(switch_hint(node))
        else:
            _begin(commands, worker, fence=fence, scope=scope)


def _begin(commands: Sequence[SwitchCommand], worker: OwnWorker, *, fence: int, scope: Scope) -> None:
    lined_up = worker.line_up(commands)
    states: list[str] = []
    scope.endings.append(lambda kept: lined_up.end(states[0] == CommandState.BEGUN if kept else None))
    write_query(
        BEGIN,
        {
            "node": worker.node,
            "fence": fence,
            "interactions": [command.interaction_id for command in commands],
            "sessions": [command.session_id for command in commands if command.session_id],
            "commands": _json([_as_row(command) for command in commands]),
            "known": list(lined_up.known),
        },
        answer=lambda rows: states.extend(state for (state,) in rows),
    )


def _as_row(command: SwitchCommand) -> dict[str, Any]:
    return {
        "id": command.id,
        "interaction": command.interaction_id,
        "session": command.session_id,
        "contact": command.contact_id,
        "kind": command.kind,
        "arguments": command.arguments,
        "at": command.created_at.isoformat(),
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return _ENCODER.encode(rows)


def forget_old_commands() -> int:
    """Delete commands that were settled and are older than `KEPT_FOR`, a few thousand a transaction; say how many."""
    gone = 0
    while True:
        with engine_scope():
            # By their ids, which grow with time and have an index.
            first_kept = uuid7_floor(int((db_now() - KEPT_FOR).timestamp() * 1000))
            old = SwitchCommand.objects.filter(id__lt=first_kept, state__in=SETTLED).order_by("id")
            some, _ = SwitchCommand.objects.filter(id__in=old.values("id")[:FORGOTTEN_AT_ONCE]).delete()
        gone += some
        if some < FORGOTTEN_AT_ONCE:
            return gone


_ENCODER = DjangoJSONEncoder()

at_flush(write_commands)
