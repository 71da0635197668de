"""Switch commands: claimed under the lease, settled with its fence, found again after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from django.db import ProgrammingError

from routing.models import CommandKind, Contact, ContactParty, SwitchCommand
from routing.node.execution import Command, caller_of, claim, settle, settle_done
from routing.node.recovery import begun_before, return_unheard
from routing.services.commands import LinedUp, caller_command, enlist_worker
from routing.states import CommandState
from tenants.models import Lease
from tenants.public import Held, db_now, engine_scope, take_lease, tenant_scope
from tests import factories
from tests.agents.races import run_together
from tests.routing import calls

LEASE = f"switch:{calls.NODE}"


def lease(holder: str = "one") -> Held:
    held = take_lease(LEASE, holder=holder, seconds=30)
    assert held is not None
    return held


def lose(held: Held) -> Held:
    """Let another worker take over; its lease."""
    _expire()
    return lease(holder=f"after {held.holder}")


def _expire() -> None:
    with engine_scope():
        Lease.objects.using("engine").filter(name=LEASE).update(expires_at=db_now())


def states(contact: Contact) -> dict[str, str]:
    return {row.kind: row.state for row in calls.commands(contact)}


@pytest.fixture
def ringing() -> Contact:
    """A caller who rings at an agent's: two commands wait, to let the caller hear ringing and to dial."""
    line = calls.make_line()
    factories.make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    assert states(contact) == {"indicate_ringing": "pending", "dial": "pending"}
    return contact


def test_pending_commands_are_claimed_once_in_order_with_the_fence(ringing: Contact) -> None:
    held = lease()
    claimed = claim(held, node=calls.NODE)
    assert [command.kind for command in claimed] == ["indicate_ringing", "dial"]
    assert claim(held, node=calls.NODE) == []
    assert {(row.state, row.fence) for row in calls.commands(ringing)} == {("begun", held.fence)}
    # A telephone rings while the caller is still given something to hear.
    assert [command.keys for command in claimed] == [
        [f"interaction:{ringing.interaction_id}"],
        [f"session:{claimed[1].session_id}"],
    ]


def test_another_nodes_commands_are_left_alone(ringing: Contact) -> None:
    held = take_lease("switch:node2", holder="two", seconds=30)
    assert held is not None
    assert claim(held, node="node2") == []
    assert set(states(ringing).values()) == {"pending"}


def test_of_two_that_claim_at_once_each_command_goes_to_one(ringing: Contact, admin_database_url: str) -> None:
    held = lease()
    # Both have seen the commands pending before either can begin them.
    claims = run_together(
        admin_database_url, [lambda: claim(held, node=calls.NODE)] * 2,
        locked_by="SELECT 1 FROM routing_switchcommand WHERE interaction_id = %s FOR UPDATE",
        values=(ringing.interaction_id,),
    )  # fmt: skip
    ids = [command.id for claimed in claims for command in claimed]
    assert sorted(ids) == [row.id for row in calls.commands(ringing)]


def test_a_worker_whose_lease_expired_claims_nothing(ringing: Contact) -> None:
    held = lease()
    _expire()
    assert claim(held, node=calls.NODE) == []
    assert set(states(ringing).values()) == {"pending"}


def test_a_worker_whose_lease_another_has_claims_nothing(ringing: Contact) -> None:
    former = lease()
    present = lose(former)
    assert present.fence == former.fence + 1
    assert claim(former, node=calls.NODE) == []
    # Neither does one that has the right name and the wrong fence.
    assert claim(Held(name=LEASE, holder=present.holder, fence=former.fence), node=calls.NODE) == []
    assert len(claim(present, node=calls.NODE)) == 2


def test_a_stale_fence_settles_nothing(ringing: Contact) -> None:
    former = lease()
    first, second = claim(former, node=calls.NODE)
    present = lose(former)
    begun_before(present, node=calls.NODE)
    (again,) = claim(present, node=calls.NODE)
    assert again.id == first.id
    settle(first, former, state=CommandState.FAILED, failure="too late")
    settle_done([first.id], former)
    row = _row(first.id)
    assert (row.state, row.fence, row.failure) == ("begun", present.fence, "")
    settle_done([first.id], present)
    assert _row(first.id).state == "done"
    assert _row(second.id).state == "done"


def _row(command_id: UUID) -> SwitchCommand:
    with engine_scope(read_only=True):
        return SwitchCommand.objects.using("engine").get(id=command_id)


def test_what_is_settled_stays_settled(ringing: Contact) -> None:
    held = lease()
    first, second = claim(held, node=calls.NODE)
    settle(first, held, state=CommandState.FAILED, failure="x" * 500)
    settle_done([first.id, second.id], held)
    settle(second, held, state=CommandState.FAILED, failure="late")
    failed, done = _row(first.id), _row(second.id)
    assert (failed.state, len(failed.failure), failed.done_at is not None) == ("failed", 200, True)
    assert (done.state, done.failure) == ("done", "")


def test_a_refusal_is_dated_by_the_databases_clock(ringing: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    held = lease()
    first, _ = claim(held, node=calls.NODE)
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2000, 1, 1, tzinfo=UTC))
    settle(first, held, state=CommandState.FAILED, failure="refused")
    row = _row(first.id)
    assert row.begun_at is not None
    assert row.done_at is not None
    assert row.done_at > row.begun_at


def test_after_a_crash_begun_commands_are_pending_again_but_a_dial_never(ringing: Contact) -> None:
    former = lease()
    claim(former, node=calls.NODE)
    present = lose(former)
    dials = begun_before(present, node=calls.NODE)
    (dial,) = calls.commands(ringing, CommandKind.DIAL)
    assert dials == [dial.arguments["channel"]] == [calls.offer_of(ringing).leg_channel]
    assert (dial.state, dial.failure) == ("done", "found begun: looked up, never repeated")
    assert states(ringing)["indicate_ringing"] == "pending"
    (first,) = calls.commands(ringing, CommandKind.INDICATE_RINGING)
    assert [command.kind for command in claim(present, node=calls.NODE)] == ["indicate_ringing"]
    (again,) = calls.commands(ringing, CommandKind.INDICATE_RINGING)
    assert again.begun_at == first.begun_at is not None


def test_a_workers_own_begun_commands_are_not_recovered(ringing: Contact) -> None:
    held = lease()
    claim(held, node=calls.NODE)
    assert begun_before(held, node=calls.NODE) == []
    assert set(states(ringing).values()) == {"begun"}


class _Worker:
    """A node's worker as its commands' writers see it: what it was asked to line up, and how each ended."""

    node = calls.NODE

    def __init__(self, held: Held, known: Sequence[UUID]) -> None:
        self._held, self._known = held, known
        self.ends: list[bool | None] = []

    def fence(self) -> int:
        return self._held.fence

    def line_up(self, commands: Sequence[SwitchCommand]) -> LinedUp:
        assert commands
        return LinedUp(self._known, self.ends.append)


@pytest.mark.parametrize(
    ("claims", "hears", "begins"),
    [(True, True, True), (True, False, False), (False, False, False)],
    ids=["begun-here", "claimed-and-not-started", "not-claimed"],
)
def test_own_commands_are_begun_behind_those_that_the_worker_knows(
    ringing: Contact, *, claims: bool, hears: bool, begins: bool
) -> None:
    held = lease()
    claimed = claim(held, node=calls.NODE) if claims else []
    worker = _Worker(held, [command.id for command in claimed] if hears else [])
    dismiss = enlist_worker(worker)
    try:
        with engine_scope():
            caller_command(ringing, CommandKind.HANG_UP, at=ringing.arrived_at)
    finally:
        dismiss()
    assert worker.ends == [begins]
    (row,) = calls.commands(ringing, CommandKind.HANG_UP)
    assert (row.state, row.fence) == (("begun", held.fence) if begins else ("pending", None))
    assert (row.begun_at is not None) == begins


def test_own_commands_of_a_transaction_that_failed_are_in_doubt(ringing: Contact) -> None:
    worker = _Worker(lease(), [])

    def fail() -> None:
        with engine_scope() as scope:
            caller_command(ringing, CommandKind.HANG_UP, at=ringing.arrived_at)
            scope.statements.write("SELECT no_such_column", ())

    dismiss = enlist_worker(worker)
    try:
        with pytest.raises(ProgrammingError, match="no_such_column"):
            fail()
    finally:
        dismiss()
    assert worker.ends == [None]
    assert calls.commands(ringing, CommandKind.HANG_UP) == []


def test_what_was_not_heard_of_begins_again_and_is_asked_for_behind_the_locks(
    ringing: Contact, admin_database_url: str
) -> None:
    held = lease()
    first, second = claim(held, node=calls.NODE)
    unlocked: list[tuple[UUID]] = []

    def known() -> list[UUID]:
        with psycopg.connect(admin_database_url) as another:
            unlocked.extend(another.execute("SELECT id FROM routing_switchcommand FOR UPDATE SKIP LOCKED").fetchall())
        return [first.id]

    return_unheard(held, node=calls.NODE, known=known)
    assert (_row(first.id).state, _row(second.id).state) == ("begun", "pending")
    assert not {first.id, second.id} & {row[0] for row in unlocked}


def test_recovery_leaves_other_nodes_and_settled_commands_alone(ringing: Contact) -> None:
    held = lease()
    settle_done([command.id for command in claim(held, node=calls.NODE)], held)
    assert begun_before(lose(held), node=calls.NODE) == []
    assert set(states(ringing).values()) == {"done"}


# --- what the phone shows ---------------------------------------------------------------------------------------------


def _dial(contact: Contact) -> Command:
    (row,) = calls.commands(contact, CommandKind.DIAL)
    return Command(
        id=row.id, interaction_id=row.interaction_id, session_id=row.session_id, contact_id=row.contact_id,
        kind=row.kind, arguments=row.arguments,
    )  # fmt: skip


def test_the_phone_shows_the_caller_who_is_read_in_the_contacts_own_scope(ringing: Contact) -> None:
    assert caller_of(_dial(ringing)) == ("", calls.ANI)
    assert calls.ANI not in str([row.arguments for row in calls.commands(ringing)])


def test_a_hidden_number_is_shown_nobody(ringing: Contact) -> None:
    with tenant_scope(ringing.tenant_id):
        ContactParty.objects.filter(contact_id=ringing.id).update(ani_restricted=True)
    assert caller_of(_dial(ringing)) == ("", "")


def test_another_tenants_scope_finds_nobody(ringing: Contact) -> None:
    dial = _dial(ringing)
    dial.arguments["tenant"] = str(factories.make_tenant().id)
    assert caller_of(dial) == ("", "")


def test_a_tenant_commands_only_calls_that_it_handles(ringing: Contact) -> None:
    stranger = factories.make_tenant()
    with pytest.raises(ProgrammingError, match="row-level security policy"), tenant_scope(stranger.id):
        caller_command(ringing, CommandKind.HANG_UP, at=ringing.arrived_at)
    with tenant_scope(ringing.tenant_id):
        caller_command(ringing, CommandKind.HANG_UP, at=ringing.arrived_at)
    assert calls.hung_up(ringing) == [ringing.caller_channel]
