"""Commands that were begun by a worker that is no more."""

import logging
from collections.abc import Callable, Collection
from uuid import UUID

from routing.models import CommandKind, SwitchCommand
from routing.states import COMMAND, CommandState
from tenants.public import Held, db_now, engine_scope

log = logging.getLogger(__name__)


def begun_before(held: Held, *, node: str) -> list[str]:
    """Settle what former holders of the lease began; return the channels of dials among it.

    Everything but a dial may be done again, so it becomes pending. A dial never is: if its leg is there, its events
    and reconciliation go on from it; if not, reconciliation ends the leg, and the offer's lease stands behind both.
    """
    dials, again = [], 0
    with engine_scope(node=node):
        now = db_now()
        begun = SwitchCommand.objects.select_for_update().filter(node=node, state=CommandState.BEGUN)
        for command in begun.exclude(fence=held.fence).order_by("id"):
            if command.kind == CommandKind.DIAL:
                dials.append(str(command.arguments["channel"]))
                COMMAND.apply(command, CommandState.DONE)
                command.done_at, command.failure = now, "found begun: looked up, never repeated"
            else:
                COMMAND.apply(command, CommandState.PENDING)
                again += 1
            command.save(update_fields=["state", "done_at", "failure"])
    if again:
        log.warning("commands of a former worker begin again", extra={"node": node, "commands": again})
    return dials


def return_unheard(held: Held, *, node: str, known: Callable[[], Collection[UUID]]) -> None:
    """Let begin again what this holder claimed without hearing of it: committed, and then the connection broke.

    `known` says which commands it has heard of, and is asked behind the locks: what commits meanwhile it has heard of
    before. None of the others was started, so a dial may begin again too.
    """
    with engine_scope(node=node):
        of_ours = SwitchCommand.objects.filter(node=node, state=CommandState.BEGUN, fence=held.fence)
        begun = list(of_ours.select_for_update().order_by("id"))
        heard_of = set(known())
        for command in begun:
            if command.id not in heard_of:
                COMMAND.apply(command, CommandState.PENDING)
                command.save(update_fields=["state"])
