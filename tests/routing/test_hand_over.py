"""From the public number to an enterprise: two contacts, one interaction, and every metered second in one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from routing.models import Contact, ContactParty, FlowRun, Interaction
from routing.node import handling
from routing.node.handling import handle
from routing.services import flow as flows
from routing.states import ContactState, EndReason
from routing.switch.port import KeyPressed, LegAnswered, LegEnded, PlaybackFinished
from tenants.models import Timer
from tenants.public import CSP_TENANT_ID, Number, Tenant, engine_scope, fire_due_timers, tenant_scope
from tenants.services.tenancy import suspend_tenant
from tests import factories
from tests.routing import calls

PUBLIC_MENU = {
    "schema": 1,
    "start": "answer",
    "nodes": {
        "answer": {"type": "answer", "next": "menu"},
        "menu": {
            "type": "menu",
            "prompt": {"text": {"en": "For the bank, press 1."}},
            "keys": {"1": "bank", "2": "gone"},
            "retries": 1,
            "timeout_seconds": 5,
            "on_timeout": "bye",
        },
        "bye": {"type": "hang_up", "reason": "no_input"},
    },
}


@dataclass(frozen=True)
class Ways:
    """The provider's public number, and the bank that its menu leads to."""

    provider: Tenant
    bank: Tenant
    number: str


@pytest.fixture
def ways() -> Ways:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    bank = factories.make_tenant()
    queue = factories.make_queue(bank, wrap_up_seconds=0)
    factories.make_entry_point(
        bank, flow=factories.make_flow(bank, factories.queue_flow(queue)), code="calls", public=True
    )
    menu: dict[str, Any] = {
        **PUBLIC_MENU,
        "nodes": {
            **PUBLIC_MENU["nodes"],  # type: ignore[dict-item]  # a JSON document
            "bank": {"type": "hand_over", "tenant": bank.slug, "service": "calls"},
            "gone": {"type": "hand_over", "tenant": bank.slug, "service": "nothing"},
        },
    }
    number = factories.make_number(provider, kind=Number.Kind.PUBLIC)
    factories.make_entry_point(provider, flow=factories.make_flow(provider, menu), number=number)
    return Ways(provider, bank, number.e164)


class Clock:
    """The exchange's: three hours behind ours, and moved by the test."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) - timedelta(hours=3)

    def after(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def contacts_of(first: Contact) -> list[Contact]:
    with engine_scope(read_only=True):
        return list(Contact.objects.filter(interaction_id=first.interaction_id).order_by("ordinal"))


def interaction_of(contact: Contact) -> Interaction:
    with engine_scope(read_only=True):
        return Interaction.objects.using("engine").get(id=contact.interaction_id)


def to_the_menu(ways: Ways, clock: Clock) -> Contact:
    """A call that was answered and hears the menu."""
    contact = calls.call(ways.number, at=clock.now, name="王小明")
    handle(LegAnswered(channel=contact.caller_channel, at=clock.after(2)), node=calls.NODE)
    return contact


def press(contact: Contact, key: str, clock: Clock) -> None:
    handle(KeyPressed(channel=contact.caller_channel, at=clock.after(3.5), digit=key), node=calls.NODE)


def test_a_key_ends_the_providers_contact_and_begins_the_banks_in_the_same_interaction(ways: Ways) -> None:
    clock = Clock()
    first = to_the_menu(ways, clock)
    press(first, "1", clock)
    before, after = contacts_of(first)
    assert (before.tenant_id, before.state, before.end_reason) == (
        CSP_TENANT_ID, ContactState.ENDED, EndReason.HANDED_OVER,
    )  # fmt: skip
    assert (after.tenant_id, after.ordinal, after.state) == (ways.bank.id, 1, ContactState.QUEUED)
    assert after.arrived_at == before.ended_at
    with tenant_scope(ways.bank.id, read_only=True):
        party = ContactParty.objects.get(contact_id=after.id)
        assert (party.ani, party.name, party.dnis) == (calls.ANI, "王小明", ways.number)
        assert not Contact.objects.filter(id=before.id).exists()
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        assert not Contact.objects.filter(id=after.id).exists()
    assert calls.segments(before) == ["flow"]
    assert calls.segments(after) == ["flow", "queue"]


@pytest.mark.parametrize("menu_s", [3.0, 3.25, 17.3])
def test_metered_time_is_the_callers_leg_from_answer_to_end_split_without_rest(
    ways: Ways, menu_s: float, admin_database_url: str
) -> None:
    clock = Clock()
    session = factories.make_session(ways.bank, ready=True)
    first = to_the_menu(ways, clock)
    # Time is not waited for: the answer is moved back instead, with what came before it.
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        ago = [menu_s, first.interaction_id]
        admin.execute(
            "UPDATE routing_interaction SET answered_at = clock_timestamp() - %s * interval '1 s' WHERE id = %s", ago
        )
        admin.execute("UPDATE routing_contact SET arrived_at = arrived_at - interval '1 min' WHERE id = %s", [first.id])
    press(first, "1", clock)
    second = contacts_of(first)[1]
    calls.pair_up(second, session)
    offer = calls.offer_of(second)
    calls.agent_answers(offer)
    calls.bridged(second, offer)
    with engine_scope(read_only=True):
        ours = Interaction.objects.using("engine").get(id=first.interaction_id)
    end = datetime.now(UTC) - timedelta(milliseconds=ours.clock_offset_ms) + timedelta(seconds=60)
    handle(LegEnded(channel=first.caller_channel, at=end, cause=16), node=calls.NODE)
    before, after = contacts_of(first)
    whole = interaction_of(first)
    assert whole.ended_at is not None
    assert whole.answered_at is not None
    assert before.metered_ms is not None
    assert after.metered_ms is not None
    exact = (whole.ended_at - whole.answered_at) / timedelta(milliseconds=1)
    # Each share is cut to whole milliseconds.
    assert -2 < before.metered_ms + after.metered_ms - exact <= 0
    assert menu_s * 1000 <= before.metered_ms < menu_s * 1000 + 2000
    assert after.end_reason == EndReason.HANDLED


def test_a_caller_who_gives_up_in_the_menu_is_metered_and_has_one_contact(ways: Ways) -> None:
    clock = Clock()
    first = to_the_menu(ways, clock)
    handle(LegEnded(channel=first.caller_channel, at=clock.after(4.25), cause=16), node=calls.NODE)
    (only,) = contacts_of(first)
    assert (only.end_reason, only.metered_ms) == (EndReason.LEFT_FLOW, 4250)


def test_a_service_that_is_not_there_ends_the_call_as_failed(ways: Ways) -> None:
    clock = Clock()
    first = to_the_menu(ways, clock)
    press(first, "2", clock)
    assert calls.hung_up(first) == [first.caller_channel]
    calls.caller_hangs_up(first)
    (only,) = contacts_of(first)
    assert only.end_reason == EndReason.FAILED


def test_a_suspended_tenant_takes_no_callers_over(ways: Ways) -> None:
    suspend_tenant(tenant_id=ways.bank.id, actor="user:operator")
    clock = Clock()
    first = to_the_menu(ways, clock)
    press(first, "1", clock)
    assert len(contacts_of(first)) == 1
    assert calls.hung_up(first) == [first.caller_channel]


# --- the process dies -------------------------------------------------------------------------------------------------


def _dies_before_the_hand_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(**given: Any) -> None:
        raise SystemExit("killed between the two transactions")

    monkeypatch.setattr(flows, "hand_over_contact", dead)


def _let_timers_be_due(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("UPDATE tenants_timer SET due_at = clock_timestamp() - interval '1 ms'")


def test_a_process_that_died_before_the_hand_over_leaves_a_timer_that_does_it(
    ways: Ways, monkeypatch: pytest.MonkeyPatch, admin_database_url: str
) -> None:
    clock = Clock()
    first = to_the_menu(ways, clock)
    with monkeypatch.context() as dying:
        _dies_before_the_hand_over(dying)
        with pytest.raises(SystemExit):
            press(first, "1", clock)
    (still,) = contacts_of(first)
    assert still.state == ContactState.IN_FLOW
    with engine_scope(read_only=True):
        kept = Timer.objects.get(kind="hand-over", subject_id=first.id)
    assert kept.data["state"]["typed_ahead"] == ""
    # The timer ends one contact and begins the other; its own timer starts the new flow.
    for _ in range(2):
        _let_timers_be_due(admin_database_url)
        fire_due_timers()
    before, after = contacts_of(first)
    assert (before.end_reason, after.state) == (EndReason.HANDED_OVER, ContactState.QUEUED)
    with engine_scope(read_only=True):
        assert not Timer.objects.filter(kind="hand-over").exists()
    # A timer that comes once more, as from a second engine, does nothing.
    fire_due_timers()
    assert len(contacts_of(first)) == 2


def test_a_caller_who_left_before_the_timer_is_not_handed_over(
    ways: Ways, monkeypatch: pytest.MonkeyPatch, admin_database_url: str
) -> None:
    clock = Clock()
    first = to_the_menu(ways, clock)
    with monkeypatch.context() as dying:
        _dies_before_the_hand_over(dying)
        with pytest.raises(SystemExit):
            press(first, "1", clock)
    handle(LegEnded(channel=first.caller_channel, at=clock.after(1), cause=16), node=calls.NODE)
    _let_timers_be_due(admin_database_url)
    fire_due_timers()
    (only,) = contacts_of(first)
    assert only.state == ContactState.ENDED
    with engine_scope(read_only=True):
        assert not Timer.objects.filter(kind="hand-over").exists()


def test_a_flow_whose_start_was_lost_is_started_by_its_timer_once(
    monkeypatch: pytest.MonkeyPatch, admin_database_url: str
) -> None:
    tenant = factories.make_tenant()
    # Whether the caller is known decides the first step, so it is the tenant's to take, after the arrival.
    nodes = {
        "who": {"type": "caller", "known": "queue", "unknown": "queue"},
        "queue": {"type": "queue", "queue": factories.make_queue(tenant).code},
    }
    flow = factories.make_flow(tenant, {"schema": 1, "start": "who", "nodes": nodes})
    number = factories.make_number(tenant)
    factories.make_entry_point(tenant, flow=flow, number=number)

    def dead(**given: Any) -> None:
        raise SystemExit("killed after the arrival")

    event = calls.arrived(number.e164)
    with monkeypatch.context() as dying:
        dying.setattr(handling, "start_flow", dead)
        with pytest.raises(SystemExit):
            handle(event, node=calls.NODE)
    # The report comes again, as after a reconnection: it is known, so nothing starts it but the timer.
    handle(event, node=calls.NODE)
    with engine_scope(read_only=True):
        contact = Contact.objects.get(caller_channel=event.channel)
    assert contact.state in (ContactState.ARRIVING, ContactState.QUEUED)
    _let_timers_be_due(admin_database_url)
    fire_due_timers()
    assert calls.now_of(contact).state == ContactState.QUEUED
    assert calls.segments(contact) == ["flow", "queue"]


# --- once -------------------------------------------------------------------------------------------------------------


def test_reports_that_come_again_do_nothing_again(ways: Ways) -> None:
    clock = Clock()
    event = calls.arrived(ways.number, at=clock.now)
    answered = LegAnswered(channel=event.channel, at=clock.after(1))
    key = KeyPressed(channel=event.channel, at=clock.after(2), digit="9")
    for report in (event, event, answered, answered, key, key):
        handle(report, node=calls.NODE)
    with engine_scope(read_only=True):
        contact = Contact.objects.get(caller_channel=event.channel)
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        run = FlowRun.objects.get(contact_id=contact.id)
        assert run.applied.count(key.key) == 1
        # A wrong key counted once: it was the first attempt of two.
        assert run.state["attempt"] == 1
    played = PlaybackFinished(channel=event.channel, playback=f"{contact.id}.{run.state['playing']}", at=clock.after(1))
    for _ in range(2):
        handle(played, node=calls.NODE)
    assert len(contacts_of(contact)) == 1
