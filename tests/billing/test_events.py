"""A contact that has ended is rated by a message to the worker."""

import base64
import json
import uuid

import redis

from billing.events import CONTACT_ENDED, rate_when_ended
from billing.models import UsageLine
from billing.tasks import rate_contact_task
from config.celery import app
from tenants.public import Happened, tenant_scope
from tests.contact_rows import make_contact
from tests.factories import make_tenant


def test_the_end_of_a_contact_sends_the_task_that_rates_it(redis_url: str) -> None:
    tenant = make_tenant()
    contact = make_contact(tenant, metered_ms=0)
    rate_when_ended(
        Happened(
            id=uuid.uuid4(),
            tenant_id=tenant.id,
            type=CONTACT_ENDED,
            aggregate_type="contact",
            aggregate_id=contact.id,
            seq=1,
            is_test=False,
            data={},
        )
    )

    with redis.Redis.from_url(redis_url) as broker:
        (message,) = [json.loads(raw) for raw in broker.lrange(app.conf.task_default_queue, 0, -1)]
    arguments, _options, _embedded = json.loads(base64.b64decode(message["body"]))
    assert message["headers"]["task"] == rate_contact_task.name
    rate_contact_task(*arguments)

    with tenant_scope(tenant.id, read_only=True):
        assert UsageLine.objects.get().contact_id == contact.id
