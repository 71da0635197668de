"""What a tenant may ask of the exchange, held by the database: its own calls, while it handles them."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError

from routing.models import CommandKind, Contact
from routing.services.commands import caller_command, send
from tenants.public import Tenant, db_now, tenant_scope
from tests import factories
from tests.routing import calls


def _ask(tenant: Tenant, contact: Contact) -> None:
    with tenant_scope(tenant.id):
        caller_command(contact, CommandKind.HANG_UP, at=db_now())


def test_a_tenant_commands_its_own_call() -> None:
    line = calls.make_line()
    contact = calls.call(line.number)
    _ask(line.tenant, contact)
    assert len(calls.commands(contact, CommandKind.HANG_UP)) == 1


def test_a_call_that_another_tenant_handles_cannot_be_commanded() -> None:
    contact = calls.call(calls.make_line().number)
    with pytest.raises(ProgrammingError, match="row-level security"):
        _ask(factories.make_tenant(), contact)


def test_a_call_cannot_be_commanded_any_more_when_the_tenants_contact_has_ended() -> None:
    line = calls.make_line()
    contact = calls.call(line.number)
    calls.caller_hangs_up(contact)
    with pytest.raises(ProgrammingError, match="row-level security"):
        _ask(line.tenant, calls.now_of(contact))


def test_a_contact_does_not_open_another_call() -> None:
    line = calls.make_line()
    contact, other = calls.call(line.number), calls.call(calls.make_line().number)
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(line.tenant.id):
        send(
            CommandKind.HANG_UP, node=contact.node, interaction_id=other.interaction_id, contact_id=contact.id,
            at=db_now(), arguments={"channel": other.caller_channel},
        )  # fmt: skip
