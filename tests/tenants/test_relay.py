"""The relay: at least once, in order, by one process at a time, and nothing personal leaves with it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from channels.layers import get_channel_layer
from django.test import override_settings

from tenants import relay as relaying
from tenants.models import Lease
from tenants.public import Happened, Outbox, Relay, Tenant, db_now, engine_scope, record_once, subscribe, tenant_scope
from tenants.relay import LEASE_S, REST_AFTER_FAILURE_S, live_group
from tests.factories import make_tenant

NOWHERE = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:9"]}}


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(clock: Clock) -> Iterator[Relay]:
    with running("one", clock) as candidate:
        yield candidate


@contextmanager
def running(holder: str, clock: Clock) -> Iterator[Relay]:
    candidate = Relay(holder, monotonic=clock)
    yield candidate
    candidate.release()


def happen(tenant: Tenant, *, event_type: str = "contact.queued", **data: Any) -> uuid.UUID:
    """Record an event of the tenant and return the id of what it happened to."""
    subject = uuid.uuid4()
    with tenant_scope(tenant.id):
        record_once(event_type, tenant_id=tenant.id, kind="contact", subject_id=subject, at=db_now(), **data)
    return subject


def waiting() -> int:
    with engine_scope(read_only=True):
        return Outbox.objects.count()


class Listener:
    """A member of a tenant's group, as a socket is."""

    def __init__(self, tenant: Tenant) -> None:
        self.group = live_group(tenant.id)
        self.loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.channel = self.loop.run(self._join())

    async def _join(self) -> str:
        layer = get_channel_layer()
        assert layer is not None
        channel: str = await layer.new_channel()
        await layer.group_add(self.group, channel)
        return channel

    async def _heard(self) -> list[dict[str, Any]]:
        layer = get_channel_layer()
        assert layer is not None
        messages = []
        while True:
            try:
                async with asyncio.timeout(0.1):
                    messages.append(await layer.receive(self.channel))
            except TimeoutError:
                return messages

    def heard(self) -> list[dict[str, Any]]:
        """What has been said since the last time."""
        return self.loop.run(self._heard())

    def leave(self) -> None:
        layer: Any = get_channel_layer()
        self.loop.run(layer.wait_received())
        self.loop.close()


@contextmanager
def listening(tenant: Tenant) -> Iterator[Listener]:
    listener = Listener(tenant)
    yield listener
    listener.leave()


def test_it_tells_each_tenants_changes_in_one_message_and_deletes_the_rows(relay: Relay) -> None:
    one, other = make_tenant(), make_tenant()
    with listening(one) as ears:
        relay.step()  # what making the tenants recorded
        ears.heard()
        session = str(uuid.uuid4())
        first, second = happen(one), happen(one, event_type="offer.created", agent_session=session)
        happen(other)

        assert relay.step() == 3

        (message,) = ears.heard()
    assert message["type"] == "live.changed"
    assert message["changes"] == [
        ["contact", str(first), 1, "contact.queued", {}],
        ["contact", str(second), 1, "offer.created", {"agent_session": session}],
    ]
    assert waiting() == 0
    assert relay.step() == 0


def test_messages_of_a_tenant_are_numbered_without_a_gap_within_an_epoch(relay: Relay, clock: Clock) -> None:
    one, other = make_tenant(), make_tenant()
    with listening(one) as ears:
        for tenant in (one, other, one, one):
            happen(tenant)
            relay.step()
        versions = [(message["epoch"], message["n"]) for message in ears.heard()]
        assert versions == [(1, 1), (1, 2), (1, 3)]

        relay.release()
        with running("two", clock) as successor:
            happen(one)
            successor.step()
        assert [(message["epoch"], message["n"]) for message in ears.heard()] == [(2, 1)]


def test_only_one_of_two_relays(relay: Relay, clock: Clock) -> None:
    tenant = make_tenant()
    happen(tenant)
    with running("two", clock) as standby:
        assert relay.step() == 1
        happen(tenant)
        assert standby.step() == 0
        assert waiting() == 1
        _expire_lease()
        clock.now += LEASE_S
        assert standby.step() == 1


def test_a_relay_that_slept_too_long_neither_reads_nor_deletes(relay: Relay, clock: Clock) -> None:
    tenant = make_tenant()
    relay.step()
    happen(tenant)
    _expire_lease()
    with running("two", clock) as successor:
        # Both believe to hold it: the first has not looked at its lease since.
        assert successor.step() == 1
        happen(tenant)
        assert relay.step() == 0
        assert waiting() == 1


def test_the_delete_carries_the_fence(relay: Relay, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = make_tenant()
    relay.step()
    happen(tenant)
    successor = Relay("two", monotonic=clock)

    def overtaken(event: Happened) -> None:
        _expire_lease()
        successor._lease()

    monkeypatch.setattr(relaying, "_subscribers", {"contact.queued": [overtaken]})
    assert relay.step() == 0
    assert waiting() == 1
    monkeypatch.setattr(relaying, "_subscribers", {})
    assert successor.step() == 1
    successor.release()


def test_nothing_personal_leaves(relay: Relay) -> None:
    tenant = make_tenant()
    offer = str(uuid.uuid4())
    with listening(tenant) as ears:
        happen(
            tenant,
            offer=offer,
            queue="+447700900123",
            contact=None,
            ani="+447700900123",
            name="王小明",
            digits="4711",
            nested={"phone": "+447700900123"},
        )
        relay.step()
        messages = ears.heard()
    (change,) = messages[-1]["changes"]
    assert change[4] == {"offer": offer}
    told = json.dumps(messages, ensure_ascii=False)
    assert not [secret for secret in ("+447700900123", "王小明", "4711") if secret in told]


def test_rows_stay_while_the_channel_layer_is_away(
    relay: Relay, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = make_tenant()
    happen(tenant)
    before = waiting()
    with override_settings(CHANNEL_LAYERS={"default": NOWHERE}):
        assert relay.step() == 0
        assert relay.step() == 0
    assert waiting() == before
    # The second step rested: one complaint a second, not twenty.
    assert caplog.text.count("the channel layer took no message") == 1

    clock.now += REST_AFTER_FAILURE_S
    with listening(tenant) as ears:
        assert relay.step() == before
        # The number that may have been heard is not used again.
        assert ears.heard()[-1]["n"] == 2


def test_subscribers_are_called_with_their_events_and_their_failure_stops_nothing(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relaying, "_subscribers", {})
    heard: list[tuple[uuid.UUID, uuid.UUID]] = []

    def fail(event: Happened) -> None:
        raise ConnectionError("no broker")

    subscribe("contact.ended", fail)
    subscribe("contact.ended", fail)
    subscribe("contact.ended", lambda event: heard.append((event.tenant_id, event.aggregate_id)))
    tenant = make_tenant()
    subject = happen(tenant, event_type="contact.ended")
    happen(tenant)

    assert relay.step() == 2

    assert heard == [(tenant.id, subject)]
    assert caplog.text.count("a subscriber of the log failed") == 1
    assert waiting() == 0


def test_an_outbox_row_without_event_does_not_hold_up_the_rest(
    relay: Relay, admin_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = make_tenant()
    happen(tenant)
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tenants_outbox (event_id, tenant_id) VALUES (%s, %s)", [uuid.UUID(int=1), tenant.id]
        )
    assert relay.step() == 2
    assert waiting() == 0
    assert "an outbox row has no event" in caplog.text


def test_more_than_a_step_takes_is_taken_by_the_next(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying.Relay, "most_at_once", 2)
    tenant = make_tenant()
    subjects = [str(happen(tenant)) for _ in range(5)]
    with listening(tenant) as ears:
        counts = []
        while count := relay.step():
            counts.append(count)
        told = [change[1] for message in ears.heard() for change in message["changes"]]
    assert counts == [2, 2, 1]
    assert told == subjects


def _expire_lease() -> None:
    with engine_scope():
        Lease.objects.filter(name="relay").update(expires_at=db_now())
