"""Customers of a segment: ordered with a head start, due within a time of their own, led elsewhere by the flow."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from routing.models import Contact, RoutingPolicy
from routing.states import ContactState
from routing.web.segment_lines import read_segments, show_segments
from tenants.public import Event, Tenant, engine_scope, tenant_scope
from tests import factories
from tests.api import assert_problem, program
from tests.routing import calls
from tests.routing.ringing import timer_kinds

GOLD = "+447700900777"


@pytest.fixture
def acme() -> Tenant:
    tenant = factories.make_tenant()
    factories.make_customer(tenant, phone=GOLD, segment="gold")
    return tenant


def set_policy(tenant: Tenant, segments: dict[str, Any], **fields: Any) -> None:
    with tenant_scope(tenant.id):
        RoutingPolicy.objects.create(segments=segments, **fields)


def ahead_s(contact: Contact) -> float:
    """How much earlier than it came the contact is ordered."""
    assert contact.queued_at is not None
    assert contact.order_at is not None
    return round((contact.arrived_at - contact.order_at).total_seconds())


def test_who_belongs_to_a_segment_goes_before_who_came_a_little_earlier(acme: Tenant) -> None:
    set_policy(acme, {"gold": {"head_start_seconds": 90}})
    line = calls.make_line(acme, weight_seconds=10)
    first, gold = calls.call(line.number), calls.call(line.number, ani=GOLD)
    assert (ahead_s(calls.now_of(first)), ahead_s(calls.now_of(gold))) == (10, 100)
    assert (first.segment, calls.now_of(gold).segment) == ("", "gold")
    calls.pair_up(gold, factories.make_session(acme, ready=True))
    assert timer_kinds(gold.id) == []
    with tenant_scope(acme.id, read_only=True):
        told = {event.aggregate_id: event.data for event in Event.objects.filter(type="contact.queued")}
    assert (told[gold.id]["segment"], "segment" in told[first.id]) == ("gold", False)


def test_who_calls_is_looked_up_only_where_segments_count(acme: Tenant) -> None:
    line = calls.make_line(acme)
    assert (calls.call(line.number, ani=GOLD).segment, ahead_s(calls.call(line.number, ani=GOLD))) == ("", 0)


def test_a_segments_own_service_level_is_due_first(acme: Tenant) -> None:
    set_policy(acme, {"gold": {"target_seconds": 5}}, order=RoutingPolicy.Order.EARLIEST_DUE)
    line = calls.make_line(acme, target_seconds=60)
    calls.call(line.number)
    assert ahead_s(calls.now_of(calls.call(line.number, ani=GOLD))) == -5
    assert ahead_s(calls.now_of(calls.call(line.number))) == -60


def test_a_hidden_number_belongs_to_no_segment(acme: Tenant) -> None:
    set_policy(acme, {"gold": {"head_start_seconds": 90}})
    line = calls.make_line(acme)
    contact = calls.call(line.number, ani="")
    assert (contact.segment, ahead_s(contact)) == ("", 0)


def test_a_flow_leads_customers_of_a_segment_elsewhere(acme: Tenant) -> None:
    queues = {name: factories.make_queue(acme, code=name) for name in ("vip", "sales")}
    nodes = {
        "who": {"type": "caller", "segments": {"gold": "vip"}, "known": "sales", "unknown": "sales"},
        **{name: {"type": "queue", "queue": name} for name in queues},
    }
    number = factories.make_number(acme)
    flow = factories.make_flow(acme, {"schema": 1, "start": "who", "nodes": nodes})
    factories.make_entry_point(acme, flow=flow, number=number)
    found = [calls.now_of(calls.call(number.e164, ani=ani)).queue for ani in (GOLD, calls.ANI)]
    assert found == [queues["vip"], queues["sales"]]


def test_another_tenants_customer_is_nobody_here(acme: Tenant) -> None:
    line = calls.make_line()
    set_policy(line.tenant, {"gold": {"head_start_seconds": 90}})
    contact = calls.now_of(calls.call(line.number, ani=GOLD))
    assert (contact.state, contact.segment) == (ContactState.QUEUED, "")


@pytest.mark.parametrize(
    "segments",
    [
        {"": {}},
        {" gold": {}},
        {"x" * 41: {}},
        {"gold": {"head_start_seconds": -1}},
        {"gold": {"head_start_seconds": 86_401}},
        {"gold": {"target_seconds": 0}},
        {"gold": 90},
        ["gold"],
    ],
)
def test_segments_that_cannot_be_are_refused_and_nothing_is_lost(acme: Tenant, segments: Any) -> None:
    api = program(acme)
    made = api.send("routing-policies/", {"segments": {"黄金 🥇": {"head_start_seconds": 90}}})
    assert made.status_code == 201, made.content
    assert_problem(api.change(f"routing-policies/{made.json()['id']}/", {"segments": segments}), 422, "invalid")
    with engine_scope(read_only=True):
        assert RoutingPolicy.objects.get(tenant=acme).segments == {"黄金 🥇": {"head_start_seconds": 90}}


def test_segments_are_written_a_line_each() -> None:
    segments = {"gold": {"head_start_seconds": 90, "target_seconds": 10}, "银卡": {"target_seconds": 30}, "plain": {}}
    assert read_segments(show_segments(segments)) == segments
    for lines in ("gold", "gold: 90", "gold: within 5, within 6", "a: within 5\na: within 6"):
        with pytest.raises(ValidationError):
            read_segments(lines)
