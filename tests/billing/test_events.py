"""Contacts that have ended are rated by messages to the worker, many in one."""

import base64
import json
import uuid
from typing import Any

import pytest
import redis
from kombu.exceptions import OperationalError

from billing import events
from billing.events import CONTACT_ENDED, ask_for_ratings, rate_when_call_ended, rate_when_ended
from billing.models import UsageLine
from billing.tasks import rate_ended_task
from config.celery import app
from tenants.public import Happened, Tenant, tenant_scope
from tests.billing.rows import make_table
from tests.contact_rows import make_contact
from tests.factories import make_tenant
from tests.threads import at_once


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_ended", events.EndedContacts())


def happened(tenant: Tenant, contact_id: uuid.UUID, *, kind: str = CONTACT_ENDED, **data: Any) -> Happened:
    return Happened(uuid.uuid4(), tenant.id, kind, "contact", contact_id, 1, is_test=False, data=data)


def messages(redis_url: str) -> list[tuple[str, list[Any]]]:
    """The tasks that wait for a worker, by name, with their arguments."""
    with redis.Redis.from_url(redis_url) as broker:
        waiting = [json.loads(raw) for raw in broker.lrange(app.conf.task_default_queue, 0, -1)]
    return [(each["headers"]["task"], json.loads(base64.b64decode(each["body"]))[0]) for each in waiting]


def test_contacts_that_ended_are_rated_by_one_task(redis_url: str) -> None:
    tenant = make_tenant()
    contacts = [make_contact(tenant, metered_ms=0) for _ in range(3)]
    for contact in contacts:
        for _ in range(2):  # the log is relayed at least once
            rate_when_ended(happened(tenant, contact.id))
    assert messages(redis_url) == []
    ask_for_ratings()
    ((name, arguments),) = messages(redis_url)
    assert name == rate_ended_task.name
    for _ in range(2):
        rate_ended_task(*arguments)
    with tenant_scope(tenant.id, read_only=True):
        rated = sorted(UsageLine.objects.values_list("contact_id", flat=True))
    assert rated == sorted(contact.id for contact in contacts)


def test_who_ends_after_the_asking_is_asked_for_next(redis_url: str) -> None:
    tenant, other = make_tenant(), make_tenant()
    first, second, theirs = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    rate_when_ended(happened(tenant, first))
    rate_when_ended(happened(other, theirs))
    ask_for_ratings()
    rate_when_ended(happened(tenant, second))
    for _ in range(2):
        ask_for_ratings()
    found = sorted((tenant_id, contacts) for _, (tenant_id, contacts) in messages(redis_url))
    asked = [(str(tenant.id), [str(first)]), (str(tenant.id), [str(second)]), (str(other.id), [str(theirs)])]
    assert found == sorted(asked)


def test_the_end_of_a_call_to_the_outside_asks_for_its_contact(redis_url: str) -> None:
    tenant, contact = make_tenant(), uuid.uuid4()
    rate_when_call_ended(happened(tenant, uuid.uuid4(), contact=str(contact), metered_ms=1))
    ask_for_ratings()
    assert messages(redis_url) == [(rate_ended_task.name, [str(tenant.id), [str(contact)]])]


def test_many_are_asked_for_in_pages(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE", 2)
    tenant = make_tenant()
    for _ in range(5):
        rate_when_ended(happened(tenant, uuid.uuid4()))
    ask_for_ratings()
    assert sorted(len(contacts) for _, (_, contacts) in messages(redis_url)) == [1, 2, 2]


def test_a_broker_that_is_away_is_left_to_the_sweep(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("nobody listens")

    monkeypatch.setattr(rate_ended_task, "apply_async", away)
    rate_when_ended(happened(make_tenant(), uuid.uuid4()))
    ask_for_ratings()
    assert "ratings_wait_for_the_sweep" in caplog.text


def test_two_workers_with_the_same_contacts_write_each_line_once() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    contacts = [str(make_contact(tenant, metered_ms=1000).id) for _ in range(20)]
    backwards = contacts[::-1]
    at_once([lambda: rate_ended_task(str(tenant.id), contacts), lambda: rate_ended_task(str(tenant.id), backwards)])
    with tenant_scope(tenant.id, read_only=True):
        assert UsageLine.objects.count() == len(contacts)
