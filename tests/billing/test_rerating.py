"""Re-rating: a tariff that was put right becomes corrections, each once, and no line changes."""

import base64
import datetime as dt
import json
import os
import subprocess
import sys
from datetime import UTC
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import redis

from billing.events import hint_rerating
from billing.models import Rerating, UsageLine
from billing.services import corrections, rerating
from billing.services.corrections import correct_line, worth_of
from billing.services.rating import rate_contact, rate_unrated
from billing.services.rerating import carry_out_rerating, order_rerating
from billing.tasks import finish_reratings, rerate
from config.celery import app
from tenants.public import Invalid, NotFound, Tenant, tenant_scope
from tests.billing.rows import change_prices, lines_of, make_outbound_call, make_table
from tests.contact_rows import NOON, make_contact
from tests.factories import ACTOR, make_tenant
from tests.threads import at_once

DAY = NOON.date()
HINT = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from billing.events import hint_rerating
from billing.models import Rerating
hint_rerating(Rerating(tenant_id=sys.argv[1], id=sys.argv[2]))
"""


def call(tenant: Tenant, seconds: int = 60, **fields: Any) -> UsageLine:
    contact = make_contact(tenant, metered_ms=seconds * 1000, **fields)
    return rate_contact(tenant_id=tenant.id, contact_id=contact.id)


def order(tenant: Tenant, first: dt.date = DAY, last: dt.date = DAY, reason: str = "wrong price") -> Rerating:
    return order_rerating(tenant_id=tenant.id, first_day=first, last_day=last, reason=reason, actor=ACTOR)


def carry_out(tenant: Tenant, wanted: Rerating) -> Rerating:
    return carry_out_rerating(tenant_id=tenant.id, rerating_id=wanted.id)


def worth(tenant: Tenant, line: UsageLine) -> tuple[Decimal, Decimal]:
    with tenant_scope(tenant.id, read_only=True):
        found = worth_of([line])[line.id]
    return found.amount, found.quantity


def test_a_wrong_price_becomes_corrections_and_the_lines_stay() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    lines = [call(tenant, seconds) for seconds in (60, 61, 0)]
    change_prices(tenant, "0.3", initial_seconds=60, increment_seconds=60)

    done = carry_out(tenant, order(tenant))

    assert (done.lines, done.corrected, done.kept, done.unpriced) == (3, 2, 0, 0)
    assert done.finished_at is not None
    assert [worth(tenant, line) for line in lines] == [
        (Decimal("0.3"), Decimal(60)),
        (Decimal("0.6"), Decimal(120)),
        (Decimal(0), Decimal(0)),
    ]
    first, second, third, *made = lines_of(tenant)
    assert [first.amount, second.amount, third.amount] == [Decimal("0.6"), Decimal("0.61"), Decimal(0)]
    assert [(each.reason, each.made_by, each.amount) for each in made] == [
        ("wrong price", ACTOR, Decimal("-0.3")),
        ("wrong price", ACTOR, Decimal("-0.01")),
    ]
    assert made[0].explanation["now"]["initial_seconds"] == 60


def test_again_or_after_a_further_change_it_starts_from_what_lines_come_to() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    line = call(tenant)
    change_prices(tenant, "0.3")
    first = order(tenant)
    carry_out(tenant, first)

    assert carry_out(tenant, first).corrected == 1
    assert carry_out(tenant, order(tenant)).corrected == 0
    change_prices(tenant, "0.9")
    carry_out(tenant, order(tenant))
    rate_unrated(tenant_id=tenant.id, everything=True)

    assert [each.amount for each in lines_of(tenant)] == [Decimal("0.6"), Decimal("-0.3"), Decimal("0.6")]
    assert worth(tenant, line)[0] == Decimal("0.9")


def test_what_a_person_has_said_is_kept() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    line, other = call(tenant), call(tenant)
    correct_line(tenant_id=tenant.id, line_id=line.id, amount=Decimal(0), reason="no voice", actor=ACTOR)
    change_prices(tenant, "0.9")

    done = carry_out(tenant, order(tenant))

    assert (done.lines, done.corrected, done.kept) == (2, 1, 1)
    assert (worth(tenant, line)[0], worth(tenant, other)[0]) == (Decimal(0), Decimal("0.9"))


def test_a_person_corrects_what_was_rated_again_from_there() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    line = call(tenant)
    change_prices(tenant, "0.9")
    carry_out(tenant, order(tenant))

    made = correct_line(tenant_id=tenant.id, line_id=line.id, amount=Decimal("0.5"), reason="agreed", actor=ACTOR)

    assert made.amount == Decimal("-0.4")


def test_only_the_days_that_were_ordered() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    make_table(tenant, {"": "0.6"})
    before = call(tenant, at=dt.datetime(2026, 3, 9, 15, 59, tzinfo=UTC))
    within = call(tenant, at=dt.datetime(2026, 3, 9, 16, 0, tzinfo=UTC))
    change_prices(tenant, "0.3")

    done = carry_out(tenant, order(tenant, dt.date(2026, 3, 10), dt.date(2026, 3, 10)))

    assert (done.lines, done.corrected) == (1, 1)
    assert (worth(tenant, before)[0], worth(tenant, within)[0]) == (Decimal("0.6"), Decimal("0.3"))


def test_what_has_no_price_any_more_is_counted_and_left() -> None:
    tenant = make_tenant()
    table = make_table(tenant, {"": "0.6"})
    line = call(tenant)
    with tenant_scope(tenant.id):
        type(table).objects.all().delete()

    done = carry_out(tenant, order(tenant))

    assert (done.lines, done.corrected, done.unpriced) == (1, 0, 1)
    assert worth(tenant, line)[0] == Decimal("0.6")


def test_calls_to_the_outside_are_rated_again_too() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    make_table(tenant, {"+44": "1.2"}, direction="outbound")
    contact = make_contact(tenant, metered_ms=60_000)
    make_outbound_call(contact, number="+447700900001", metered_ms=30_000)
    rate_unrated(tenant_id=tenant.id, everything=True)
    change_prices(tenant, "2.4")

    carry_out(tenant, order(tenant))

    assert [each.amount for each in lines_of(tenant)] == [
        Decimal("0.6"), Decimal("0.6"), Decimal("1.8"), Decimal("0.6"),
    ]  # fmt: skip


def test_it_goes_on_where_a_dead_worker_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerating, "PAGE", 2)
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    for day in (12, 10, 11, 10, 12):
        call(tenant, at=dt.datetime(2026, 3, day, tzinfo=UTC))
    change_prices(tenant, "0.3")
    wanted = order(tenant, dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    honest, pages = corrections.write_corrections, []

    def die_on_the_second_page(of: Tenant, made: dict[UUID, UsageLine]) -> None:
        pages.append(1)
        honest(of, made)
        if len(pages) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(rerating, "write_corrections", die_on_the_second_page)
    with pytest.raises(KeyboardInterrupt):
        carry_out(tenant, wanted)
    assert len(lines_of(tenant)) == 5 + 2
    monkeypatch.setattr(rerating, "write_corrections", honest)

    finish_reratings()

    with tenant_scope(tenant.id, read_only=True):
        done = Rerating.objects.get()
    assert (done.lines, done.corrected) == (5, 5)
    assert sum(line.amount for line in lines_of(tenant)) == 5 * Decimal("0.3")


def test_two_workers_at_once_correct_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerating, "PAGE", 2)
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    for _ in range(6):
        call(tenant)
    change_prices(tenant, "0.3")
    orders = [order(tenant), order(tenant)]

    at_once([partial(carry_out, tenant, wanted) for wanted in (*orders, *orders)])

    assert [line.amount for line in lines_of(tenant)] == [Decimal("0.6")] * 6 + [Decimal("-0.3")] * 6
    with tenant_scope(tenant.id, read_only=True):
        done = list(Rerating.objects.all())
    assert [each.lines for each in done] == [6, 6]
    assert sum(each.corrected for each in done) == 6


def test_an_order_is_kept_when_the_broker_is_away() -> None:
    tenant = make_tenant()
    wanted = order(tenant)
    environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0"}

    subprocess.run([sys.executable, "-c", HINT, str(tenant.id), str(wanted.id)], env=environment, check=True)
    finish_reratings()

    with tenant_scope(tenant.id, read_only=True):
        assert Rerating.objects.get().finished_at is not None


def test_an_order_sends_the_task_that_carries_it_out(redis_url: str) -> None:
    tenant = make_tenant()
    wanted = order(tenant)

    hint_rerating(wanted)

    with redis.Redis.from_url(redis_url) as broker:
        (message,) = [json.loads(raw) for raw in broker.lrange(app.conf.task_default_queue, 0, -1)]
    arguments, _options, _embedded = json.loads(base64.b64decode(message["body"]))
    assert (message["headers"]["task"], arguments) == (rerate.name, [str(tenant.id), str(wanted.id)])


@pytest.mark.parametrize(("last", "reason"), [(DAY - dt.timedelta(days=1), "why"), (DAY, " "), (DAY, "x" * 201)])
def test_an_order_that_is_not_valid_is_refused(last: dt.date, reason: str) -> None:
    tenant = make_tenant()

    with pytest.raises(Invalid):
        order(tenant, last=last, reason=reason)

    with tenant_scope(tenant.id, read_only=True):
        assert not Rerating.objects.exists()


def test_another_tenants_order_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()

    with pytest.raises(NotFound):
        carry_out(tenant, order(other))
