"""What is asked of others, a hint or a matching pass, is asked when its state is committed."""

from __future__ import annotations

from config.hints import listening_locally
from routing.models import SwitchCommand
from routing.services.commands import switch_hint
from tenants.public import engine_scope, hint, request_match, tenant_scope
from tests import factories
from tests.routing import calls


def test_no_side_effect_is_asked_for_before_its_state_is_committed() -> None:
    """A hint wakes the worker only when the rows that it is to find are there."""
    line = calls.make_line()
    seen: list[int] = []

    def look() -> None:
        # In the sender's thread, after its scope: an open transaction would make this scope fail.
        with engine_scope(read_only=True):
            seen.append(SwitchCommand.objects.filter(state="pending").count())

    with listening_locally(switch_hint(calls.NODE), look):
        factories.make_session(line.tenant, ready=True)
        calls.call(line.number)
    assert seen
    assert all(count > 0 for count in seen)


def test_a_scope_that_rolls_back_asks_nothing_of_anybody() -> None:
    tenant = factories.make_tenant()
    woken: list[str] = []
    listening = listening_locally("test.rolled-back", lambda: woken.append("hint"))
    with listening, calls.matching_by_hand() as asked:
        for keeps in (False, True):
            with tenant_scope(tenant.id) as scope:
                request_match(tenant.id)
                hint("test.rolled-back")
                if not keeps:
                    scope.roll_back()
            assert (asked.pools, woken) == (([tenant.id], ["hint"]) if keeps else ([], []))
