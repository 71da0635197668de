"""Commands that were settled long ago go; what is open, or may still be looked at, stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from routing import tasks
from routing.models import CommandKind, Contact, SwitchCommand
from routing.services import commands
from tenants.public import db_now, engine_scope, uuid7_floor
from tests.routing import calls


def _written(contact: Contact, at: datetime, *, number: int, state: str) -> UUID:
    """A command of the contact's call, as if it had been written then."""
    command_id = UUID(int=uuid7_floor(int(at.timestamp() * 1000)).int + number)
    with engine_scope():
        SwitchCommand.objects.create(
            id=command_id,
            node=calls.NODE,
            interaction_id=contact.interaction_id,
            contact_id=contact.id,
            kind=CommandKind.HANG_UP,
            arguments={"channel": contact.caller_channel},
            state=state,
            created_at=at,
        )
    return command_id


def test_settled_commands_go_after_thirty_days_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "FORGOTTEN_AT_ONCE", 3)
    contact = calls.call(calls.make_line().number)
    young = {row.id for row in calls.commands(contact)}
    with engine_scope():
        now = db_now()
    past, recent = now - timedelta(days=30, minutes=1), now - timedelta(days=29, hours=23)
    open_ones = {_written(contact, past, number=n, state=state) for n, state in enumerate(("pending", "begun"))}
    for number, state in enumerate(("done", "failed") * 4, start=2):
        _written(contact, past, number=number, state=state)
    kept = _written(contact, recent, number=0, state="done")
    assert tasks.forget_old_commands() == 8
    assert {row.id for row in calls.commands(contact)} == young | open_ones | {kept}
    assert tasks.forget_old_commands() == 0
