"""``manage.py diagrams``: draw the state diagrams of ARCHITECTURE.md from the code's own transition tables."""

from __future__ import annotations

import re
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Field, Model

from agents.public import AgentSession
from agents.states import SESSION
from config.checkout import ROOT
from routing.backup_states import ACTIVATION, DIVERSION
from routing.call_back_states import CALL_BACK
from routing.models import BackupActivation, CallBack, Contact, Diversion, Offer, SwitchCommand
from routing.states import COMMAND, CONTACT, OFFER
from tenants.public import Transitions

DOCUMENT = ROOT / "ARCHITECTURE.md"
DIAGRAMS: dict[str, tuple[Transitions, type[Model]]] = {
    "contact": (CONTACT, Contact),
    "offer": (OFFER, Offer),
    "agent session": (SESSION, AgentSession),
    "switch command": (COMMAND, SwitchCommand),
    "activation": (ACTIVATION, BackupActivation),
    "diversion": (DIVERSION, Diversion),
    "call-back": (CALL_BACK, CallBack),
}
"""By name: the table, and the model whose `state` begins somewhere in it."""

_PLACE = re.compile(r"(<!-- drawn: (?P<name>[a-z -]+) -->\n).*?(<!-- end of drawing -->)", re.DOTALL)


class Command(BaseCommand):
    """Changes the document's drawings and nothing else in it."""

    help = "Draw ARCHITECTURE.md's state diagrams anew from the transition tables."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """``--check`` changes nothing."""
        parser.add_argument("--check", action="store_true", help="only say whether the document is up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the document, or fail when it would change."""
        before = DOCUMENT.read_text()
        after = redraw(before)
        if options["check"] and after != before:
            raise CommandError(f"{DOCUMENT.name} is behind the code: run `manage.py diagrams`.")
        if after != before:
            DOCUMENT.write_text(after)
            self.stdout.write(f"{DOCUMENT.name} drawn anew")


def redraw(text: str) -> str:
    """Return the document with each drawing as the tables are now. Raises KeyError for a name that has no table."""
    return _PLACE.sub(lambda place: f"{place[1]}```mermaid\n{draw(*DIAGRAMS[place['name']])}```\n{place[3]}", text)


def draw(table: Transitions, model: type[Model]) -> str:
    """Return a Mermaid state diagram of the table, from the model's first state to those that nothing leaves."""
    order = list(table.table)
    moves = [(source, target) for source, targets in table.table.items() for target in sorted(targets, key=order.index)]
    state = cast("Field[Any, Any]", model._meta.get_field("state"))
    first = str(state.get_default())
    ends = [(end, "[*]") for end in order if end in table.final()]
    lines = (f"    {source} --> {target}\n" for source, target in [("[*]", first), *moves, *ends])
    return "stateDiagram-v2\n" + "".join(lines)
