"""Carrying out switch commands: claim under the lease, do, tell. Nothing is done twice that must not be."""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connections

from routing.models import CommandKind, ContactParty, Direction, OutboundParty, SwitchCommand, Trunk
from routing.node.sounds import Sounds
from routing.services.callers import Caller, recent_caller
from routing.states import COMMAND, CommandState
from routing.switch.port import Cause, ChannelGone, Switch, SwitchRefused
from tenants.public import Held, db_now, engine_scope, find_row, run_query, tenant_scope

log = logging.getLogger(__name__)

CLAIM = Path(__file__).parent / "sql" / "claim.sql"
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Command:
    """A claimed command, free of the database."""

    id: UUID
    interaction_id: UUID
    session_id: UUID | None
    contact_id: UUID | None
    kind: str
    arguments: dict[str, Any]

    @classmethod
    def of(cls, row: SwitchCommand) -> "Command":
        """Return the command of a row."""
        return cls(row.id, row.interaction_id, row.session_id, row.contact_id, row.kind, row.arguments)

    @property
    def is_outbound(self) -> bool:
        """Whether it dials to the outside."""
        return "outbound" in self.arguments or self.calls_back

    @property
    def calls_back(self) -> bool:
        """Whether it dials the customer of a call-back."""
        return "customer" in self.arguments

    @property
    def keys(self) -> list[str]:
        """What it must be in order with: its interaction, and its agent session.

        An agent's telephone rings whatever the caller is given to hear meanwhile: it keeps to its session's order.
        """
        session = [f"session:{self.session_id}"] if self.session_id else []
        if self.kind == CommandKind.DIAL and session:
            return session
        return [f"interaction:{self.interaction_id}", *session]

    @property
    def line(self) -> str:
        """In which line it takes turns: telephones ring in the order in which their callers were chosen."""
        demand = self.arguments.get("demand")
        return f"demand:{demand}" if demand else ""


def claim(held: Held, *, node: str, done: Sequence[UUID] = ()) -> list[Command]:
    """Mark the node's pending commands as begun and return them, the oldest first; none when the lease is not ours.

    One statement under the lease's row: a worker that lost its lease claims nothing. Commands that are `done` are
    settled with it, as `settle_done` would.
    """
    with engine_scope(node=node):
        rows = run_query(
            CLAIM,
            {
                "node": node,
                "lease": held.name,
                "holder": held.holder,
                "fence": held.fence,
                "limit": MOST_AT_ONCE,
                "done": list(done),
            },
        )
    return [Command(row[0], row[1], row[2], row[3], row[4], json.loads(row[5])) for row in sorted(rows)]


def settle(command: Command, held: Held, *, state: CommandState, failure: str = "") -> None:
    """Write how a command ended; refused, silently, to a worker whose fence is no longer the command's."""
    with engine_scope():
        row = SwitchCommand.objects.select_for_update().filter(id=command.id, fence=held.fence).first()
        if row is None or row.state != CommandState.BEGUN:
            return
        COMMAND.apply(row, state)
        row.done_at, row.failure = db_now(), failure[:200]
        row.save(update_fields=["state", "done_at", "failure"])


def settle_done(commands: Sequence[UUID], held: Held) -> None:
    """Mark commands as done, many in one statement."""
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute(
            "UPDATE routing_switchcommand SET state = 'done', done_at = clock_timestamp() "
            "WHERE id = ANY(%s) AND fence = %s AND state = 'begun'",
            [list(commands), held.fence],
        )


def caller_of(command: Command) -> tuple[str, str]:
    """Return the name and number that the phone rung is to show, read in the contact's own scope.

    An agent sees the caller, nothing of one who hides, or whom they are to call back. That customer sees the service's
    number. To the outside otherwise goes what the trunk shows: the caller's number,
    or the number that was called, which is never nobody's.
    """
    with tenant_scope(UUID(command.arguments["tenant"]), read_only=True):
        party = find_row(ContactParty, "t.contact_id = %s", [command.contact_id], joined=("contact",))
    if party is None:
        return "", ""
    if command.calls_back:
        return "", party.ani
    if party.contact.direction == Direction.OUTBOUND:
        return party.name, party.dnis
    return _shown(command, Caller(ani=party.ani, restricted=party.ani_restricted, dnis=party.dnis, name=party.name))


def known_caller_of(command: Command) -> tuple[str, str] | None:
    """Return the same from memory, if this process took the call in not long ago: an agent waits for it."""
    caller = recent_caller(command.contact_id) if command.contact_id else None
    return _shown(command, caller) if caller else None


def _shown(command: Command, caller: Caller) -> tuple[str, str]:
    if command.is_outbound and (command.arguments["shows"] == Trunk.Shows.NUMBER or caller.restricted):
        return "", caller.dnis
    return ("", "") if caller.restricted else (caller.name, caller.ani)


def number_of(command: Command) -> str:
    """Return the number that an outbound dial goes to, read in the contact's own scope: commands hold none."""
    with tenant_scope(UUID(command.arguments["tenant"]), read_only=True):
        if command.calls_back:
            return _number_of_customer(command)
        party = find_row(OutboundParty, "t.call_id = %s", [UUID(command.arguments["outbound"])])
        if party is None:
            raise SwitchRefused(f"outbound call {command.arguments['outbound']} has no number")
        return party.number


def _number_of_customer(command: Command) -> str:
    party = find_row(ContactParty, "t.contact_id = %s", [command.contact_id])
    if party is None or not party.dnis:
        raise SwitchRefused(f"contact {command.contact_id} has no number to call")
    return party.dnis


async def perform(  # noqa: C901, PLR0912 - one branch a command
    command: Command, switch: Switch, *, sounds: Sounds
) -> None:
    """Do one command. Raises SwitchUnavailable (try again) or SwitchRefused; a leg that is gone counts as done."""
    given = command.arguments
    try:
        match command.kind:
            case CommandKind.ANSWER:
                await switch.answer(channel=given["channel"])
            case CommandKind.INDICATE_RINGING:
                await switch.indicate_ringing(channel=given["channel"])
            case CommandKind.PLAY:
                media = await asyncio.to_thread(sounds.paths, given["media"])
                await switch.play(channel=given["channel"], playback=given["playback"], media=media)
            case CommandKind.STOP_PLAYBACK:
                await switch.stop_playback(playback=given["playback"])
            case CommandKind.START_MUSIC:
                await switch.start_music(channel=given["channel"], music_class=given["music_class"])
            case CommandKind.STOP_MUSIC:
                await switch.stop_music(channel=given["channel"])
            case CommandKind.BRIDGE:
                await switch.bridge(bridge=given["bridge"], channels=given["channels"])
            case CommandKind.UNBRIDGE:
                await switch.unbridge(bridge=given["bridge"], channel=given["channel"])
            case CommandKind.DESTROY_BRIDGE:
                await switch.destroy_bridge(bridge=given["bridge"])
            case CommandKind.HANG_UP:
                await switch.hang_up(channel=given["channel"], cause=given.get("cause", Cause.NORMAL_CLEARING))
            case _:
                raise SwitchRefused(f"no such command: {command.kind}")
    except ChannelGone:
        log.info("a command came too late: the leg is gone", extra={"command": str(command.id), "kind": command.kind})


async def dial(command: Command, switch: Switch, *, caller: tuple[str, str], number: str) -> None:
    """Ring the agent's phone, or `number` through a trunk, showing who calls. Raises as the port says."""
    given = command.arguments
    await switch.dial(
        channel=given["channel"],
        endpoint=given["endpoint"],
        number=number,
        caller_id_name=caller[0],
        caller_id_number=caller[1],
        timeout_s=given["timeout_s"],
        headers=given["headers"],
    )
