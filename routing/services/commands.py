"""Asking the switch: one row a command, written with the state that asks for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from routing.models import CommandKind, Contact, SwitchCommand
from tenants.public import hint, insert_row


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
    """Write one switch command and wake the node's worker after the commit.

    `arguments` are those of the port's method; they must hold no personal data. Commands of one interaction, and of
    one agent session, are carried out in the order in which they were written.
    """
    insert_row(
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
    hint(switch_hint(node))


def switch_hint(node: str) -> str:
    """Return the channel on which the node's worker listens for hints."""
    return f"switch.{node}"
